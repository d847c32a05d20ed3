//! The commands that run nothing.

use crate::scene::{Scene, json};

const NEEDS: &str = "\"dns.query\" = [\"vip:dns\"]";

#[test]
fn check_passes_both_suites() {
    let scene = Scene::new();
    for suite in ["acceptance/dns.rhai", "acceptance/dns-sdn.rhai"] {
        let ran = scene.fabric(&["check", suite]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.all());
        assert!(ran.stdout.starts_with(suite), "{}", ran.stdout);
    }
}

#[test]
fn check_finds_what_is_wrong_and_where() {
    for (body, says) in [
        ("let x = ;", &["script.rhai:8:9"][..]),
        ("dns::qery(#{});", &["script.rhai:8:", "did you mean `query`?"]),
        ("unit::state(#{ host: \"a\", unit: \"b\" });", &["script.rhai:8:", "unit.state"]),
        ("let site = 1;", &["script.rhai:8:", "site"]),
        ("fn dns() { }", &["script.rhai:8:", "dns"]),
        ("import \"acceptance/lib/zones\" as dns;", &["script.rhai:8:", "dns"]),
        ("import \"acceptance/lib/zone\" as z;", &["script.rhai:8:", "acceptance/lib/zone"]),
        ("expect_equal(1, 1);", &["script.rhai:8:", "expect_eq"]),
    ] {
        let scene = Scene::new();
        scene.script(NEEDS, body);
        let ran = scene.fabric(&["check", "script.rhai"]);
        ran.refused(20, says);
        assert_eq!(ran.stdout, "", "{body}");
        // A rehearsal ends badly too: of the script itself, or where the gate is asked.
        let ran = scene.fabric(&["rehearse", "script.rhai"]);
        let code = if body.starts_with("unit::state") { 6 } else { 20 };
        assert_eq!(ran.code, Some(code), "{body}: {}", ran.all());
    }
}

#[test]
fn check_shows_the_line_with_a_mark_and_says_what_to_write() {
    let scene = Scene::new();
    scene.script(NEEDS, "unit::state(#{ host: \"dns-edge-1\", unit: \"keepalived\" });");
    let ran = scene.fabric(&["check", "script.rhai"]);
    ran.refused(
        20,
        &[
            "error[undeclared-call]",
            "script.rhai:8:7",
            "^^^^^",
            "// \"unit.state\" = [\"host:dns-edge-1/keepalived\"]",
        ],
    );
}

#[test]
fn check_without_a_name_takes_every_script_and_the_projects_own_are_clean() {
    let scene = Scene::new();
    let ran = scene.fabric(&["check", "--deny", "warnings", "--output", "json"]);
    let found = json(&ran.stdout);
    assert_eq!((ran.code, &found["findings"]), (Some(0), &serde_json::json!([])), "{}", ran.all());
    assert_eq!(found["scripts"].as_array().map(Vec::len), Some(3), "{}", ran.stdout);
}

#[test]
fn a_warning_counts_when_warnings_are_denied_and_is_in_every_output() {
    let scene = Scene::new();
    scene.script(NEEDS, "");
    let ran = scene.fabric(&["check", "script.rhai"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("warning[unused-need]"), "{}", ran.stderr);
    scene.fabric(&["check", "script.rhai", "--deny", "warnings"]).refused(20, &["unused-need"]);
    let found =
        json(&scene.fabric(&["check", "script.rhai", "--output", "json"]).stdout)["findings"][0].clone();
    assert_eq!((found["rule"].as_str(), found["severity"].as_str()), (Some("unused-need"), Some("warning")));
    let log = json(&scene.fabric(&["check", "script.rhai", "--output", "sarif"]).stdout);
    let result = log["runs"][0]["results"][0].clone();
    assert_eq!((log["version"].as_str(), result["ruleId"].as_str()), (Some("2.1.0"), Some("unused-need")));
}

#[test]
fn check_finds_a_need_that_the_policy_never_grants() {
    let scene = Scene::new();
    scene.script(
        "\"dns.query\" = [\"host:nowhere\"]",
        "dns::query(#{ server: \"host:nowhere\", name: \"a.test\", type: \"A\" });",
    );
    let ran = scene.fabric(&["check", "script.rhai"]);
    assert!(
        ran.stderr.contains("warning[ungrantable-need]") && ran.stderr.contains("policy.toml:"),
        "{}",
        ran.all()
    );
}

#[test]
fn check_finds_a_misspelt_primitive_in_the_policy() {
    let scene = Scene::new();
    scene.script(NEEDS, "");
    scene.write("policy.toml", &scene.read("policy.toml").replacen("\"dns.query\"", "\"dns.qery\"", 1));
    scene.fabric(&["check", "script.rhai"]).refused(20, &["policy.toml:", "dns.qery"]);
}

#[test]
fn lists_name_suites_and_primitives() {
    let scene = Scene::new();
    let scripts = scene.fabric(&["list"]);
    assert_eq!((scripts.code, scripts.stderr.as_str()), (Some(0), ""));
    assert!(
        scripts.stdout.contains("acceptance/dns.rhai") && scripts.stdout.contains("DNS plane acceptance")
    );
    let primitives = scene.fabric(&["list", "primitives", "--output", "json"]);
    let entries = json(&primitives.stdout)["entries"].clone();
    let names: Vec<&str> =
        entries.as_array().expect("a list").iter().filter_map(|e| e["name"].as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"dns.query") && names.contains(&"unit.state"), "{names:?}");
    assert_eq!(scene.fabric(&["list", "--output", "junit"]).code, Some(2));
}

