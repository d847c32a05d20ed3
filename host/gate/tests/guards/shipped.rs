//! The guards of the site's own policy.

use fabric_gate::{Policy, Situation, Window};
use fabric_model::Code;

use super::scene::{met, minutes, slug, touch};

const POLICY: &str = include_str!("../../../../policy.toml");
const PRODUCTION: [&str; 4] = ["samakia-prod", "samakia-shared", "samakia-dns", "samakia-minio"];
const DEVELOPMENT: [&str; 2] = ["samakia-dev", "samakia-staging"];

fn in_environment(environment: &str) -> Situation {
    let mut situation = met();
    situation.touches = vec![touch("unit.stop", "host:some-1/keepalived", environment)];
    for approval in &mut situation.approvals {
        approval.environments = vec![slug(environment)];
    }
    situation
}

fn codes(situation: &Situation) -> Vec<Code> {
    let policy = Policy::parse("policy.toml", POLICY).expect("the site's policy has no errors");
    policy.decide(situation).refused.iter().map(|fault| fault.code).collect()
}

#[test]
fn production_is_open_with_all_of_its_guards_and_closed_without_any_one() {
    for environment in PRODUCTION {
        let met = || in_environment(environment);
        assert_eq!(codes(&met()), [], "{environment}");
        let without = [
            (Code::GuardReason, Situation { reason: Some("too short".into()), ..met() }),
            (Code::GuardWindow, {
                let long = Window { end: met().now + minutes(31), ..met().window.expect("a window") };
                let mut situation = Situation { window: Some(long), ..met() };
                situation.approvals[0].window = Some(long);
                situation
            }),
            (Code::GuardApproval, Situation { approvals: Vec::new(), ..met() }),
            (Code::GuardBoundary, Situation { rewritable: Some("policy.toml".into()), ..met() }),
            (Code::GuardConfinement, Situation { unconfined: Some("no Landlock".into()), ..met() }),
            (Code::GuardCi, Situation { ci: Some("CI=true".into()), ..met() }),
        ];
        for (code, situation) in without {
            assert_eq!(codes(&situation), [code], "{environment}");
        }
    }
}

#[test]
fn development_asks_for_a_reason_and_a_window_and_no_approval() {
    for environment in DEVELOPMENT {
        let met = || Situation {
            approvals: Vec::new(),
            rewritable: Some("policy.toml".into()),
            ..in_environment(environment)
        };
        assert_eq!(codes(&met()), [], "{environment}");
        assert_eq!(codes(&Situation { reason: None, ..met() }), [Code::GuardReason]);
        assert_eq!(codes(&Situation { window: None, ..met() }), [Code::GuardWindow]);
        assert_eq!(codes(&Situation { ci: Some("CI=true".into()), ..met() }), [Code::GuardCi]);
    }
}

#[test]
fn stand_ins_are_free_and_everything_else_is_closed() {
    for environment in ["lab", "twin"] {
        let free = Situation {
            approvals: Vec::new(),
            reason: None,
            window: None,
            ci: Some("CI=true".into()),
            rewritable: Some("policy.toml".into()),
            ..in_environment(environment)
        };
        assert_eq!(codes(&free), [], "{environment}");
    }
    for environment in ["samakia", "prod", "dev", "samakia-test"] {
        assert_eq!(codes(&in_environment(environment)), [Code::GuardEnvironment], "{environment}");
    }
}

#[test]
fn every_environment_with_a_guard_has_an_authority_but_the_twin() {
    let policy = Policy::parse("policy.toml", POLICY).expect("the site's policy has no errors");
    for environment in PRODUCTION.into_iter().chain(DEVELOPMENT).chain(["lab"]) {
        assert!(policy.authority(&slug(environment)).is_some(), "{environment}");
    }
    for environment in PRODUCTION {
        assert!(
            !policy.authority(&slug(environment)).expect("it has one").thaw_roles.is_empty(),
            "{environment}"
        );
    }
}
