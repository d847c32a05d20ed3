//! Production is reached with two keys, an open window and an approval, and with nothing less.

use std::fs;

use fabric_evidence::{Event, statement};
use fabric_gate::Policy;
use fabric_model::site::Realm;
use fabric_model::{Code, Digest};

use super::super::Ci;
use super::super::admit::Case;
use super::scene::{END, Scene, environment, minutes, refused, slug, window};
use crate::boundary::Boundary;

#[test]
fn production_is_reached_when_its_guards_are_met() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let admission = scene.admitted();
    let approvals = admission.approvals();
    assert_eq!(approvals.len(), 1);
    assert_eq!(approvals[0].fingerprint, *scene.approver.fingerprint());
    let Event::GuardsMet { rules, reason, window, proof } = admission.begin().expect("it is used up once")
    else {
        panic!("another event");
    };
    assert_eq!((rules.len(), rules[0].line), (1, 2));
    assert_eq!(reason.as_deref(), Some("quarterly failover drill"));
    assert_eq!(window.expect("a window").end.to_string(), END.replace('Z', ".000Z"));
    let proved = format!("{{\"format\":1,\"plan\":\"{}\",\"run_id\":\"run-1\"}}", scene.plan.digest);
    let proof = proof.expect("a proof");
    let by = statement::verify(proved.as_bytes(), proof.as_bytes(), "execute", &scene.trust, scene.now);
    assert_eq!(by.expect("it verifies").fingerprint, *scene.executor.fingerprint());
    admission.still(scene.now, &environment(), "host:prod-1/keepalived").expect("it is open");
}

#[test]
fn admitting_writes_nothing() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    drop((scene.admitted(), scene.admitted()));
    for part in ["used", "budget", "freezes"] {
        assert_eq!(fs::read_dir(scene.path(part)).expect("ours").count(), 0, "{part}");
    }
}

#[test]
fn an_approval_is_used_up_before_the_first_change_and_by_one_run() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let (first, second) = (scene.admitted(), scene.admitted());
    first.begin().expect("it is the first");
    let late = second.begin().expect_err("both were admitted, one is faster");
    assert_eq!(late.code, Code::GuardApprovalUsed);
    assert!(late.hints.concat().contains("fabric approve"), "{late:?}");
    scene.refused(Code::GuardApprovalUsed, "fabric approve");
    scene.approved_by(&scene.approver, &scene.consent());
    scene.admitted();
}

#[test]
fn an_approval_that_was_touched_counts_nothing() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let file = scene.approval_file(&scene.approver, "");
    let text = fs::read_to_string(&file).expect("ours");
    fs::write(&file, text.replace("samakia-prod", "samakia-dev")).expect("ours");
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("signature.bad"), "{fault:?}");
    fs::write(&file, text).expect("ours");
    scene.admitted();
    fs::remove_file(scene.approval_file(&scene.approver, ".asc")).expect("ours");
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("it is not signed"), "{fault:?}");
}

#[test]
fn the_envelope_of_an_approval_says_the_same_or_spoils_it() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let envelope = scene.approval_file(&scene.approver, ".dsse");
    let own = fs::read(&envelope).expect("his key is in a file");
    // The one of an approval that he gave before.
    scene.approved_by(&scene.approver, &scene.consent());
    scene.admitted();
    fs::write(&envelope, &own).expect("ours");
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("statement.differs"), "{fault:?}");
    fs::write(&envelope, "{}\n").expect("ours");
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("statement.form"), "{fault:?}");
    fs::remove_file(&envelope).expect("ours");
    scene.admitted();
    fs::write(&envelope, &own).expect("ours");
    for end in ["", ".asc"] {
        fs::remove_file(scene.approval_file(&scene.approver, end)).expect("ours");
    }
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains(".json.dsse"), "it is no approval by itself: {fault:?}");
}

#[test]
fn an_approval_by_a_stranger_or_under_another_name_counts_nothing() {
    let scene = Scene::new();
    scene.approved_by(&scene.stranger, &scene.consent());
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("signature.unknown_signer"), "{fault:?}");
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    for end in ["", ".asc", ".dsse"] {
        let copy = scene.approval_file(&scene.stranger, end);
        fs::rename(scene.approval_file(&scene.approver, end), copy).expect("ours");
    }
    let fault = scene.refused(Code::GuardApproval, "Find out who put it there");
    assert!(fault.message.contains("belongs in"), "{fault:?}");
}

#[test]
fn nobody_approves_what_he_executes() {
    let scene = Scene::new();
    let own = super::super::approve(&scene.authority(), &scene.consent(), &scene.executor, scene.now);
    assert_eq!(own.expect_err("his own").exit, fabric_model::exit::Exit::Approval);
    // An older program, or another one, may have written it all the same.
    let mut consent = scene.consent();
    consent.executor = scene.approver.fingerprint().clone();
    scene.approved_by(&scene.executor, &consent);
    scene.refused(Code::GuardApprovalOwn, "Somebody else");
}

