//! New scripts run at once.

use crate::scene::Scene;

/// A project of its own: the folder of suites of other tests is that of the repository.
fn scene() -> Scene {
    let scene = Scene::with_key();
    std::fs::remove_dir_all(scene.path("acceptance")).expect("it is a copy");
    scene
}

#[test]
fn what_is_made_is_accepted_and_runs_on_the_twin() {
    let scene = scene();
    for (kind, path, dry) in [
        ("acceptance", "acceptance/web-front.rhai", false),
        ("script", "scripts/web-front.rhai", false),
        ("gameday", "gamedays/web-front.rhai", true),
    ] {
        let made = scene.fabric(&["new", kind, "web-front"]);
        assert_eq!((made.code, made.stdout.trim()), (Some(0), path), "{}", made.all());
        for field in ["{title}", "{vip}", "{group}", "{port}", "{watched}"] {
            assert!(!scene.read(path).contains(field), "{path} is filled in");
        }
        assert!(scene.read(path).contains("title = \"web front\""), "{path}");
        let checked = scene.fabric(&["check", path]);
        assert_eq!(checked.code, Some(0), "{path}: {}", checked.all());
        if dry {
            let planned = scene.fabric(&["rehearse", "--dry-run", path]);
            assert_eq!(planned.code, Some(0), "{path}: {}", planned.all());
        }
        let ran = scene.fabric(&["rehearse", path]);
        assert_eq!(ran.code, Some(0), "{path}: {}", ran.all());
        assert!(ran.stdout.contains(" passed"), "{path}: {}", ran.all());
    }
}

#[test]
fn its_check_can_fail() {
    let scene = scene();
    assert_eq!(scene.fabric(&["new", "acceptance", "front"]).code, Some(0));
    let text = scene.read("acceptance/front.rhai");
    scene.write("acceptance/front.rhai", &text.replace("port: 53", "port: 54"));
    let ran = scene.fabric(&["rehearse", "acceptance/front.rhai"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
}

#[test]
fn a_script_that_is_there_is_not_overwritten() {
    let scene = scene();
    assert_eq!(scene.fabric(&["new", "script", "mine"]).code, Some(0));
    scene.write("scripts/mine.rhai", "mine");
    scene.fabric(&["new", "script", "mine"]).refused(3, &["exists and would be lost"]);
    assert_eq!(scene.read("scripts/mine.rhai"), "mine");
    scene.fabric(&["new", "script", "../mine"]).refused(2, &["invalid value"]);
}
