//! Hosts that are killed in the middle of a GameDay, on real daemons: `recover` restores everything, and what the plan says heals
//! itself does so when nobody comes back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::machine::{Lab, differences};
use crate::operator::{Operator, Plan, Script, count, said};

/// When the host is killed.
#[derive(Clone, Copy, Debug)]
enum At {
    /// As soon as the journal has so many lines.
    Line(usize),
    /// As soon as the journal tells of the n-th event of a kind.
    Event(&'static str, usize),
}

/// What comes after the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    /// `fabric recover`, at once.
    Recover,
    /// Nobody for as long as the timers take; only then `recover` looks and seals.
    Nobody,
}

const STOP: Script = Script { name: "vip-failover-stop", params: &[] };
const CRASH: Script = Script { name: "vip-failover-crash", params: &[] };
const LINK: Script = Script { name: "vip-failover-link", params: &[] };
const POWEROFF: Script = Script { name: "vip-failover-poweroff", params: &[] };
const OUTAGE: Script = Script { name: "edge-outage", params: &[] };
const HUNG: Script = Script { name: "hung-host", params: &[] };
const SPLIT: Script = Script { name: "split-brain", params: &[] };
const LOCKOUT: Script = Script { name: "firewall-lockout", params: &[] };
const RESTART: Script = Script { name: "service-restart", params: &["target=dns-edge-1", "service=dnsdist"] };

/// Each GameDay with its kills.
const KILLS: [(Script, &[(At, Then)]); 9] = [
    (
        STOP,
        &[
            (At::Line(3), Then::Recover),
            (At::Event("guards_met", 1), Then::Recover),
            (At::Event("change_intended", 1), Then::Recover),
            (At::Event("timer_armed", 1), Then::Recover),
            (At::Event("change_applied", 1), Then::Nobody),
            (At::Event("scope_ending", 1), Then::Recover),
            (At::Event("undo_begun", 1), Then::Recover),
            (At::Event("undo_ended", 1), Then::Recover),
        ],
    ),
    (
        CRASH,
        &[(At::Event("change_applied", 1), Then::Recover), (At::Event("change_confirmed", 1), Then::Nobody)],
    ),
    (LINK, &[(At::Event("change_applied", 1), Then::Nobody), (At::Event("timer_armed", 1), Then::Nobody)]),
    (
        POWEROFF,
        &[
            (At::Event("change_intended", 1), Then::Recover),
            (At::Event("change_applied", 1), Then::Recover),
            (At::Event("undo_begun", 1), Then::Recover),
        ],
    ),
    (
        OUTAGE,
        &[
            (At::Event("change_applied", 1), Then::Recover),
            (At::Event("change_applied", 2), Then::Nobody),
            (At::Event("undo_ended", 1), Then::Recover),
        ],
    ),
    (
        HUNG,
        &[(At::Event("change_applied", 1), Then::Recover), (At::Event("change_applied", 2), Then::Nobody)],
    ),
    (
        SPLIT,
        &[(At::Event("change_applied", 1), Then::Recover), (At::Event("change_applied", 2), Then::Nobody)],
    ),
    (
        LOCKOUT,
        &[(At::Event("timer_armed", 1), Then::Recover), (At::Event("change_applied", 1), Then::Nobody)],
    ),
    (RESTART, &[(At::Event("change_intended", 1), Then::Recover)]),
];

/// What the issue asks for at least.
const AT_LEAST: (usize, usize) = (20, 5);

/// How a run ended that was not killed.
const TOO_EARLY: &str = "it ended before that";

