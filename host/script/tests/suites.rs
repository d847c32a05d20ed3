//! Scripts as authors write them, run by a worker against a scripted host.

mod host;

use fabric_model::check::{Place, Verdict};
use fabric_model::door::FromWorker;
use fabric_model::{Code, Value};
use host::{run, run_start, start, value};

fn verdict(body: &str) -> Verdict {
    let told = run(&format!("check(\"one\", || {{ {body} }});"));
    told.finished();
    let (_, _, verdict) = told.checks().into_iter().next().expect("one check");
    verdict.expect("it ended")
}

#[test]
fn a_call_carries_its_arguments_and_brings_its_answer() {
    let told = run("let r = dns::query(#{name: \"x\", port: 53}); print(r.name + r.port);");
    assert_eq!(told.finished().prints(), ["x53"]);
    let FromWorker::Call { arguments, check, place, .. } = told.frames.first().expect("a call") else {
        panic!()
    };
    assert_eq!((arguments, check, place), (&value(r#"{"name":"x","port":53}"#), &None, &Place(vec![0])));
}

#[test]
fn a_check_ends_as_what_happened_in_it() {
    assert_eq!(verdict("expect_eq(\"n\", 1, 1)"), Verdict::Pass);
    assert_eq!(
        verdict("expect_eq(\"n\", 1, 2)"),
        Verdict::Fail { what: "n".into(), expected: 2.into(), observed: 1.into() }
    );
    assert_eq!(verdict("skip(\"no host\")"), Verdict::Skip { reason: "no host".into() });
    assert!(matches!(verdict("dns::query(#{}).ok == true"), Verdict::Error { fault: None, .. }));
    assert!(matches!(verdict("1 == 2"), Verdict::Fail { .. }));
    assert!(
        matches!(verdict("throw #{a: 1};"), Verdict::Error { fault: None, message } if message.contains(r#"{"a":1}"#))
    );
}

#[test]
fn a_fault_in_a_check_is_its_verdict_with_the_place() {
    let Verdict::Error { fault: Some(fault), message } = verdict("dns::query(#{fault: \"port.timeout\"})")
    else {
        panic!()
    };
    assert_eq!((fault.code, fault.hints.len()), (Code::PortTimeout, 1));
    assert_eq!(message, "as the test wants [port.timeout] at a.rhai:1:24, called at a.rhai:1:1");
}

#[test]
fn a_fault_outside_a_check_ends_the_script_and_can_be_caught() {
    let told = run("\ndns::query(#{fault: \"port.refused\"});");
    assert_eq!(told.threw(), "as the test wants [port.refused] at a.rhai:2:6");
    let told = run(
        "try { dns::query(#{fault: \"denied.by_rule\"}) } catch (e) { print(e.code + e.hints.len()); } print(\"on\");",
    );
    assert_eq!(told.finished().prints(), ["denied.by_rule1", "on"]);
}