#[test]
fn one_broken_script_does_not_hide_the_others_from_the_list() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("scripts")).expect("the folder is new");
    scene.write("scripts/broken.rhai", "let x = ;");
    let ran = scene.fabric(&["list"]);
    assert_eq!(ran.code, Some(20), "{}", ran.all());
    assert!(
        ran.stdout.contains("acceptance/dns.rhai") && ran.stderr.contains("scripts/broken.rhai"),
        "{}",
        ran.all()
    );
}

#[test]
fn schemas_are_json_and_every_primitive_has_one() {
    let scene = Scene::new();
    for name in ["site", "run", "checks", "journal", "twin-fault", "dns.query"] {
        let ran = scene.fabric(&["schema", name]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(json(&ran.stdout).is_object(), "{name}");
    }
    let listed = json(&scene.fabric(&["list", "primitives", "--output", "json"]).stdout);
    for entry in listed["entries"].as_array().expect("a list") {
        let name = entry["name"].as_str().expect("a name");
        let schema = json(&scene.fabric(&["schema", name]).stdout);
        assert!(schema["arguments"].is_object() && schema["result"].is_object(), "{name}");
    }
    scene.fabric(&["schema", "nonsense"]).refused(5, &["nonsense", "hint: Schemas: site"]);
}

#[test]
fn init_makes_a_key_once() {
    let scene = Scene::new();
    let made = scene.fabric(&["init", "--role", "operator"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let key = std::fs::read(scene.home().join("signing-key.asc")).expect("it was made");
    scene.fabric(&["init"]).refused(3, &["already", "Nothing was changed"]);
    assert_eq!(std::fs::read(scene.home().join("signing-key.asc")).expect("it is there"), key);
    scene
        .fabric(&["init", "--role", "no role", "--home", "elsewhere"])
        .refused(2, &["the role is not a name"]);
}

#[test]
fn a_code_is_explained_for_people_and_for_programs() {
    let scene = Scene::new();
    let told = scene.fabric(&["explain", "guard.window"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    assert!(
        told.stdout.contains("maintenance window") && told.stdout.contains("--window-start"),
        "{}",
        told.stdout
    );
    let entry = json(&scene.fabric(&["explain", "14", "--output", "json"]).stdout)["entry"].clone();
    assert_eq!((entry["kind"].as_str(), entry["code"].as_str()), (Some("exit"), Some("14")));
    scene.fabric(&["explain", "file.digset"]).refused(5, &["file.digset", "fabric explain file.digest"]);
    scene.fabric(&["explain", "weather"]).refused(5, &["docs/reference/codes.md"]);
}

#[test]
fn bash_accepts_its_completions_and_they_name_every_command() {
    let scene = Scene::new();
    let made = scene.fabric(&["completions", "bash"]);
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    scene.write("completions.bash", &made.stdout);
    let read = std::process::Command::new("bash").arg("-n").arg(scene.path("completions.bash")).status();
    assert!(read.expect("bash is there").success());
    let help = scene.fabric(&["--help"]).stdout;
    let (_, listed) = help.split_once("Commands:").expect("the list of commands");
    let listed = listed.split("Options:").next().unwrap_or_default();
    let named: Vec<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let named: Vec<&str> = named.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(named.contains(&"rehearse") && named.contains(&"completions"), "{named:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = scene.fabric(&["completions", shell]).stdout;
        for name in &named {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn the_reference_is_read_on_the_terminal_and_written_as_files() {
    let scene = Scene::new();
    let page = scene.fabric(&["docs", "dns.query"]);
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    for part in ["dns::query(#{ name:", "dns.query{ name =", "| `server` | string | required |"] {
        assert!(page.stdout.contains(part), "{part}: {}", page.stdout);
    }
    assert!(scene.fabric(&["docs"]).stdout.contains("unit.stop"));
    scene.fabric(&["docs", "dns.qery"]).refused(5, &["dns.qery", "fabric docs"]);
    for (name, parts) in [
        (
            "check",
            [
                "check(\"the front door answers\", ||",
                "check(\"the front door answers\", function()",
                "| `title` | string |",
            ],
        ),
        ("site.hosts", ["site::hosts(#{", "site.hosts{", "every host whose fields equal"]),
    ] {
        let page = scene.fabric(&["docs", name]);
        assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
        let listed = scene.fabric(&["docs"]).stdout;
        assert!(listed.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {listed}");
        for part in parts {
            assert!(page.stdout.contains(part), "{part}: {}", page.stdout);
        }
    }
    assert_eq!(scene.fabric(&["docs", "--write", "reference"]).code, Some(0));
    assert!(scene.read("reference/primitives.md").contains("## `dns.query`"));
    assert!(scene.read("reference/functions.md").contains("## `check`"));
    let definitions = scene.fabric(&["docs", "--luau-definitions"]).stdout;
    assert_eq!(scene.read("reference/fabric.d.luau"), definitions);
    assert!(definitions.contains("declare dns: {"), "{definitions}");
}
