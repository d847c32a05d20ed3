//! What the record of a change costs: gate, intent, seal, journal and sync, next to bare writes of the same bytes; and the digest of a
//! long plan.

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::SystemTime;

use fabric_evidence::{Event, Journal, plan};
use fabric_gate::{Gate, IntentKey, Needs, Policy, Principal};
use fabric_model::change::{Heals, HostSpec, Intent, IntentTarget, TargetSpec};
use fabric_model::plan::{
    BlastRadius, Grounds, Plan, PlannedChange, PlannedScript, PlannedSite, PlannedTarget,
};
use fabric_model::site::Realm;
use fabric_model::{Addressed, Class, Digest, Resource, Slug, Value};

use crate::Outcome;
use crate::measure::{Sample, blocking};

/// Changes of one run of a contestant: enough that a sync that waits for others does not decide.
pub(crate) const CHANGES: u32 = 100;

/// Changes of the long plan.
pub(crate) const PLANNED: u32 = 10_000;

const POLICY: &str = r#"
format = 1

[[allow]]
name = "changes"
environments = ["lab"]
roles = ["operator"]

[allow.primitives]
"unit.stop" = ["host:dns-edge-*/keepalived"]
"#;

/// Writes the bytes of each record, and syncs.
pub(crate) fn bare() -> Outcome<Sample> {
    let folder = tempfile::tempdir()?;
    let line = serde_json::to_vec(&intended(0)?)?;
    let mut file = File::options().append(true).create_new(true).open(folder.path().join("bare"))?;
    blocking(|| {
        for _ in 0..CHANGES {
            file.write_all(&line)?;
            file.sync_data()?;
        }
        Ok(())
    })
}

/// Asks the gate twice, makes the intent, seals it, appends it to a journal, and syncs: what a change costs before it is made, beside
/// talking to its target.
pub(crate) fn recorded() -> Outcome<Sample> {
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::create(&folder.path().join("journal.jsonl"))?;
    let gate = gate()?;
    let lab: Slug = "lab".parse()?;
    blocking(|| {
        for change in 0..CHANGES {
            let resource: Resource = "host:dns-edge-1/keepalived".parse()?;
            let granted = gate.request(&"unit.stop".parse()?, Class::Change, resource, &lab)?;
            gate.target(&granted, Edge, &[])?;
            journal.append(SystemTime::now(), &intended(change)?)?;
            journal.sync()?;
        }
        Ok(())
    })
}

/// The digest of a plan with [`PLANNED`] changes.
pub(crate) fn digested() -> Outcome<Sample> {
    let plan = long_plan()?;
    blocking(|| Ok(plan::digest(&plan).map(drop)?))
}

/// The same plan, only written as JSON.
pub(crate) fn written() -> Outcome<Sample> {
    let plan = long_plan()?;
    blocking(|| Ok(serde_json::to_vec(&plan).map(drop)?))
}

struct Edge;

impl Addressed for Edge {
    fn addresses(&self) -> Vec<IpAddr> {
        vec![IpAddr::from([192, 168, 11, 111])]
    }
}

fn gate() -> Outcome<Gate> {
    let policy = Policy::parse("policy.toml", POLICY).map_err(|errors| format!("{errors:?}"))?;
    let declared = vec![("unit.stop".parse()?, "host:dns-edge-*/keepalived".parse()?, 1)];
    let needs = Needs::new("bench.rhai", Class::Change, declared);
    let principal = Principal { fingerprint: "0".repeat(40), roles: vec!["operator".parse()?] };
    Ok(Gate::new(policy, needs, principal))
}

fn state(active: &str) -> Value {
    Value::table([
        ("active_state", active.into()),
        ("load_state", "loaded".into()),
        ("restart", "on-failure".into()),
    ])
}

fn intended(change: u32) -> Outcome<Event> {
    let intent = Intent {
        run_id: "20261121t000000z-bench".parse()?,
        change,
        call_id: u64::from(change),
        scope: Some(1),
        primitive: "unit.stop".parse()?,
        class: Class::Change,
        arguments: Value::table([("host", "dns-edge-1".into()), ("unit", "keepalived".into())]),
        targets: vec![IntentTarget {
            role: "target".to_owned(),
            resource: "host:dns-edge-1/keepalived".parse()?,
            environment: "lab".parse()?,
            rule: "changes".to_owned(),
            file: "policy.toml".to_owned(),
            line: 10,
            target: TargetSpec::Ssh(HostSpec {
                name: "dns-edge-1".parse()?,
                address: "192.168.11.111:22".parse()?,
                user: "samakia".parse()?,
                jump: Vec::new(),
            }),
        }],
        before: state("active"),
        action: Value::table([("stop", "keepalived.service".into())]),
        summary: "stop keepalived.service on dns-edge-1".to_owned(),
        after: state("inactive"),
        inverse: Some(Value::table([("start", "keepalived.service".into())])),
        heals: Heals::ByTimer { seconds: 60 },
        cuts_control: false,
        payloads: Vec::new(),
    };
    let seal = IntentKey::new([7; 32]).seal(&intent);
    Ok(Event::ChangeIntended { intent: Box::new(intent), seal })
}

fn long_plan() -> Outcome<Plan> {
    let change = PlannedChange {
        change: 0,
        scope: Some("keepalived stopped".to_owned()),
        primitive: "unit.stop".parse()?,
        class: Class::Change,
        arguments: Value::table([("host", "dns-edge-1".into()), ("unit", "keepalived".into())]),
        selectors: [("holder(vip:dns)".to_owned(), "dns-edge-1".parse()?)].into(),
        targets: vec![PlannedTarget {
            resource: "host:dns-edge-1/keepalived".parse()?,
            environment: "lab".parse()?,
            addresses: Edge.addresses(),
        }],
        rests_on: vec!["vip.holder on vip:dns".to_owned()],
        before: state("active"),
        grounds: Grounds::Observed,
        action: Some(Value::table([("stop", "keepalived.service".into())])),
        summary: "stop keepalived.service on dns-edge-1".to_owned(),
        after: state("inactive"),
        inverse: Some("start keepalived.service on dns-edge-1".to_owned()),
        heals: Heals::ByTimer { seconds: 60 },
        blast: BlastRadius { vips: vec!["dns".parse()?], ..BlastRadius::default() },
    };
    let digest = Digest::of(b"bench");
    Ok(Plan {
        format: fabric_model::plan::FORMAT,
        script: PlannedScript {
            path: "bench.rhai".to_owned(),
            digest,
            title: "bench".to_owned(),
            kind: "operation".to_owned(),
        },
        modules: [].into(),
        policy: digest,
        site: PlannedSite { name: "samakia".parse()?, realm: Realm::Lab, digest },
        params: [].into(),
        changes: (0..PLANNED).map(|number| PlannedChange { change: number, ..change.clone() }).collect(),
        deferred: Vec::new(),
    })
}
