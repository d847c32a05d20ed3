//! Freezes and budgets of an authority.

use std::fs;
use std::path::PathBuf;

use fabric_model::exit::Exit;
use fabric_model::{Code, Slug};

use super::super::{freeze, frozen, thaw};
use super::scene::{Scene, environment, minutes, slug, window};

fn frozen_by(scene: &Scene, lasts: u64) -> PathBuf {
    let id: Slug = freeze(
        &scene.authority(),
        &environment(),
        "release week",
        scene.now + minutes(lasts),
        &scene.executor,
        &slug("operator"),
        scene.now - minutes(1),
    )
    .expect("it is written");
    scene.path(&format!("freezes/{}/{id}.json", environment()))
}

fn approved() -> Scene {
    let scene = Scene::new();
    scene.approved_by(&scene.approver, &scene.consent());
    scene
}

fn thawed(scene: &Scene) -> usize {
    thaw(
        &scene.authority(),
        &environment(),
        "the release is out",
        &scene.approver,
        &slug("approver"),
        &scene.trust,
        scene.now,
    )
    .expect("it is written")
}

#[test]
fn a_freeze_stops_runs_until_it_is_lifted_or_over() {
    let mut scene = approved();
    frozen_by(&scene, 20);
    let fault = scene.refused(Code::GuardFrozen, "fabric thaw samakia-prod");
    assert!(fault.message.contains("by executor: release week"), "{fault:?}");
    assert_eq!(thawed(&scene), 1);
    scene.admitted();
    frozen_by(&scene, 20);
    scene.refused(Code::GuardFrozen, "fabric thaw");
    scene.now += minutes(20);
    scene.admitted();
}

#[test]
fn a_freeze_that_comes_while_a_run_changes_things_stops_it() {
    let scene = approved();
    let admission = scene.admitted();
    admission.still(scene.now, &environment(), "host:prod-1").expect("it is open");
    admission.lasts(scene.now).expect("it is open");
    frozen_by(&scene, 20);
    let fault = admission.still(scene.now, &environment(), "host:prod-1").expect_err("it is frozen");
    assert_eq!(fault.code, Code::GuardFrozen);
    assert_eq!(admission.lasts(scene.now).expect_err("it is frozen").code, Code::GuardFrozen);
    thawed(&scene);
    admission.lasts(scene.now).expect("it is open again");
    assert_eq!(admission.lasts(window().end).expect_err("closed").code, Code::GuardWindowClosed);
    let fault = admission.still(window().end, &environment(), "host:prod-1").expect_err("it is closed");
    assert_eq!(fault.code, Code::GuardWindowClosed);
}

#[test]
fn a_freeze_that_cannot_be_understood_freezes() {
    let spoil: [fn(&PathBuf); 4] = [
        |file| fs::write(file, "{}").expect("ours"),
        |file| {
            fs::write(file, fs::read_to_string(file).expect("ours").replace("release", "relaxed"))
                .expect("ours")
        },
        |file| fs::remove_file(file.with_extension("json.asc")).expect("ours"),
        |file| fs::remove_file(file).expect("ours"),
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let mut scene = approved();
        let file = frozen_by(&scene, 5);
        spoil(&file);
        // Nobody knows when it ends.
        scene.now += minutes(10);
        let fault = scene.refused(Code::GuardFrozen, "fabric thaw");
        assert!(fault.message.contains("cannot be understood"), "{number}: {fault:?}");
        let there = file.exists();
        assert_eq!(thawed(&scene), usize::from(there), "{number}");
        assert_eq!(scene.case().admit().is_ok(), there, "{number}: what is there can be lifted by name");
    }
    let scene = approved();
    let folder = scene.path("freezes/samakia-prod");
    fs::create_dir(&folder).expect("ours");
    fs::write(folder.join("README"), "").expect("ours");
    scene.refused(Code::GuardFrozen, "fabric thaw");
}

