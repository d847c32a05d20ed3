//! A production with its policy, its authority and three people with keys, in which every guard is met. Each test spoils one thing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fabric_evidence::approval::About;
use fabric_evidence::event::{PacketLink, Principal as Recorded};
use fabric_evidence::{Signer, Trust, key, plan as artifact};
use fabric_gate::{Policy, Principal, Window};
use fabric_model::change::Heals;
use fabric_model::plan::{
    BlastRadius, Grounds, Plan, PlannedChange, PlannedScript, PlannedSite, PlannedTarget,
};
use fabric_model::site::Realm;
use fabric_model::{Class, Code, Confinement, Digest, Fault, Slug, Value};
use tempfile::TempDir;

use super::super::admission::Admission;
use super::super::admit::{Case, Claims};
use super::super::{Authority, Consent, FoundPlan, approve};
use crate::boundary::Boundary;

pub(super) const START: &str = "2027-01-15T08:00:00Z";
pub(super) const END: &str = "2027-01-15T09:00:00Z";

const POLICY: &str = r#"format = 1
[[guard]]
name = "production"
environments = ["samakia-prod"]
roles = ["operator"]
reason_min = 12
window = { max_minutes = 60 }
approvals = { count = 1, roles = ["approver"] }
boundary = "enforced"
budget = { changes_per_run = 2, changes_per_hour = 3 }
[guard.primitives]
"*" = ["host:*"]
[[authority]]
name = "shared"
environments = ["samakia-prod"]
folder = "authority"
thaw_roles = ["approver"]
"#;

pub(super) struct Scene {
    pub(super) folder: TempDir,
    pub(super) executor: Signer,
    pub(super) approver: Signer,
    pub(super) stranger: Signer,
    pub(super) trust: Trust,
    pub(super) policy: Policy,
    pub(super) plan: FoundPlan,
    pub(super) claims: Claims,
    pub(super) boundary: Boundary,
    pub(super) now: SystemTime,
    pub(super) run_id: Slug,
}

pub(super) fn slug(text: &str) -> Slug {
    text.parse().expect("a name")
}

pub(super) fn environment() -> Slug {
    slug("samakia-prod")
}

pub(super) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub(super) fn window() -> Window {
    Window::parse(START, END).expect("a window")
}

fn signer(name: &str, at: SystemTime) -> (Signer, Vec<u8>) {
    let cert = key::generate(name, at).expect("entropy");
    (Signer::from_cert(cert.clone()).expect("it can sign"), key::public_armored(&cert).expect("a key"))
}

impl Scene {
    pub(super) fn new() -> Self {
        let now = window().start + minutes(30);
        let folder = tempfile::tempdir().expect("a folder");
        for part in ["approvals", "freezes", "used", "budget"] {
            fs::create_dir_all(folder.path().join("authority").join(part)).expect("ours");
        }
        let (executor, executor_key) = signer("executor", now - minutes(90));
        let (approver, approver_key) = signer("approver", now - minutes(90));
        let (stranger, _) = signer("stranger", now - minutes(90));
        let entry = |name: &str, signer: &Signer, roles: &str| {
            format!(
                "[[principal]]\nname = \"{name}\"\ncertificate = \"{name}.asc\"\nfingerprint = \"{}\"\nroles = [{roles}]\n",
                signer.fingerprint()
            )
        };
        let text = format!(
            "format = 1\n{}{}",
            entry("executor", &executor, "\"operator\", \"approver\""),
            entry("approver", &approver, "\"approver\"")
        );
        let trust = Trust::parse("trust.toml", &text, |path: &Path| {
            Ok(if path == Path::new("executor.asc") { executor_key.clone() } else { approver_key.clone() })
        })
        .expect("a trust file");
        let plan = found(&executor, now - minutes(10));
        let (start, end) = (START.to_owned(), END.to_owned());
        Self {
            folder,
            executor,
            approver,
            stranger,
            trust,
            policy: Policy::parse("policy.toml", POLICY).expect("a policy"),
            plan,
            claims: Claims {
                reason: Some("quarterly failover drill".to_owned()),
                window: Some((start, end)),
                ci: None,
            },
            // As root, whom nothing binds, no file is out of reach: what it comes to is stated instead.
            boundary: Boundary::stated(&[]),
            now,
            run_id: slug("run-1"),
        }
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("authority").join(below)
    }

