//! Every shipped script answers from its recording as from the twin, without a network: what CI of a fork can run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::scene::{Ran, Scene, json, ran};

/// Parameters of scripts that do not run without.
const PARAMS: [(&str, &[&str]); 2] = [
    ("gamedays/service-restart.rhai", &["--param", "target=dns-edge-1", "--param", "service=dnsdist"]),
    (
        "packets/forensics.rhai",
        &[
            "--param",
            "incident=INC-7",
            "--param",
            "severity=S2",
            "--param",
            "authorization_ref=CHG-1",
            "--param",
            "collector=Ada",
        ],
    ),
];

/// Scripts about earlier runs and what came of them: without any, they say so and fail. They have tests of their own.
const OF_EARLIER_RUNS: [&str; 4] =
    ["acceptance-marker.rhai", "correlation.rhai", "marker-check.rhai", "release-readiness.rhai"];

/// What a run measures itself, so that no two have the same.
const MEASURED: [&str; 5] = ["age_s", "offset_ms", "round_trip_ms", "took_ms", "uncertainty_ms"];

/// What a certificate of the twin, which makes its keys anew each time, has of its own.
const OF_CERTIFICATES: [&str; 4] = ["fingerprint_sha256", "not_after", "not_before", "serial"];

/// What the trust file of a rehearsal, whose key is made anew each time, has of its own.
const OF_TRUST: [&str; 2] = ["principals", "sha256"];

/// All recordings together, in bytes, so that they stay what one likes to check out.
const SIZE_LIMIT: u64 = 1 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// The scripts of the project, by their paths in it.
fn scripts() -> Vec<String> {
    let mut scripts = Vec::new();
    for folder in ["acceptance", "gamedays", "packets"] {
        for entry in fs::read_dir(root().join(folder)).expect("the repository has it") {
            let path = entry.expect("it is read").path();
            if path.extension().is_some_and(|ending| ending == "rhai" || ending == "luau") {
                let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
                if !OF_EARLIER_RUNS.contains(&name.as_str()) {
                    scripts.push(format!("{folder}/{name}"));
                }
            }
        }
    }
    scripts.sort();
    assert!(scripts.len() >= 17, "{scripts:?}");
    scripts
}

/// `acceptance/dns.rhai` is recorded in `recordings/acceptance-dns-rhai.json`.
fn recording_of(script: &str) -> PathBuf {
    root().join("recordings").join(format!("{}.json", script.replace(['/', '.'], "-")))
}

fn params_of(script: &str) -> &'static [&'static str] {
    PARAMS.iter().find(|(path, _)| *path == script).map_or(&[], |(_, params)| params)
}

fn scene() -> Scene {
    let scene = Scene::new();
    for folder in ["compliance", "gamedays", "packets"] {
        scene.adopt(folder);
    }
    scene
}

fn changes(scene: &Scene, script: &str) -> bool {
    scene.read(script).contains("// reach = \"change\"")
        || scene.read(script).contains("-- reach = \"change\"")
}

/// A dry run on the twin that is recorded.
fn record(scene: &Scene, script: &str, to: &Path) -> Ran {
    let mut args = vec!["rehearse", script, "--record", to.to_str().expect("an ordinary path")];
    args.extend(params_of(script));
    if changes(scene, script) {
        args.push("--dry-run");
    }
    scene.fabric(&args)
}

fn offline_args<'a>(script: &'a str, recording: &'a Path) -> Vec<&'a str> {
    let mut args = vec!["run", script, "--offline", recording.to_str().expect("an ordinary path")];
    args.extend(params_of(script));
    args
}