#[test]
fn a_thaw_lifts_one_freeze_and_counts_in_its_role_alone() {
    let scene = approved();
    let refused = thaw(
        &scene.authority(),
        &environment(),
        "no patience",
        &scene.executor,
        &slug("operator"),
        &scene.trust,
        scene.now,
    );
    let refused = refused.expect_err("operators lift none here");
    assert_eq!(refused.exit, Exit::Denied);
    assert!(refused.hints.concat().contains("approver"), "{refused}");
    let first = frozen_by(&scene, 20);
    thawed(&scene);
    let second = frozen_by(&scene, 20);
    for end in ["thaw.json", "thaw.json.asc"] {
        fs::copy(first.with_extension(end), second.with_extension(end)).expect("ours");
    }
    scene.refused(Code::GuardFrozen, "fabric thaw");
    let left = frozen(&scene.authority(), &environment(), &scene.trust, scene.now).expect("readable");
    let names: Vec<&str> = left.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [second.file_name().and_then(|name| name.to_str()).expect("a name")]);
}

#[test]
fn a_freeze_of_another_environment_is_none_here_and_freezes_when_it_is_moved_here() {
    let scene = approved();
    let elsewhere = slug("samakia-dns");
    let (signer, until) = (&scene.executor, scene.now + minutes(5));
    freeze(&scene.authority(), &elsewhere, "release week", until, signer, &slug("operator"), scene.now)
        .expect("it is written");
    scene.admitted();
    fs::rename(scene.path("freezes/samakia-dns"), scene.path("freezes/samakia-prod")).expect("ours");
    let fault = scene.refused(Code::GuardFrozen, "fabric thaw");
    assert!(fault.message.contains("another place"), "{fault:?}");
}

#[test]
fn a_budget_is_shared_by_all_runs_of_an_environment() {
    let mut scene = approved();
    let admission = scene.admitted();
    for _ in 0..2 {
        admission.still(scene.now, &environment(), "host:prod-1/keepalived").expect("within the budget");
    }
    let fault = admission.still(scene.now, &environment(), "host:prod-1").expect_err("two changes a run");
    assert_eq!(fault.code, Code::GuardBudget);
    let other = scene.admitted();
    other.still(scene.now, &environment(), "host:prod-1").expect("the third of the hour");
    let fault = other.still(scene.now, &environment(), "host:prod-1").expect_err("three changes an hour");
    assert_eq!(fault.code, Code::GuardBudget);
    let fault = scene.refused(Code::GuardBudget, "changes_per_hour");
    assert!(fault.message.contains("had 3 changes"), "{fault:?}");
    // Half an hour later the window is over, so the next one is asked with a window and an approval of its own.
    scene.now += minutes(61);
    scene.claims.window = Some(("2027-01-15T09:15:00Z".to_owned(), "2027-01-15T10:00:00Z".to_owned()));
    let mut consent = scene.consent();
    consent.window =
        Some(fabric_gate::Window::parse("2027-01-15T09:15:00Z", "2027-01-15T10:00:00Z").expect("one"));
    scene.approved_by(&scene.approver, &consent);
    scene.admitted();
}

#[test]
fn a_torn_booking_was_never_acted_on_and_a_changed_one_stops_everything() {
    let scene = approved();
    let admission = scene.admitted();
    admission.still(scene.now, &environment(), "host:prod-1").expect("within the budget");
    let ledger = scene.path("budget/samakia-prod.jsonl");
    let whole = fs::read_to_string(&ledger).expect("ours");
    fs::write(&ledger, format!("{whole}{{\"at\":\"2027-")).expect("ours");
    admission.still(scene.now, &environment(), "host:prod-1").expect("the torn line is none");
    let text = fs::read_to_string(&ledger).expect("ours");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with(&whole) && text.ends_with('\n'), "{text}");
    fs::write(&ledger, format!("nothing\n{whole}")).expect("ours");
    let fault = scene.refused(Code::GuardAuthority, "remove the line");
    assert!(fault.message.contains("line 1 of the ledger"), "{fault:?}");
}
