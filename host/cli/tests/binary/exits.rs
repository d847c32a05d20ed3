//! Exit codes: one for each way a command can end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::scene::{Scene, kill};

const SOA: &str = "dns::query(#{ server: \"vip:dns\", name: \"infra.samakia.net\", type: \"SOA\" })";
const NEEDS: &str = "\"dns.query\" = [\"vip:dns\"]";

fn rehearsed(body: &str) -> (Option<i32>, Scene) {
    let scene = Scene::new();
    let ran = scene.rehearse(NEEDS, body, &[]);
    assert_eq!(scene.record()["code"].as_i64(), ran.code.map(i64::from), "{}", ran.all());
    (ran.code, scene)
}

#[test]
fn checks_decide_between_done_failed_and_not_measurable() {
    for (body, code) in [
        (format!("check(\"a\", || expect_eq(\"rcode\", {SOA}.rcode, \"NOERROR\"));"), 0),
        (format!("check(\"a\", || expect_eq(\"rcode\", {SOA}.rcode, \"REFUSED\"));"), 1),
        ("check(\"a\", || false); check(\"b\", || throw \"x\");".to_owned(), 1),
        ("check(\"a\", || true); check(\"b\", || throw \"x\");".to_owned(), 11),
        ("check(\"a\", || skip(\"not here\"));".to_owned(), 11),
        ("check(\"a\", || { try { dns::query(#{ server: \"vip:dns\" }); } catch {} });".to_owned(), 11),
        (String::new(), 0),
    ] {
        assert_eq!(rehearsed(&body).0, Some(code), "{body}");
    }
}

#[test]
fn a_denial_outweighs_everything_also_when_it_is_caught() {
    let denied = "dns::query(#{ server: \"host:dns-auth-1\", name: \"infra.samakia.net\", type: \"SOA\" })";
    for body in [
        format!("check(\"a\", || {denied});"),
        format!("try {{ {denied}; }} catch {{}} check(\"a\", || true);"),
        format!("check(\"a\", || false); try {{ {denied}; }} catch {{}}"),
        format!("try {{ {denied}; }} catch {{}} throw \"x\";"),
    ] {
        let (code, scene) = rehearsed(&body);
        assert_eq!(code, Some(6), "{body}");
        let journal = fs::read_to_string(scene.packet().join("journal.jsonl")).expect("the packet has it");
        assert!(journal.contains("denied.undeclared") && !journal.contains("call_granted"), "{journal}");
    }
    let (_, scene) = rehearsed(&format!("check(\"a\", || false); try {{ {denied}; }} catch {{}}"));
    assert_eq!(scene.record()["exits"], serde_json::json!(["denied", "checks_failed"]));
}

#[test]
fn a_signal_to_the_host_or_its_whole_group_ends_as_interrupted_and_sealed() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let scene = Scene::new();
        let run = scene.start_endless();
        kill(run.pid(), signal);
        assert_eq!(run.end().code, Some(130), "{signal:?}");
        let record = scene.record();
        assert_eq!((&record["code"], &record["worker"]["how"]), (&130.into(), &"stopped".into()));
        assert_eq!(scene.checks().first().map(|c| c["status"].clone()), Some("error".into()));
    }
    // Ctrl-C on a terminal reaches every process of the group.
    let scene = Scene::new();
    let run = scene.start_endless();
    kill_process_group(Pid::from_raw(run.pid()).expect("a number"), Signal::INT).expect("it is ours");
    assert_eq!(run.end().code, Some(130));
    assert_eq!(scene.record()["code"], 130);
}

#[test]
fn a_wrong_command_line_is_usage() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    for args in [
        &["rehearse", "script.rhai", "--unknown"][..],
        &["rehearse", "script.rhai", "--param", "x"],
        &["rehearse", "script.rhai", "--param", "=x"],
        &["rehearse", "script.rhai", "--param", "x=1"],
        &["rehearse", "script.rhai", "--time-limit", "0"],
        &["rehearse", "script.rhai", "--fault", "{}"],
        &["run", "script.rhai", "--fault", "{\"fault\":\"forwarding-off\",\"host\":\"dns-edge-1\"}"],
        &["rehearse"],
        &["nonsense"],
        &[],
    ] {
        let ran = scene.fabric(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}: {}", ran.all());
    }
    assert_eq!(scene.packets().len(), 0);
}

#[test]
fn parameters_are_checked_against_the_declaration() {
    let scene = Scene::with_key();
    scene.write(
        "script.rhai",
        "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [params.n]\n// type = \"integer\"\n// [needs]\n// ///\ncheck(\"n\", || expect_eq(\"n\", param(\"n\"), 7));\n",
    );
    scene.fabric(&["rehearse", "script.rhai"]).refused(2, &["parameter `n` is missing"]);
    scene.fabric(&["rehearse", "script.rhai", "--param", "n=x"]).refused(2, &["expected integer, found `x`"]);
    scene.fabric(&["rehearse", "script.rhai", "--param", "m=7"]).refused(2, &["no parameter `m`", "takes n"]);
    assert_eq!(scene.fabric(&["rehearse", "script.rhai", "--param", "n=7"]).code, Some(0));
}