/// A document without what is measured, or drawn anew.
fn unmeasured(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let certificate = fields.contains_key("fingerprint_sha256");
            let trust = fields.contains_key("timestamp_authorities");
            for (name, value) in fields {
                let name = name.as_str();
                let of_certificate = certificate && OF_CERTIFICATES.contains(&name);
                let of_trust = trust && OF_TRUST.contains(&name);
                if of_certificate || of_trust || MEASURED.contains(&name) {
                    *value = Value::Null;
                } else {
                    unmeasured(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unmeasured),
        _ => {}
    }
}

/// A journal without times and chain, with calls and checks numbered by their places, and what branches of `par` did at the same time in the
/// order in which the script reads.
fn story(packet: &Path) -> Vec<Value> {
    let text = fs::read_to_string(packet.join("journal.jsonl")).expect("a journal");
    let mut places: BTreeMap<(&str, u64), String> = BTreeMap::new();
    let mut turns: BTreeMap<String, u32> = BTreeMap::new();
    let mut told: Vec<(Vec<u64>, Value)> = Vec::new();
    for line in text.lines() {
        let mut event = json(line)["event"].take();
        let fields = event.as_object_mut().expect("an event");
        fields.remove("took_ms");
        if let Some(head) = fields.get_mut("head").and_then(Value::as_object_mut) {
            for field in ["run_id", "started", "mode", "recording"] {
                head.remove(field);
            }
        }
        let place = fields.get("place").map(|place| {
            place
                .as_array()
                .expect("numbers")
                .iter()
                .map(|n| n.as_u64().expect("a number"))
                .collect::<Vec<_>>()
        });
        for number in ["call_id", "check", "scope"] {
            let Some(id) = fields.get(number).and_then(Value::as_u64) else { continue };
            // A check that a call names has begun before, at a place of its own.
            let begins = place.is_some() && (number != "check" || fields["kind"] == "check_begun");
            if begins && let Some(place) = &place {
                let turn = turns.entry(format!("{number} {place:?}")).or_default();
                places.insert((number, id), format!("{place:?} {turn}"));
                *turn += 1;
            }
            let named = places.get(&(number, id)).unwrap_or_else(|| panic!("{number} {id} began: {line}"));
            fields.insert(number.to_owned(), named.clone().into());
        }
        let own =
            fields.get("call_id").or(fields.get("check")).or(fields.get("scope")).and_then(Value::as_str);
        let at = place.or_else(|| {
            let (place, _) = own?.rsplit_once(' ')?;
            serde_json::from_str(place).ok()
        });
        // What stands at no place of the script is its beginning or its end.
        let end = if told.is_empty() { vec![] } else { vec![u64::MAX] };
        told.push((at.unwrap_or(end), event));
    }
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told.into_iter().map(|(_, event)| event).collect()
}

fn checks(packet: &Path) -> Value {
    let mut checks = json(&fs::read_to_string(packet.join("checks.json")).expect("checks"));
    for check in checks["checks"].as_array_mut().expect("a list") {
        let fields = check.as_object_mut().expect("a check");
        for field in ["id", "started", "took_ms"] {
            fields.remove(field);
        }
    }
    checks
}

#[test]
fn every_shipped_script_runs_offline_as_on_the_twin() {
    let scene = scene();
    for script in scripts() {
        let kept = scene.beside("kept.json");
        let live = record(&scene, &script, &kept);
        assert_eq!(live.code, Some(0), "{script}: {}", live.all());
        let offline = scene.fabric(&offline_args(&script, &kept));
        assert_eq!(offline.code, Some(0), "{script}: {}", offline.all());
        assert_eq!(offline.stderr, "", "{script}: nothing is another, and nothing was left unasked");
        let (live, offline) = (scene.path(live.packet()), scene.path(offline.packet()));
        assert_eq!(checks(&offline), checks(&live), "{script}");
        let (told, played) = (story(&live), story(&offline));
        for (told, played) in told.iter().zip(&played) {
            assert_eq!(played, told, "{script}");
        }
        assert_eq!(played.len(), told.len(), "{script}");
        let plan = |packet: &Path| fs::read(packet.join("artifacts/plan.json")).ok();
        assert_eq!(plan(&offline), plan(&live), "{script}");
        fs::remove_file(kept).expect("it was made");
    }
}

#[test]
fn the_shipped_recordings_are_what_the_twin_answers() {
    let scene = scene();
    let write = std::env::var_os("FABRIC_REGENERATE").is_some();
    let mut size = 0;
    for script in scripts() {
        let kept = scene.beside("kept.json");
        let live = record(&scene, &script, &kept);
        assert_eq!(live.code, Some(0), "{script}: {}", live.all());
        let (text, shipped) = (fs::read_to_string(&kept).expect("it was made"), recording_of(&script));
        let (mut now, mut then) =
            (json(&text), json(&fs::read_to_string(&shipped).unwrap_or_else(|_| "null".to_owned())));
        unmeasured(&mut now);
        unmeasured(&mut then);
        if write && now != then {
            fs::write(&shipped, text).expect("room");
        } else {
            assert_same(&then, &now, &script);
        }
        size += fs::metadata(&shipped).expect("it is there").len();
        fs::remove_file(kept).expect("it was made");
    }
    assert!(size < SIZE_LIMIT, "{size} bytes");
    let shipped = fs::read_dir(root().join("recordings")).expect("it is there");
    let shipped = shipped.map(|entry| entry.expect("it is read").path());
    let (mut shipped, mut wanted): (Vec<_>, Vec<_>) =
        (shipped.collect(), scripts().iter().map(|script| recording_of(script)).collect());
    shipped.sort();
    wanted.sort();
    assert_eq!(shipped, wanted, "one recording for each script, and no other file");
}

/// Says where two recordings differ, and not all that they hold.
fn assert_same(then: &Value, now: &Value, script: &str) {
    let entries = |of: &Value| of["entries"].as_array().cloned().unwrap_or_default();
    for (then, now) in entries(then).iter().zip(&entries(now)) {
        assert_eq!(then, now, "the recording of {script}: run with FABRIC_REGENERATE=1 and review");
    }
    for part in ["format", "script", "modules", "site", "policy", "params"] {
        assert_eq!(then[part], now[part], "{part} of {script}: run with FABRIC_REGENERATE=1 and review");
    }
    assert_eq!(entries(then).len(), entries(now).len(), "{script}");
}

/// A command in a network namespace without any interface but a loopback that is down.
fn without_network(command: &Command) -> Command {
    let mut within = Command::new("unshare");
    within.args(["--map-root-user", "--net", "--"]).arg(command.get_program()).args(command.get_args());
    within.env_clear().stdin(std::process::Stdio::null());
    within.env("PATH", "/usr/bin:/bin");
    within.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        within.current_dir(folder);
    }
    within
}

#[test]
fn every_shipped_script_runs_from_its_recording_without_a_network() {
    let scene = scene();
    let mut routes = Command::new("cat");
    routes.args(["/proc/self/net/route", "/proc/self/net/dev"]);
    let routes = ran(without_network(&routes).output());
    assert_eq!(routes.code, Some(0), "{}", routes.all());
    let interfaces: Vec<&str> = routes.stdout.lines().filter(|line| line.contains(": ")).collect();
    assert_eq!(interfaces.len(), 1, "loopback and nothing else: {}", routes.stdout);
    for script in scripts() {
        let recording = recording_of(&script);
        let command = scene.command(&offline_args(&script, &recording));
        let offline = ran(without_network(&command).output());
        assert_eq!(offline.code, Some(0), "{script}: {}", offline.all());
        assert!(!offline.stderr.contains("warning"), "{script}: {}", offline.all());
    }
}