#[test]
fn an_approval_for_another_plan_is_none_for_this() {
    let scene = Scene::new();
    let mut other = scene.consent();
    other.about.plan = Digest::of(b"another plan");
    scene.approved_by(&scene.approver, &other);
    let here = scene.path(&format!("approvals/{}", scene.plan.digest));
    fs::rename(scene.path(&format!("approvals/{}", other.about.plan)), here).expect("ours");
    scene.refused(Code::GuardApprovalOther, "fabric approve");
}

#[test]
fn an_approval_ends_and_is_bound_to_its_window() {
    let mut scene = Scene::new();
    let mut short = scene.consent();
    short.lasts = minutes(5);
    scene.approved_by(&scene.approver, &short);
    scene.refused(Code::GuardApprovalExpired, "fabric approve");
    scene.approved_by(&scene.approver, &scene.consent());
    scene.admitted();
    scene.claims.window = Some(("2027-01-15T08:15:00Z".to_owned(), END.to_owned()));
    scene.refused(Code::GuardApprovalOther, "--window-start 2027-01-15T08:15:00Z");
}

#[test]
fn what_the_operator_says_is_held_against_the_rows() {
    let mut scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    scene.claims.reason = None;
    scene.refused(Code::GuardReason, "--reason TEXT");
    scene.claims.reason = Some("quarterly failover drill".to_owned());
    scene.claims.ci = Ci::detect(|name| (name == "CI").then(|| "true".into()));
    let fault = scene.refused(Code::GuardCi, "fabric rehearse");
    assert!(fault.message.contains("CI=true"), "{fault:?}");
    scene.claims.ci = None;
    scene.claims.window = Some(("2027-01-15T08:00:00".to_owned(), END.to_owned()));
    let refused = scene.case().admit().err().expect("a time without a zone");
    assert!(
        refused
            .iter()
            .any(|fault| fault.code == Code::GuardWindow && fault.message.contains("explicit zone"))
    );
    assert_eq!(refused.iter().filter(|fault| fault.code == Code::GuardWindow).count(), 1, "{refused:#?}");
    scene.claims.window = Some((super::scene::START.to_owned(), END.to_owned()));
    scene.boundary = Boundary::stated(&["policy.toml"]);
    let fault = scene.refused(Code::GuardBoundary, "`policy-admin`");
    assert!(fault.message.contains("policy.toml"), "{fault:?}");
    scene.boundary = Boundary::stated(&[]);
    scene.now = window().end;
    let codes: Vec<Code> =
        scene.case().admit().err().expect("closed").iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::GuardWindow]);
}

#[test]
fn a_run_without_a_plan_or_with_another_is_refused() {
    let mut scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let none = Case { plan: None, ..scene.case() };
    refused(none, Code::PlanStale, "--plan DIGEST");
    scene.plan.plan.changes[0].summary.push('!');
    scene.refused(Code::PlanAltered, "Make a new plan");
}

#[test]
fn a_signer_who_cannot_sign_or_does_not_count_is_refused() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let unknown = Case { signer: &scene.stranger, ..scene.case() };
    refused(unknown, Code::GuardSigner, "trust file");
    let mut early = Scene::new();
    early.approved_by(&early.approver, &early.consent());
    early.now -= minutes(60 * 24);
    let refused = early.case().admit().err().expect("his key is not made yet");
    let signer = refused.iter().find(|fault| fault.code == Code::GuardSigner).expect("it is said");
    assert!(signer.hints.concat().contains("fabric init"), "{signer:?}");
}

#[test]
fn a_rehearsal_needs_no_plan_and_has_an_authority_of_its_own() {
    let scene = Scene::new();
    let admission = Case { plan: None, realm: Realm::Twin, ..scene.case() }.admit();
    let admission = admission.unwrap_or_else(|refused| panic!("{refused:#?}"));
    admission.begin().expect("nothing is used up");
    admission.still(scene.now, &slug("twin"), "host:prod-1/keepalived").expect("it is a twin");
    assert!(scene.folder.path().join("rehearsals/budget/twin.jsonl").is_file());
    assert_eq!(fs::read_dir(scene.path("budget")).expect("ours").count(), 0);
}

#[test]
fn an_environment_without_an_authority_is_closed() {
    let mut scene = Scene::new();
    fs::remove_dir(scene.path("used")).expect("ours");
    let fault = scene.refused(Code::GuardAuthority, "mkdir -m 3770");
    assert!(fault.message.contains("cannot be reached"), "{fault:?}");
    let text = "format = 1\n[[guard]]\nname = \"p\"\nenvironments = [\"samakia-prod\"]\nroles = [\"operator\"]\n\
                [guard.primitives]\n\"*\" = [\"host:*\"]\n";
    scene.policy = Policy::parse("policy.toml", text).expect("a policy");
    let fault = scene.refused(Code::GuardAuthority, "Add `[[authority]]`");
    assert!(fault.message.contains("declares no authority"), "{fault:?}");
}

#[test]
fn a_change_outside_the_environments_of_the_plan_is_refused_within_the_run() {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    let admission = scene.admitted();
    let fault = admission.still(scene.now, &slug("samakia-dns"), "host:dns-edge-1").expect_err("another one");
    assert_eq!(fault.code, Code::GuardEnvironment);
}