    pub(super) fn authority(&self) -> Authority {
        Authority::of(&self.policy, self.folder.path(), &environment()).expect("it is there")
    }

    pub(super) fn consent(&self) -> Consent {
        Consent {
            about: About { plan: self.plan.digest, packet: self.plan.packet.manifest },
            environments: vec![environment()],
            executor: self.executor.fingerprint().clone(),
            window: Some(window()),
            reason: "agreed in the weekly meeting".to_owned(),
            lasts: minutes(120),
            role: slug("approver"),
        }
    }

    pub(super) fn approved_by(&self, signer: &Signer, consent: &Consent) {
        approve(&self.authority(), consent, signer, self.now - minutes(5)).expect("it is written");
    }

    pub(super) fn approval_file(&self, signer: &Signer, end: &str) -> PathBuf {
        self.path(&format!("approvals/{}/{}.json{end}", self.plan.digest, signer.fingerprint()))
    }

    pub(super) fn case(&self) -> Case<'_> {
        Case {
            policy: &self.policy,
            base: self.folder.path(),
            realm: Realm::Real,
            rehearsals: self.folder.path().join("rehearsals"),
            executor: Principal {
                fingerprint: self.executor.fingerprint().to_string(),
                roles: vec![slug("operator"), slug("approver")],
            },
            signer: &self.executor,
            trust: &self.trust,
            boundary: self.boundary.clone(),
            confinement: Some(&Confinement::Full),
            can_rewrite: |_| false,
            kind: "gameday",
            plan: Some(&self.plan),
            run_id: &self.run_id,
            claims: &self.claims,
            now: self.now,
        }
    }

    pub(super) fn admitted(&self) -> Admission {
        self.case().admit().unwrap_or_else(|refused| panic!("{refused:#?}"))
    }

    /// The one refusal of the scene.
    #[track_caller]
    pub(super) fn refused(&self, code: Code, remedy: &str) -> Fault {
        refused(self.case(), code, remedy)
    }
}

/// The one refusal of a case, of this code and with this in its remedy.
#[track_caller]
pub(super) fn refused(case: Case<'_>, code: Code, remedy: &str) -> Fault {
    let refused = case.admit().err().expect("it is refused");
    let [fault] = refused.as_slice() else { panic!("not one refusal: {refused:#?}") };
    assert_eq!(fault.code, code, "{fault:?}");
    assert!(fault.hints.concat().contains(remedy), "{remedy}: {fault:?}");
    fault.clone()
}

fn found(by: &Signer, made: SystemTime) -> FoundPlan {
    let plan = plan();
    let digest = artifact::digest(&plan).expect("it has a form");
    let packet = PacketLink { run_id: slug("dry-1"), manifest: Digest::of(b"manifest") };
    let by = Recorded { fingerprint: by.fingerprint().clone(), roles: vec![slug("operator")] };
    FoundPlan { plan, digest, packet, made, by }
}

/// A plan of one change.
pub(super) fn plan() -> Plan {
    let digest = Digest::of(b"file");
    Plan {
        format: 1,
        script: PlannedScript {
            path: "gamedays/vip.rhai".to_owned(),
            digest,
            title: "VIP failover".to_owned(),
            kind: "gameday".to_owned(),
        },
        modules: BTreeMap::new(),
        policy: digest,
        site: PlannedSite { name: slug("samakia"), realm: Realm::Real, digest },
        params: BTreeMap::new(),
        changes: vec![PlannedChange {
            change: 0,
            scope: Some("the holder stops".to_owned()),
            primitive: "unit.stop".parse().expect("a primitive"),
            class: Class::Change,
            arguments: Value::Null,
            selectors: BTreeMap::new(),
            targets: vec![PlannedTarget {
                resource: "host:prod-1/keepalived".parse().expect("a resource"),
                environment: environment(),
                addresses: Vec::new(),
            }],
            rests_on: Vec::new(),
            before: Value::Null,
            grounds: Grounds::Observed,
            action: Some("stop".into()),
            summary: "stop keepalived.service on prod-1".to_owned(),
            after: Value::Null,
            inverse: None,
            heals: Heals::ByRecover,
            blast: BlastRadius::default(),
        }],
        deferred: Vec::new(),
    }
}
