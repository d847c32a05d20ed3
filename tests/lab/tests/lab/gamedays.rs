//! Every GameDay that the DNS plane can carry, on real daemons: its dry run changes nothing, its execution does what the plan says, its
//! probe sees what the lab's own probe sees, and everything is as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use crate::beside::{self, Beside, Outage};
use crate::each_change;
use crate::machine::{Lab, differences};
use crate::operator::{Operator, Plan, Running, Script, count, journal};

/// The nodes that the operator logs in to.
const NODES: [&str; 4] = ["dns-edge-1", "dns-edge-2", "dns-auth-1", "dns-auth-2"];

/// The edge without VIPs, which the lockout cuts off.
const CUT_OFF: &str = "samakia@192.168.11.112";

/// A GameDay and how it must end.
struct GameDay {
    script: Script,
    /// The verdict over the restoration.
    restoration: &'static str,
    /// What the plan says becomes of each change when the host never comes back.
    heals: &'static [&'static str],
}

const fn day(
    name: &'static str,
    params: &'static [&'static str],
    restoration: &'static str,
    heals: &'static [&'static str],
) -> GameDay {
    GameDay { script: Script { name, params }, restoration, heals }
}

const TIMER: &str = "by_timer";

/// What is said where the two probes differ.
const DISAGREE: &str = "its probe saw a gap of";

/// All of `gamedays/`; the test finds out when one is missing.
const DAYS: [GameDay; 9] = [
    day("vip-failover-stop", &["conductor=the lab"], "restored", &[TIMER]),
    day("vip-failover-crash", &[], "restored", &[TIMER]),
    day("vip-failover-link", &[], "by_timer", &[TIMER]),
    day("vip-failover-poweroff", &[], "restored", &["by_recover"]),
    day("edge-outage", &[], "restored", &[TIMER, TIMER]),
    day("hung-host", &[], "restored", &[TIMER, TIMER]),
    day("split-brain", &[], "restored", &[TIMER, TIMER]),
    day("firewall-lockout", &[], "by_timer", &[TIMER]),
    day("service-restart", &["target=dns-edge-1", "service=dnsdist"], "restored", &[TIMER]),
];

#[test]
fn each_gameday_changes_nothing_in_its_dry_run_and_restores_everything_in_its_execution() {
    every_gameday_is_in_the_table();
    let lab = Lab::up("gamedays");
    let operator = Operator::of(&lab);
    let operations = each_change::operations(&operator);
    let before = lab.standing();
    let mut wrong = Vec::new();
    let plans = dry_runs(&lab, &operator, &operations, &before, &mut wrong);
    for (day, plan) in plans {
        let begin = Instant::now();
        let mut found = execution(&lab, &operator, day, &plan, &before);
        // A machine that stands still for a moment holds up one probe and not the other; that does not happen three times.
        for _again in 0..2 {
            if !found.is_empty() && found.iter().all(|line| line.starts_with(DISAGREE)) {
                println!("         again: {}", found.join("; "));
                found = execution(&lab, &operator, day, &plan, &before);
            }
        }
        println!("{:5.1} s  {}", begin.elapsed().as_secs_f64(), day.script.name);
        wrong.extend(found.into_iter().map(|line| format!("{}: {line}", day.script.name)));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn every_gameday_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gamedays");
    let files = fs::read_dir(folder).expect("the GameDays").flatten().map(|entry| entry.path());
    let scripts = files.filter(|path| path.extension().is_some_and(|ending| ending == "rhai"));
    for script in
        scripts.filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("kind = \"gameday\"")))
    {
        let name = script.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(DAYS.iter().any(|day| day.script.name == name), "{name} is not in the table");
    }
}

