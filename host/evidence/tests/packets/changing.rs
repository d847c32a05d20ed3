//! Sealed packets of a dry run and of the GameDay that executes its plan, for the tests of this folder.

use std::time::Duration;

use fabric_evidence::event::{Act, Event, FaultRecord, PacketLink};
use fabric_evidence::packet::Sealed;
use fabric_evidence::probe::{self, Sample};
use fabric_evidence::{PacketFolder, plan};
use fabric_model::plan::Plan;
use fabric_model::{Class, Code, Digest, Fault, Stage};
use serde_json::{Value as Json, json};

use crate::sample::{Bench, head, start};

/// Where the samples of the GameDay lie.
pub(crate) const SAMPLES: &str = "artifacts/probe-7.jsonl";

/// A packet of these events, sealed, with these artifacts.
pub(crate) fn seal(bench: &Bench, run_id: &str, events: &[Event], artifacts: &[(&str, &[u8])]) -> Sealed {
    let mut packet = PacketFolder::create(&bench.path("runs").join(run_id)).expect("new");
    for (name, bytes) in artifacts {
        packet.artifact(name.strip_prefix("artifacts/").expect("an artifact"), bytes).expect("a good name");
    }
    for (n, event) in events.iter().enumerate() {
        packet.journal().append(start() + Duration::from_millis(n as u64 * 400), event).expect("room");
    }
    packet.seal(&bench.signer, "site-dev", "seal", start() + Duration::from_secs(30)).expect("a usable key")
}

pub(crate) fn event(json: Json) -> Event {
    serde_json::from_value(json).expect("an event")
}

pub(crate) fn started(bench: &Bench, run_id: &str, act: Act) -> Event {
    let mut head = head(run_id, bench.principal());
    head.act = act;
    head.script.path = "gamedays/dns-failover.rhai".to_owned();
    head.script.title = "the peer takes over".to_owned();
    head.script.kind = "gameday".to_owned();
    head.script.reach = Class::Change;
    Event::RunStarted { head: Box::new(head) }
}

fn summary() -> &'static str {
    "stop keepalived.service on dns-edge-1"
}

fn the_plan(bench: &Bench) -> Plan {
    let head = head("planned", bench.principal());
    let plan = json!({
        "format": 1, "modules": {}, "policy": head.policy, "params": {}, "deferred": ["the peer holds the VIP"],
        "script": {"path": "gamedays/dns-failover.rhai", "digest": head.script.digest, "title": "the peer takes over",
            "kind": "gameday"},
        "site": {"name": head.site.name, "realm": head.site.realm, "digest": head.site.digest},
        "changes": [{
            "change": 0, "scope": "the holder stops", "primitive": "unit.stop", "class": "change",
            "arguments": {"host": "dns-edge-1", "unit": "keepalived"}, "selectors": {"holder(vip:dns)": "dns-edge-1"},
            "targets": [{"resource": "host:dns-edge-1/keepalived", "environment": "lab", "addresses": ["192.168.11.101"]}],
            "rests_on": ["vip.holder vip:dns"], "before": {"active": true}, "grounds": "observed",
            "action": {"stop": "keepalived.service"}, "summary": summary(), "after": {"active": false},
            "inverse": "start keepalived.service", "heals": {"heals": "by_timer", "seconds": 120},
            "blast": {"vips": ["dns"], "services": ["dns 192.168.11.100:53/udp"], "left": ["vip:dns: dns-edge-2 alone"]},
        }],
    });
    serde_json::from_value(plan).expect("a plan")
}

/// The scope, whose number is that in the name of [`SAMPLES`].
fn scope() -> [Event; 2] {
    [
        event(json!({"kind": "scope_begun", "scope": 7, "place": [2], "title": "the holder stops"})),
        event(json!({"kind": "scope_ending", "scope": 7, "how": "finished"})),
    ]
}

/// A dry run: it plans one change and puts off one check.
pub(crate) fn planned(bench: &Bench, run_id: &str) -> Sealed {
    let bytes = plan::to_bytes(&the_plan(bench)).expect("finite");
    let [scope_begun, scope_ending] = scope();
    let events = [
        started(bench, run_id, Act::Plan),
        scope_begun,
        event(json!({"kind": "change_planned", "call_id": 8, "change": 0, "summary": summary(),
            "heals": {"heals": "by_timer", "seconds": 120}})),
        event(json!({"kind": "check_begun", "check": 9, "place": [3], "title": "the peer holds the VIP"})),
        event(json!({"kind": "check_ended", "check": 9, "took_ms": 1,
            "verdict": {"status": "deferred", "reason": "change 0 is only planned"}})),
        scope_ending,
        event(json!({"kind": "scope_ended", "scope": 7, "restored": true})),
        event(json!({"kind": "worker_ended", "how": {"how": "finished"}})),
        event(json!({"kind": "plan_made", "plan": Digest::of(&bytes), "changes": 1})),
        event(json!({"kind": "run_ended", "exits": []})),
    ];
    seal(bench, run_id, &events, &[(plan::PATH, &bytes)])
}

