//! GameDays that consumers name in their contracts: from a testcase to its verdicts, and every way in which it is refused.

use serde_json::Value;

use crate::scene::{Ran, Scene, json};

const CONTRACT: &str = "gamedays/contracts/database-enabled.yml";
const FAILOVER: &str = "gameday:vip-failover";

/// A project with the GameDays of this repository, and its policy.
fn scene() -> Scene {
    let scene = Scene::with_key();
    scene.adopt("gamedays");
    scene
}

fn gameday(scene: &Scene, testcase: &str, args: &[&str]) -> Ran {
    scene.fabric(&[&["gameday", CONTRACT, "--testcase", testcase], args].concat())
}

/// The sealed record of a run that ended well.
fn done(ran: &Ran) -> Value {
    ended(ran, &[0])
}

/// The sealed record of a run that ended with one of these exits.
fn ended(ran: &Ran, codes: &[i32]) -> Value {
    assert!(ran.code.is_some_and(|code| codes.contains(&code)), "{}", ran.all());
    json(&ran.stdout)["run"].clone()
}

#[test]
fn a_testcase_is_planned_and_its_plan_executed_with_three_verdicts() {
    let scene = scene();
    for (testcase, script, changes) in [
        (FAILOVER, "gamedays/vip-failover-stop.rhai", "unit.stop"),
        ("gameday:service-restart", "gamedays/service-restart.rhai", "unit.restart"),
    ] {
        let planned = done(&gameday(&scene, testcase, &["--rehearse", "--dry-run", "--output", "json"]));
        assert_eq!(planned["head"]["script"]["path"], script);
        assert_eq!(planned["verdicts"]["injection"], "none", "a dry run injects nothing: {planned}");
        let plan = planned["plan"].as_str().expect("it makes a plan").to_owned();
        let args = ["--rehearse", "--execute", "--plan", &plan, "--conductor", "A. Kaya", "--output", "json"];
        // Another parameter makes another plan.
        gameday(&scene, testcase, &args).refused(10, &[]);
        let args = ["--rehearse", "--execute", "--plan", &plan, "--output", "json"];
        // How long the service was away depends on this machine's load, and with it the hypothesis.
        let executed = ended(&gameday(&scene, testcase, &args), &[0, 1]);
        assert!(executed["changes"].to_string().contains(changes), "{executed}");
        assert_eq!(executed["verdicts"]["injection"], "confirmed", "{executed}");
        assert!(
            ["pass", "fail"].map(Value::from).contains(&executed["verdicts"]["hypothesis"]),
            "{executed}"
        );
        assert_eq!(executed["verdicts"]["restoration"], "restored", "{executed}");
        assert_eq!(executed["plan"].as_str(), Some(plan.as_str()));
    }
}

#[test]
fn it_is_what_a_rehearsal_of_the_script_with_the_parameters_is() {
    let scene = scene();
    let args = ["--rehearse", "--dry-run", "--output", "json"];
    let by_contract = done(&gameday(&scene, FAILOVER, &args));
    let by_hand = done(&scene.fabric(&[
        "rehearse",
        "gamedays/vip-failover-stop.rhai",
        "--param",
        "front=observability",
        "--dry-run",
        "--output",
        "json",
    ]));
    assert!(by_hand["plan"].is_string(), "{by_hand}");
    assert_eq!(by_contract["plan"], by_hand["plan"]);
    assert_eq!(by_contract["head"]["params"], by_hand["head"]["params"]);
}

#[test]
fn a_read_only_testcase_looks_and_changes_nothing() {
    let scene = scene();
    let record = done(&gameday(&scene, "node-loss", &["--site", "twin", "--output", "json"]));
    assert_eq!(record["head"]["script"]["path"], "gamedays/readiness.rhai");
    assert_eq!((&record["changes"], &record["plan"]), (&Value::Null, &Value::Null), "{record}");
    assert!(record["counts"]["pass"].as_u64().is_some_and(|n| n > 0), "{record}");
}

#[test]
fn the_site_is_refused_where_its_environment_is_not_listed() {
    let scene = scene();
    let plan = "0".repeat(64);
    for args in [&[][..], &["--execute", "--plan", &plan, "--reason", "as agreed with the owners"]] {
        gameday(&scene, FAILOVER, args).refused(
            6,
            &[
                "does not allow the testcase `gameday:vip-failover` for the environment `samakia-shared`",
                "gamedays/registry.toml:10:16",
                "allowed are `lab`, `twin`",
                "hint: Rehearse it on the twin with `--rehearse`",
            ],
        );
    }
    assert!(scene.packets().is_empty(), "nothing was run");
}

