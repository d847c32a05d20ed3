//! Plans in sealed packets.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::event::{
    Act, HostRecord, Mode, Principal, RunHead, ScriptRecord, SiteRecord, WorkerEnd,
};
use fabric_evidence::{Event, PacketFolder, Stamp, plan as artifact};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_model::{Class, Digest};

use super::super::{find_plan, plan_of};
use super::scene::{Scene, minutes, plan, slug};
use crate::refusal::Refusal;

/// The packet of a dry run that made the plan of the scene.
fn packet(scene: &Scene, run_id: &str, at: SystemTime) -> PathBuf {
    let dir = scene.folder.path().join("runs").join(run_id);
    let plan = plan();
    let digest = Digest::of(b"file");
    let head = RunHead {
        run_id: slug(run_id),
        version: "0.1.0".to_owned(),
        mode: Mode::Run,
        act: Act::Plan,
        started: Stamp::of(at),
        site: SiteRecord { name: slug("samakia"), realm: Realm::Real, digest },
        script: ScriptRecord {
            path: plan.script.path.clone(),
            digest,
            title: plan.script.title.clone(),
            kind: plan.script.kind.clone(),
            reach: Class::Change,
        },
        modules: Vec::new(),
        policy: digest,
        trust: scene.trust.digest(),
        principal: Principal {
            fingerprint: scene.executor.fingerprint().clone(),
            roles: vec![slug("operator"), slug("approver")],
        },
        params: BTreeMap::new(),
        host: HostRecord { hostname: "runner".to_owned(), user: "uid 1000".to_owned() },
        boundary: "reduced".to_owned(),
        confinement: None,
        recovered_from: None,
        recording: None,
    };
    let planned = &plan.changes[0];
    let mut packet = PacketFolder::create(&dir).expect("new");
    let mut say = |event: &Event| packet.journal().append(at, event).map(|_| ()).expect("room");
    say(&Event::RunStarted { head: Box::new(head) });
    say(&Event::WorkerEnded { how: WorkerEnd::Finished });
    say(&Event::PlanMade { plan: artifact::digest(&plan).expect("it has a form"), changes: 1 });
    say(&Event::RunEnded { exits: vec![Exit::Done] });
    assert_eq!(planned.change, 0);
    packet.artifact("plan.json", &artifact::to_bytes(&plan).expect("it has a form")).expect("new");
    packet.seal(&scene.executor, "operator", "seal", at).expect("it can be sealed");
    dir
}

fn spoil(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("ours");
    let text = fs::read_to_string(file).expect("ours");
    fs::write(file, text.replace("prod-1", "prod-2")).expect("ours");
}

#[test]
fn the_last_dry_run_that_made_a_plan_is_where_it_is_found() {
    let scene = Scene::new();
    packet(&scene, "dry-2", scene.now - minutes(10));
    packet(&scene, "dry-1", scene.now - minutes(20));
    let runs = scene.folder.path().join("runs");
    let found = find_plan(&runs, &scene.trust, scene.plan.digest, scene.now).expect("it is there");
    assert_eq!(found.packet.run_id, slug("dry-2"));
    assert_eq!((found.digest, found.plan, found.made), (scene.plan.digest, plan(), scene.now - minutes(10)));
    assert_eq!(found.by.fingerprint, *scene.executor.fingerprint());
    let other = find_plan(&runs, &scene.trust, Digest::of(b"other"), scene.now).expect_err("nobody made it");
    assert_eq!(Refusal::from(other).exit, Exit::NotFound);
    let none = find_plan(&scene.folder.path().join("none"), &scene.trust, scene.plan.digest, scene.now);
    assert_eq!(Refusal::from(none.expect_err("there are no packets")).exit, Exit::NotFound);
}

#[test]
fn an_altered_plan_is_refused() {
    let scene = Scene::new();
    let dir = packet(&scene, "dry-1", scene.now - minutes(10));
    spoil(&dir.join("artifacts/plan.json"));
    let refused = find_plan(&scene.folder.path().join("runs"), &scene.trust, scene.plan.digest, scene.now);
    let refused = Refusal::from(refused.expect_err("somebody changed it"));
    assert_eq!(refused.exit, Exit::PlanStale);
    assert!(refused.message.contains("[plan.altered]"), "{refused}");
    assert!(refused.hints.concat().contains("Make a new plan"), "{refused}");
    let altered = Digest::of(&fs::read(dir.join("artifacts/plan.json")).expect("ours"));
    let refused = find_plan(&scene.folder.path().join("runs"), &scene.trust, altered, scene.now);
    assert_eq!(Refusal::from(refused.expect_err("nobody signed it")).exit, Exit::PlanStale);
}

#[test]
fn an_unsealed_packet_vouches_for_no_plan() {
    let scene = Scene::new();
    let dir = packet(&scene, "dry-1", scene.now - minutes(10));
    fs::remove_file(dir.join("manifest.sha256")).expect("ours");
    let exit =
        |dir: &Path| Refusal::from(plan_of(dir, &scene.trust, scene.now).expect_err("there is no plan")).exit;
    assert_eq!(exit(&dir), Exit::PlanStale);
    assert_eq!(exit(&scene.path("approvals")), Exit::NotFound);
}
