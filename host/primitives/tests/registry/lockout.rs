//! What only `nft.apply` can do wrong: a ruleset that arrives by half, and one that cuts off the host that it is for.

use std::time::Duration;

use fabric_model::{Code, Effect, Value};
use fabric_primitives::{Primitive, registry};
use fabric_wire::ssh::ChangeCommand;
use libtest_mimic::{Failed, Trial};

use crate::rigged::{Mishap, Plan};
use crate::scene::{Scene, own_name};
use crate::stage::in_virtual_time;

/// After how many seconds the timer takes a lockout back.
const HEALS_AFTER: u32 = 30;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "nft.apply::a_ruleset_that_arrives_by_half_is_not_loaded",
            a_ruleset_by_half_is_not_loaded,
        ),
        Trial::test("nft.apply::a_ruleset_that_nft_refuses_leaves_nothing", a_refused_ruleset_leaves_nothing),
        Trial::test("nft.apply::a_lockout_ends_with_its_timer", a_lockout_ends_with_its_timer),
    ]
}

fn nft_apply() -> &'static dyn Primitive {
    registry::find(&"nft.apply".parse().expect("a name")).expect("it is listed")
}

/// The first example, with these fields in place of its own.
fn scene(fields: &[(&str, Value)]) -> Scene {
    let example = nft_apply().change_examples().into_iter().next().expect("an example");
    let Value::Map(mut arguments) = example.arguments else { panic!("arguments are a table") };
    for (name, value) in fields {
        arguments.insert((*name).to_owned(), value.clone());
    }
    Scene::of(nft_apply(), Value::Map(arguments))
}

fn texts(words: &[&str]) -> Value {
    Value::List(words.iter().map(|&word| word.into()).collect())
}

/// One table whose chain drops what comes in for sshd.
fn deaf_to_ssh() -> Value {
    let when = Value::table([
        ("protocol", texts(&["tcp"])),
        ("dport", Value::table([("list", Value::List(vec![Value::Int(22)]))])),
    ]);
    let base = Value::table([
        ("type", "filter".into()),
        ("hook", "input".into()),
        ("priority", Value::Int(-200)),
        ("policy", "accept".into()),
    ]);
    let rules = Value::List(vec![Value::table([("when", when), ("then", "drop".into())])]);
    let chain = Value::table([("name", "lockout".into()), ("base", base), ("rules", rules)]);
    let table = Value::table([
        ("family", "inet".into()),
        ("name", "fabric_lockout".into()),
        ("chains", Value::List(vec![chain])),
    ]);
    Value::table([("tables", Value::List(vec![table]))])
}

/// The beginning of a ruleset is one too: read to its end, it flushes everything.
fn a_ruleset_by_half_is_not_loaded() -> Result<(), Failed> {
    in_virtual_time(async {
        let mut ruleset = deaf_to_ssh();
        let Value::Map(fields) = &mut ruleset else { panic!("a ruleset is a table") };
        fields.insert("replace".to_owned(), "ruleset".into());
        let scene = scene(&[("ruleset", ruleset), ("danger_cut_control", true.into())]);
        let first = {
            let act = scene.open(Plan::Nothing).await;
            act.planned().await;
            act.uses().len()
        };
        for arrives in [0, "flush ruleset\n".len(), 40] {
            let act = scene.open(Plan::Once(first, Mishap::Cut(arrives))).await;
            let before = act.digest();
            let change = act.planned().await;
            let fault = act.apply(&change.plan.action, &change).await.expect_err("the connection broke off");
            assert_eq!((fault.code, fault.effect), (Code::PortClosed, Effect::None), "{fault}");
            assert_eq!(act.digest(), before, "{arrives} bytes arrived");
        }
    });
    Ok(())
}

fn a_refused_ruleset_leaves_nothing() -> Result<(), Failed> {
    in_virtual_time(async {
        let act = scene(&[]).open(Plan::Nothing).await;
        let change = act.planned().await;
        let inverse = change.plan.inverse.clone().expect("it can be undone");
        let refused = change.with_payloads(b"table inet x {\n\tchain y { accpet }\n}\n");
        let before = act.digest();
        let fault = act.apply(&inverse, &refused).await.expect_err("that is no ruleset");
        assert_eq!((fault.code, fault.effect), (Code::RemoteCommand, Effect::None), "{fault}");
        assert_eq!(act.digest(), before);
    });
    Ok(())
}

fn a_lockout_ends_with_its_timer() -> Result<(), Failed> {
    in_virtual_time(async {
        let fields = [("ruleset", deaf_to_ssh()), ("danger_cut_control", true.into())];
        let act = scene(&fields).open(Plan::Nothing).await;
        let before = act.digest();
        let change = act.planned().await;
        act.arm(&change, HEALS_AFTER).await;
        // Its session is cut with everything else that comes in for sshd, so there may be no answer.
        let applied = act.apply(&change.plan.action, &change).await;
        assert!(applied.is_ok() || applied.is_err_and(|fault| fault.effect == Effect::Unknown));
        let cut = act.observe_anew().await.expect_err("nobody can log in");
        assert_eq!(cut.code, Code::PortTimeout, "{cut}");
        act.advance(Duration::from_secs(u64::from(HEALS_AFTER) + 1));
        assert_eq!(act.observe_anew().await.as_ref(), Ok(&change.before));
        act.command(&ChangeCommand::TimerDisarm { timer: own_name() }).await;
        act.unstage(&change).await;
        assert_eq!(act.digest(), before);
    });
    Ok(())
}