#[test]
fn missing_files_say_what_to_do() {
    let scene = Scene::with_key();
    scene.fabric(&["rehearse", "nowhere.rhai"]).refused(5, &["nowhere.rhai", "hint: List the scripts"]);
    scene.script(NEEDS, "");
    let rehearse = ["rehearse", "script.rhai"];
    let missing = [&rehearse[..], &["--site", "nowhere.toml"]].concat();
    scene.fabric(&missing).refused(3, &["there is no site file nowhere.toml", "hint:"]);
    let missing = [&rehearse[..], &["--policy", "nowhere.toml"]].concat();
    scene.fabric(&missing).refused(3, &["nowhere.toml", "nothing is granted"]);
    // The real site, whose pinned host keys are nowhere here.
    scene.fabric(&["run", "script.rhai"]).refused(3, &["known_hosts", "hint:"]);
    assert_eq!(scene.packets().len(), 0);
}

#[test]
fn a_malformed_file_is_named_with_its_line() {
    let scene = Scene::with_key();
    scene.write("script.rhai", "// /// fabric\n// title = \"T\"\n// kind = \"acceptence\"\n// ///\n");
    scene.fabric(&["rehearse", "script.rhai"]).refused(20, &["script.rhai:3"]);
    scene.write("script.rhai", "print(1);\n");
    scene.fabric(&["rehearse", "script.rhai"]).refused(20, &["script.rhai", "hint:"]);
    scene.script(NEEDS, "let = ;");
    scene.fabric(&["rehearse", "script.rhai"]).refused(20, &["script.rhai:8:5"]);

    scene.script(NEEDS, "");
    let site = scene.read("fabric.toml");
    scene.write("fabric.toml", &site.replacen("[ssh]\n", "[ssh]\nusr = \"x\"\n", 1));
    let line = site.lines().position(|line| line == "[ssh]").expect("it is there") + 2;
    let place = format!("fabric.toml:{line}:1");
    scene
        .fabric(&["rehearse", "script.rhai"])
        .refused(3, &[&place, "unknown key `usr`", "hint: Did you mean `user`?"]);
    scene.write("fabric.toml", &site);

    let policy = scene.read("policy.toml");
    scene.write("policy.toml", &policy.replacen("roles = ", "role = ", 1));
    let line = policy.lines().position(|line| line.starts_with("roles = ")).expect("it is there") + 1;
    let place = format!("policy.toml:{line}:");
    scene.fabric(&["rehearse", "script.rhai"]).refused(3, &[&place, "hint:"]);
    assert_eq!(scene.packets().len(), 0);
}

#[test]
fn a_key_that_others_may_read_is_refused_and_none_is_made_for_a_real_run() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    let key = scene.home().join("signing-key.asc");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).expect("it is ours");
    scene.fabric(&["rehearse", "script.rhai"]).refused(4, &["signing-key.asc", "chmod 600"]);

    let scene = Scene::new();
    scene.script(NEEDS, "");
    crate::peers::loopback_site(&scene, 1);
    let ran = scene.fabric(&["run", "script.rhai", "--site", "loop.toml", "--policy", "loop-policy.toml"]);
    ran.refused(4, &["there is no signing key", "fabric init"]);
    assert!(!scene.home().exists());
}

/// Whoever is in the group could grant himself everything.
#[test]
fn a_policy_that_others_can_write_is_refused_but_in_a_rehearsal() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    crate::peers::loopback_site(&scene, 1);
    let policy = scene.path("loop-policy.toml");
    std::fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o664))
        .expect("it is ours");
    scene.fabric(&crate::peers::RUN).refused(3, &["loop-policy.toml", "chmod go-w"]);
    assert_eq!(scene.packets().len(), 0);
    let rehearsed = scene.fabric(&["rehearse", "script.rhai", "--policy", "loop-policy.toml"]);
    assert_eq!(rehearsed.code, Some(0), "{}", rehearsed.all());
}

/// The files of this test belong to whoever runs it.
#[test]
fn a_packet_says_which_of_the_files_that_bind_the_executor_are_his_own() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    assert_eq!(scene.fabric(&["rehearse", "script.rhai"]).code, Some(0));
    let run = std::fs::read_to_string(scene.packet().join("run.json")).expect("a sealed packet");
    let advisory = "; advisory: the executor can rewrite policy.toml, fabric.toml, trust.toml";
    assert!(run.contains(advisory), "{run}");
}

/// The real network must not be met under the name of the twin.
#[test]
fn a_site_of_the_realm_twin_is_rehearsed_and_never_run() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    let twin = scene.read("fabric.toml").replacen("realm = \"real\"", "realm = \"twin\"", 1);
    scene.write("twin.toml", &twin);
    scene.fabric(&["run", "script.rhai", "--site", "twin.toml"]).refused(3, &["twin", "fabric rehearse"]);
    assert_eq!(scene.packets().len(), 0);
    assert_eq!(scene.fabric(&["rehearse", "script.rhai", "--site", "twin.toml"]).code, Some(0));
}

#[test]
fn a_lab_is_refused_outside_of_it() {
    let scene = Scene::with_key();
    scene.script(NEEDS, "");
    for namespace in ["", "namespace = 1\n"] {
        let site = scene.read("fabric.toml");
        let lab = site.replacen("realm = \"real\"\n", &format!("realm = \"lab\"\n{namespace}"), 1);
        scene.write("lab.toml", &lab);
        scene.fabric(&["run", "script.rhai", "--site", "lab.toml"]).refused(3, &["lab"]);
    }
    assert_eq!(scene.packets().len(), 0);
}
