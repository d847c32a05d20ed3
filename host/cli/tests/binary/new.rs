//! New scripts run at once.

use crate::scene::Scene;

/// A project of its own: the folder of suites of other tests is that of the repository.
fn scene() -> Scene {
    let scene = Scene::with_key();
    std::fs::remove_dir_all(scene.path("acceptance")).expect("it is a copy");
    scene
}

const KINDS: [(&str, &str); 3] =
    [("acceptance", "acceptance"), ("script", "scripts"), ("gameday", "gamedays")];
const LANGUAGES: [&str; 2] = ["rhai", "luau"];

#[test]
fn what_is_made_is_accepted_and_runs_on_the_twin() {
    let scene = scene();
    for (kind, folder) in KINDS {
        for language in LANGUAGES {
            let name = format!("web-{language}");
            let (path, cases) = (format!("{folder}/{name}.{language}"), format!("{folder}/{name}.test.toml"));
            let made = scene.fabric(&["new", kind, &name, "--language", language]);
            assert_eq!(
                (made.code, made.stdout.trim()),
                (Some(0), format!("{path}\n{cases}").as_str()),
                "{}",
                made.all()
            );
            for field in ["{title}", "{file}", "{vip}", "{group}", "{port}", "{watched}", "{down}", "{peer}"]
            {
                assert!(!scene.read(&path).contains(field), "{path} is filled in");
                assert!(!scene.read(&cases).contains(field), "{cases} is filled in");
            }
            assert!(scene.read(&path).contains(&format!("title = \"web {language}\"")), "{path}");
            let checked = scene.fabric(&["check", "--deny", "warnings", &path]);
            assert_eq!(checked.code, Some(0), "{path}: {}", checked.all());
            if kind == "gameday" {
                // Slower, so that a busy machine is no outage.
                let text = scene.read(&cases);
                let case = "name = \"the peer takes over\"\n";
                assert!(text.contains(case), "{text}");
                scene.write(&cases, &text.replace(case, &format!("{case}speed = 3\n")));
                let planned = scene.fabric(&["rehearse", "--dry-run", &path]);
                assert_eq!(planned.code, Some(0), "{path}: {}", planned.all());
            }
            let ran = scene.fabric(&["rehearse", &path, "--speed", "3"]);
            assert_eq!(ran.code, Some(0), "{path}: {}", ran.all());
            assert!(ran.stdout.contains(" passed"), "{path}: {}", ran.all());
        }
    }
    // Each with a fault that it finds.
    let tested = scene.fabric(&["test"]);
    assert_eq!(tested.code, Some(0), "{}", tested.all());
    assert!(tested.stdout.contains("14 passed"), "{}", tested.all());
}

#[test]
fn both_languages_are_given_the_same_calls() {
    let scene = scene();
    for (kind, folder) in KINDS {
        let [rhai, luau] = LANGUAGES.map(|language| {
            assert_eq!(scene.fabric(&["new", kind, language, "--language", language]).code, Some(0));
            let path = format!("{folder}/{language}.{language}");
            let ran = scene.fabric(&[
                "rehearse",
                "--dry-run",
                &path,
                "--record-grants",
                &format!("{kind}.{language}"),
            ]);
            assert_eq!(ran.code, Some(0), "{path}: {}", ran.all());
            scene.read(&format!("{kind}.{language}")).replace(language, "")
        });
        assert_eq!(rhai, luau, "{kind}");
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
fn a_script_whose_check_shows_less_fails_its_cases() {
    let scene = scene();
    assert_eq!(scene.fabric(&["new", "acceptance", "front", "--language", "luau"]).code, Some(0));
    let text = scene.read("acceptance/front.luau");
    let asks = "local answer = tcp.connect{";
    assert!(text.contains(asks), "{text}");
    scene.write(
        "acceptance/front.luau",
        &text.replace(asks, "local answer = { state = \"open\" } or tcp.connect{"),
    );
    let ran = scene.fabric(&["test"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(ran.stdout.contains("FAIL  every host behind dns is down"), "{}", ran.all());
}

#[test]
fn a_script_that_is_there_is_not_overwritten() {
    let scene = scene();
    assert_eq!(scene.fabric(&["new", "script", "mine"]).code, Some(0));
    scene.write("scripts/mine.rhai", "mine");
    scene.fabric(&["new", "script", "mine", "--language", "luau"]).refused(3, &["mine.test.toml exists"]);
    assert!(!scene.path("scripts/mine.luau").exists(), "both or none");
    scene.fabric(&["new", "script", "mine"]).refused(3, &["exists and would be lost"]);
    assert_eq!(scene.read("scripts/mine.rhai"), "mine");
    scene.fabric(&["new", "script", "../mine"]).refused(2, &["invalid value"]);
}