/// Plans them all, and one operation for each changing primitive, while sshd refuses whatever does not only read.
fn dry_runs(
    lab: &Lab,
    operator: &Operator<'_>,
    operations: &[Script],
    before: &[String],
    wrong: &mut Vec<String>,
) -> Vec<(&'static GameDay, Plan)> {
    lab.ok(&["fault", "observe-only"]);
    the_forced_command_refuses(lab);
    let logged = api_log(lab).len();
    let mut plans = Vec::new();
    for script in operations {
        match operator.plan(*script) {
            Ok(plan) if planned(&plan).len() == 1 => {}
            Ok(plan) => wrong.push(format!("{}: planned {:?}", script.name, planned(&plan))),
            Err(error) => wrong.push(format!("{}: {error}", script.name)),
        }
    }
    // Beside each other, since they only look.
    let made: Vec<Result<Plan, String>> = std::thread::scope(|scope| {
        let runs: Vec<_> = DAYS.iter().map(|day| scope.spawn(|| operator.plan(day.script))).collect();
        runs.into_iter().map(|run| run.join().expect("a dry run ends")).collect()
    });
    for (day, made) in DAYS.iter().zip(made) {
        match made {
            Ok(plan) => {
                wrong.extend(misplanned(day, &plan).map(|line| format!("{}: {line}", day.script.name)));
                plans.push((day, plan));
            }
            Err(error) => wrong.push(format!("{}: {error}", day.script.name)),
        }
    }
    // The forced command itself stands in a file of each node.
    let beside_keys = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !line.contains("authorized_keys")).cloned().collect()
    };
    let changed = differences(&beside_keys(before), &beside_keys(&lab.standing()));
    wrong.extend(changed.into_iter().map(|line| format!("the dry runs changed {line}")));
    wrong.extend(beyond_reading(lab));
    let asked = api_log(lab).split_off(logged);
    let writes = asked.iter().filter(|line| !line.starts_with("GET "));
    wrong.extend(writes.map(|line| format!("a dry run asked the cluster for {line}")));
    if !asked.iter().any(|line| line.contains("/lxc/")) {
        wrong.push("the log of the cluster shows none of what the dry runs asked".to_owned());
    }
    lab.ok(&["heal", "observe-only"]);
    plans
}

/// The proof is worth as much as the forced command: a change is refused and written down, a reading command runs, forwarding works.
fn the_forced_command_refuses(lab: &Lab) {
    let edge = "samakia@192.168.11.111";
    let change = "/usr/bin/sudo -n /usr/bin/systemctl stop -- keepalived.service";
    let shown = lab.ssh(edge, change);
    assert!(shown.is_empty(), "the forced command let it through: {shown}");
    let record = lab.shell("dns-edge-1", "cat /run/observe-only.log");
    assert_eq!(record, format!("refused {change}"));
    assert!(lab.ssh(edge, "/usr/sbin/sysctl --values net.ipv4.ip_forward").contains('1'));
    lab.shell("dns-edge-1", "truncate -s 0 /run/observe-only.log");
}

/// What was asked of the nodes and does not only read.
fn beyond_reading(lab: &Lab) -> Vec<String> {
    let mut wrong = Vec::new();
    for node in NODES {
        let record = lab.shell(node, "cat /run/observe-only.log");
        let asked: Vec<&str> = record.lines().collect();
        if node.starts_with("dns-edge") && asked.is_empty() {
            wrong.push(format!("{node} recorded nothing"));
        }
        let refused = asked.iter().filter(|line| !line.starts_with("ran "));
        wrong.extend(refused.map(|line| format!("a dry run asked {node}: {line}")));
    }
    wrong
}