#[test]
fn a_killed_host_leaves_nothing_that_recover_or_the_targets_do_not_restore() {
    let lab = Lab::up("kills");
    let operator = Operator::of(&lab);
    // A shorter steady state and shorter timers: what is shown here is neither. A step may take 30 s, which a timer must outlast.
    operator.edit("lib/pair.rhai", "seconds: 5", "seconds: 1");
    for script in [STOP, CRASH, OUTAGE, HUNG, SPLIT] {
        operator.edit(&format!("{}.rhai", script.name), "heal_after_s: 60", "heal_after_s: 45");
    }
    let before = lab.standing();
    let mut counts: BTreeMap<Then, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (script, kills) in KILLS {
        // Everything is as it was after each, so that the plan counts for the next.
        let plan = operator.plan(script).expect("a plan");
        for (at, then) in kills {
            let begin = Instant::now();
            let mut found = killed(&lab, &operator, (script, &plan), (*at, *then), &before);
            // A machine that is too busy for a steady state ends a run before its time; nobody was killed then.
            for _again in 0..2 {
                if found.as_ref().is_err_and(|line| line.starts_with(TOO_EARLY)) {
                    found = killed(&lab, &operator, (script, &plan), (*at, *then), &before);
                }
            }
            println!(
                "{} {:5.1} s  {:22} {at:?}, then {then:?}",
                if found.is_ok() { "ok  " } else { "FAIL" },
                begin.elapsed().as_secs_f64(),
                script.name
            );
            if let Err(line) = &found {
                println!("       {line}");
            }
            *counts.entry(*then).or_default() += usize::from(found.is_ok());
            wrong.extend(found.err().map(|line| format!("{} {at:?} {then:?}: {line}", script.name)));
        }
    }
    println!("killed: {} of {counts:?}; {} wrong", counts.values().sum::<usize>(), wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let nobody = counts.get(&Then::Nobody).copied().unwrap_or_default();
    assert!(
        counts.values().sum::<usize>() >= AT_LEAST.0 && nobody >= AT_LEAST.1,
        "too few kills: {counts:?}"
    );
}

fn killed(
    lab: &Lab,
    operator: &Operator<'_>,
    (script, plan): (Script, &Plan),
    (at, then): (At, Then),
    before: &[String],
) -> Result<(), String> {
    let mut running = operator.begin(script, plan);
    let reached = running.reaches(|journal| match at {
        At::Line(number) => journal.len() >= number,
        At::Event(kind, number) => count(journal, kind) >= number,
    });
    if !reached {
        let output = running.output();
        lab.settles_to(before)?;
        return Err(format!("{TOO_EARLY}: {}", said(&output)));
    }
    let folder = running.kill().ok_or("it left no folder")?;
    let healed = if then == Then::Nobody { heals_itself(lab, plan, before) } else { Ok(()) };
    let recovered = operator.output(&["recover"]);
    healed?;
    if !recovered.status.success() {
        return Err(format!("recover: {}", said(&recovered)));
    }
    let run = operator.verified(&folder)?;
    if run.pointer("/outcome").and_then(Value::as_str) != Some("aborted") {
        return Err(format!("the packet of the killed run says {:?}", run.pointer("/outcome")));
    }
    packets_of_recovery(operator, &recovered.stdout)?;
    lab.settles_to(before)?;
    match operator.output(&["recover", "--dry-run"]) {
        left if left.status.success() => Ok(()),
        left => Err(format!("recover left something: {}", said(&left))),
    }
}

/// Nobody comes back: everything but what fabric has staged on the nodes is as before by itself, if the plan said so of every change.
fn heals_itself(lab: &Lab, plan: &Plan, before: &[String]) -> Result<(), String> {
    let planned = plan.run.pointer("/planned").and_then(Value::as_array).ok_or("nothing was planned")?;
    let by_timer =
        |change: &Value| change.pointer("/heals/heals").and_then(Value::as_str) == Some("by_timer");
    if planned.is_empty() || !planned.iter().all(by_timer) {
        return Err("the plan does not say that it heals itself".to_owned());
    }
    let begin = Instant::now();
    loop {
        let seen: Vec<String> = lab.standing().into_iter().filter(|line| !line.contains(" left ")).collect();
        let differences = differences(before, &seen);
        // What was killed before its timer has fired may be as before already; the timer's end is what counts.
        if differences.is_empty() && timers_are_over(lab) {
            return Ok(());
        }
        if begin.elapsed().as_secs() > 120 {
            return Err(format!("it did not heal itself:\n{}", differences.join("\n")));
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

/// One that has fired stays for as long as its service does, and waits no more.
fn timers_are_over(lab: &Lab) -> bool {
    let list = "systemctl list-units --plain --no-legend --state=waiting 'fabric-*.timer'";
    ["dns-edge-1", "dns-edge-2"].iter().all(|node| lab.shell(node, list).is_empty())
}

/// Whatever packet `recover` made is one that an auditor takes.
fn packets_of_recovery(operator: &Operator<'_>, stdout: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(stdout).into_owned();
    let packets = text.lines().filter_map(|line| line.trim().strip_prefix("evidence/runs/"));
    for packet in packets {
        operator.verified(&operator.project.join("evidence/runs").join(Path::new(packet)))?;
    }
    Ok(())
}