#[test]
fn every_limit_of_the_registry_is_told_with_its_line_and_remedy() {
    let scene = scene();
    let registry = scene.read("gamedays/registry.toml");
    for (from, to, testcase, says) in [
        (
            "\"database\", ",
            "",
            FAILOVER,
            &["consumers of the type `database`", "r.toml:11:13", "hint: Add `database`"][..],
        ),
        (
            "[\"shared\"]",
            "[\"dns\"]",
            FAILOVER,
            &["VIPs of the group `shared`", "r.toml:12:10", "hint: Add `shared`"],
        ),
        ("\"twin\", ", "", FAILOVER, &["the environment `twin`", "r.toml:10:16", "add `twin` to that line"]),
        (
            "\"gameday\"\nscript = \"gamedays/vip-failover-stop.rhai\"",
            "\"read-only\"\nscript = \"gamedays/vip-failover-stop.rhai\"",
            FAILOVER,
            &[
                "does more than its testcase allows",
                "r.toml:7:8",
                "its mode is `read-only`",
                "hint: A read-only testcase",
            ],
        ),
        (
            "",
            "",
            "storage-unavailable",
            &["is destructive, and nothing runs it", ": its mode is `destructive`", "hint: "],
        ),
    ] {
        assert!(registry.contains(from), "{from}");
        scene.write("r.toml", &registry.replacen(from, to, 1));
        gameday(&scene, testcase, &["--rehearse", "--registry", "r.toml"]).refused(6, says);
    }
    assert!(scene.packets().is_empty(), "nothing was run");
}

#[test]
fn what_the_contract_or_the_registry_does_not_name_is_refused() {
    let scene = scene();
    let contract = "gamedays/contracts/cache-ready.yml";
    let ran = scene.fabric(&["gameday", contract, "--testcase", "node-loss", "--rehearse"]);
    ran.refused(5, &["the contract names no testcase `node-loss`", "It names gameday:service-restart"]);
    scene.write("c.yml", &scene.read(contract).replace(FAILOVER, "gameday:unheard-of"));
    scene
        .fabric(&["gameday", "c.yml", "--testcase", "gameday:unheard-of", "--rehearse"])
        .refused(5, &["the registry has no testcase `gameday:unheard-of`"]);
    assert!(scene.packets().is_empty(), "nothing was run");
}

#[test]
fn files_that_cannot_be_read_are_told_at_their_place() {
    let scene = scene();
    scene.write("c.yml", "kind: ConsumerContract\n");
    let run = |contract: &str, args: &[&str]| {
        scene.fabric(&[&["gameday", contract, "--testcase", FAILOVER, "--rehearse"], args].concat())
    };
    run("c.yml", &[]).refused(3, &["c.yml:1:", "hint: A consumer's contract is JSON"]);
    run("nowhere.yml", &[]).refused(5, &["the contract nowhere.yml cannot be read"]);
    scene.write("r.toml", "format = 2\n");
    run(CONTRACT, &["--registry", "r.toml"]).refused(3, &["r.toml:1"]);
    run(CONTRACT, &["--registry", "no.toml"]).refused(5, &["the registry of testcases no.toml"]);
}

#[test]
fn what_belongs_to_rehearsals_is_refused_without_one() {
    let scene = scene();
    for args in [&["--dry-run"][..], &["--twin", "socket"]] {
        gameday(&scene, FAILOVER, args).refused(2, &["are for rehearsals", "hint: Add `--rehearse`"]);
    }
    gameday(&scene, FAILOVER, &["--rehearse", "--plan", "x"]).refused(2, &["--execute"]);
}

#[test]
fn gamedays_are_listed_with_their_titles() {
    let scene = scene();
    let listed = scene.fabric(&["list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.all());
    let of = |path: &str| listed.stdout.lines().find(|line| line.starts_with(path)).map(str::to_owned);
    let failover = of("gamedays/vip-failover-stop.rhai").expect("it is listed");
    assert!(
        failover.contains("change") && failover.contains("keepalived of the holder is stopped"),
        "{failover}"
    );
    assert!(of("gamedays/readiness.rhai").is_some_and(|line| line.contains("observe")));
    assert!(of("gamedays/lib/").is_none(), "modules are no scripts");
}