/// The GameDay: the holder is stopped, the peer takes over, everything is taken back.
pub(crate) fn gameday(bench: &Bench, run_id: &str) -> Sealed {
    let events = gameday_events(bench, run_id, json!({"undone": "restored", "seen": {"active": true}}));
    seal(bench, run_id, &events, &[(SAMPLES, &probe::to_bytes(&samples()).expect("short"))])
}

/// Its events; its change was undone so.
pub(crate) fn gameday_events(bench: &Bench, run_id: &str, undone: Json) -> Vec<Event> {
    let samples = probe::to_bytes(&samples()).expect("short");
    let restored = undone.get("undone") == Some(&json!("restored"));
    let mut ended_undo = json!({"kind": "undo_ended", "run_id": run_id, "change": 0});
    ended_undo
        .as_object_mut()
        .into_iter()
        .for_each(|fields| fields.extend(undone.as_object().cloned().unwrap_or_default()));
    let digest = plan::digest(&the_plan(bench)).expect("finite");
    let link = PacketLink { run_id: "planned".parse().expect("a word"), manifest: Digest::of(b"manifest") };
    let [scope_begun, scope_ending] = scope();
    let held = |hosts: &[&str], silent: &[&str]| {
        event(json!({"kind": "holders_seen", "vip": "dns", "hosts": hosts, "silent": silent}))
    };
    let mut events = vec![
        started(bench, run_id, Act::Execute),
        event(
            json!({"kind": "plan_bound", "plan": digest, "made_in": link, "approvals": [bench.principal()]}),
        ),
        scope_begun,
        held(&["dns-edge-1"], &[]),
        event(json!({"kind": "guards_met", "rules": [{"file": "policy.toml", "line": 31}],
            "reason": "quarterly | drill", "window": {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T01:00:00.000Z"}})),
    ];
    events.extend(made(run_id));
    events.extend([
        held(&["dns-edge-2"], &["dns-edge-1"]),
        event(json!({"kind": "human_step", "place": [3], "role": "conductor", "name": "Ada <ada>", "text": "go on"})),
        event(json!({"kind": "check_begun", "check": 9, "place": [3], "title": "the peer holds the VIP"})),
        event(json!({"kind": "check_ended", "check": 9, "took_ms": 40, "verdict": {"status": "pass"}})),
        scope_ending,
        event(json!({"kind": "timer_disarmed", "change": 0, "timer": "fabric-0.timer", "fired": false})),
        event(json!({"kind": "undo_begun", "run_id": run_id, "change": 0})),
        event(ended_undo),
        event(json!({"kind": "probe_ended", "scope": 7, "primitive": "dns.query", "resources": ["vip:dns"],
            "began": "2026-01-01T00:00:01.000Z", "every_ms": 50,
            "sent": 20, "lost": 4, "gap_ms": 250, "artifact": SAMPLES, "digest": Digest::of(&samples)})),
        event(json!({"kind": "scope_ended", "scope": 7, "restored": restored})),
        event(json!({"kind": "worker_ended", "how": {"how": "finished"}})),
        event(json!({"kind": "run_ended", "exits": []})),
    ]);
    events
}

/// A change that is made, with a timer that stands by.
fn made(run_id: &str) -> [Event; 4] {
    let target = json!({"role": "target", "resource": "host:dns-edge-1/keepalived", "environment": "lab",
        "rule": "drills", "file": "policy.toml", "line": 12, "target": {"kind": "ssh", "name": "dns-edge-1",
        "address": "192.168.11.101:22", "user": "fabric", "jump": []}});
    [
        event(json!({"kind": "change_intended", "seal": "00".repeat(32), "intent": {
            "run_id": run_id, "change": 0, "call_id": 8, "scope": 7, "primitive": "unit.stop", "class": "change",
            "arguments": {"host": "dns-edge-1", "unit": "keepalived"}, "targets": [target],
            "before": {"active": true, "share": {"$float": "1.0"}}, "action": {"stop": "keepalived.service"},
            "summary": summary(), "after": {"active": false}, "inverse": {"start": "keepalived.service"},
            "heals": {"heals": "by_timer", "seconds": 120}, "cuts_control": false, "payloads": [],
        }})),
        event(json!({"kind": "timer_armed", "change": 0, "timer": "fabric-0.timer", "left_s": 118,
            "argv": "systemctl start keepalived.service"})),
        event(json!({"kind": "change_applied", "change": 0, "effect": "done"})),
        event(
            json!({"kind": "change_confirmed", "change": 0, "standing": "after", "seen": {"active": false}}),
        ),
    ]
}

pub(crate) fn samples() -> Vec<Sample> {
    let fault = FaultRecord::from(&Fault::new(Code::PortTimeout, Stage::Observe, "no answer"));
    let sample = |number: u64| {
        let lost = (8..12).contains(&number).then(|| fault.clone());
        Sample {
            number,
            sent_ns: number * 50_000_000,
            late_ns: 30_000,
            took_ns: 800_000,
            good: lost.is_none(),
            code: lost.as_ref().map(|fault| fault.code.clone()),
            detail: lost.map(|fault| fault.message),
        }
    };
    (0..20).map(sample).collect()
}