/// Every request to the cluster so far: a last one of our own is waited for.
fn api_log(lab: &Lab) -> Vec<String> {
    let log = || fs::read_to_string(lab.dir.join("proxmox.log")).unwrap_or_default();
    let versions = |text: &str| text.lines().filter(|line| line.ends_with("/version")).count();
    let seen = versions(&log());
    assert!(lab.proxmox("/version").ends_with(" 200"));
    loop {
        let text = log();
        if versions(&text) > seen {
            return text.lines().map(str::to_owned).collect();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn planned(plan: &Plan) -> Vec<Value> {
    plan.run.pointer("/planned").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn misplanned(day: &GameDay, plan: &Plan) -> impl Iterator<Item = String> {
    let heals: Vec<String> = planned(plan).iter().map(|change| text(change, "/heals/heals")).collect();
    (heals != day.heals).then(|| format!("planned {heals:?} instead of {:?}", day.heals)).into_iter()
}

fn execution(
    lab: &Lab,
    operator: &Operator<'_>,
    day: &GameDay,
    plan: &Plan,
    before: &[String],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let beside = Beside::begin(lab);
    let mut running = operator.begin(day.script, plan);
    if day.script.name == "firewall-lockout" {
        wrong.extend(cut_off(lab, &mut running));
    }
    let folder = |running: &Running| running.folder();
    let found = folder(&running);
    let output = running.output();
    let independent = beside.end();
    if output.status.code() != Some(0) {
        wrong.push(format!("it ended with {:?}", output.status.code()));
    }
    match operator.sealed(&output) {
        Ok(run) => {
            wrong.extend(misjudged(day, &run));
            match found.or_else(|| packet(operator, &output.stdout)) {
                Some(packet) => wrong.extend(disagreement(&packet, &run, &independent)),
                None => wrong.push("the run left no folder".to_owned()),
            }
        }
        Err(error) => wrong.push(error),
    }
    if day.script.name == "firewall-lockout" && lab.ssh(CUT_OFF, "hostname") != "dns-edge-2" {
        wrong.push("nobody can log in after the lockout".to_owned());
    }
    wrong.extend(lab.settles_to(before).err());
    wrong
}

fn packet(operator: &Operator<'_>, document: &[u8]) -> Option<PathBuf> {
    let document: Value = serde_json::from_slice(document).ok()?;
    Some(operator.project.join(document.pointer("/packet")?.as_str()?))
}

/// From outside, while the rules stand: a new connection gets no answer.
fn cut_off(lab: &Lab, running: &mut Running) -> Vec<String> {
    if !running.reaches(|journal| count(journal, "change_applied") == 1) {
        return vec!["it was never applied".to_owned()];
    }
    let shown = lab.ssh(CUT_OFF, "hostname");
    let silent = shown.to_lowercase().contains("timed out");
    (!silent).then(|| format!("the edge is not cut off: {shown}")).into_iter().collect()
}

fn misjudged(day: &GameDay, run: &Value) -> Vec<String> {
    let expected = [
        ("/exit", "done"),
        ("/verdicts/hypothesis", "pass"),
        ("/verdicts/injection", "confirmed"),
        ("/verdicts/restoration", day.restoration),
    ];
    let mut wrong: Vec<String> = expected
        .into_iter()
        .filter(|(pointer, value)| text(run, pointer) != *value)
        .map(|(pointer, value)| format!("{pointer} is {} and not {value}", text(run, pointer)))
        .collect();
    let changes = run.pointer("/changes").and_then(Value::as_array).map_or(0, Vec::len);
    if changes != day.heals.len() {
        wrong.push(format!("{changes} changes instead of {}", day.heals.len()));
    }
    wrong
}

/// Where the GameDay's probe and the lab's own do not see the same outage in the time of the first.
fn disagreement(packet: &Path, run: &Value, independent: &[(f64, bool)]) -> Option<String> {
    let Some(artifact) = run.pointer("/probes/0/artifact").and_then(Value::as_str) else {
        return Some("no probe ended".to_owned());
    };
    let journal = journal(packet);
    let samples = beside::of_gameday(&packet.join(artifact));
    let (Some(from), Some((last, _))) = (moment(&journal, "scope_begun"), samples.last()) else {
        return Some("the journal does not say when the probe ran".to_owned());
    };
    let time = from..=from + last;
    let within: Vec<(f64, bool)> =
        independent.iter().filter(|(sent, _)| time.contains(sent)).copied().collect();
    let (own, other) = (beside::worst(&samples, 0.0), beside::worst(&within, 0.0));
    println!("         gap {}; the lab's own probe {}", shown(own), shown(other));
    let said = run.pointer("/probes/0/gap_ms").and_then(Value::as_f64).unwrap_or(-1.0);
    // An outage that goes on at the end is told to the end of the probe, which comes after its last sample.
    let open_end = samples.last().is_some_and(|(_, good)| !good);
    let exact = if open_end { beside::interval(&samples) } else { 1.0 };
    if (said - own.most_ms).abs() > exact {
        return Some(format!("the report says {said} ms, its samples {:.0} ms", own.most_ms));
    }
    (!beside::agree(&samples, &within))
        .then(|| format!("{DISAGREE} {}, the lab's own one of {}", shown(own), shown(other)))
}

fn shown(outage: Outage) -> String {
    format!("{:.0} ms ({} lost)", outage.most_ms, outage.lost)
}

/// When the first event of a kind was written, in milliseconds of the Unix time.
fn moment(journal: &[Value], kind: &str) -> Option<f64> {
    let line = journal.iter().find(|line| text(line, "/event/kind") == kind)?;
    let at: Timestamp = text(line, "/at").parse().ok()?;
    Some(at.as_millisecond() as f64)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
