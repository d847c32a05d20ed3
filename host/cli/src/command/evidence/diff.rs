//! `fabric evidence diff`: what differs between two packets, changed verdicts first. Nothing of a packet that does not verify is compared.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fabric_evidence::record::{ChangeRecord, CheckRecord};
use fabric_evidence::{Target, Verified};
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::home::read_trust;
use serde::Serialize;
use serde_json::json;

use super::verified;
use crate::args::Output;
use crate::place::Place;
use crate::stream::say;
use crate::terminal::plain;

#[derive(clap::Args, Debug)]
pub(crate) struct Diff {
    /// The packet's folder
    before: PathBuf,
    /// That of the other
    after: PathBuf,
    /// The trust file [default: trust.toml of the operator's folder]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// One thing that two packets say otherwise; nothing where one of them does not say it.
#[derive(Serialize)]
struct Difference {
    /// `verdict`, `check`, `target`, `change` or `run`.
    kind: &'static str,
    what: String,
    before: Option<String>,
    after: Option<String>,
}

pub(super) fn diff(place: &Place, args: &Diff) -> Result<Exit, Refusal> {
    if args.output == Output::Junit {
        return Err(super::no_report("a comparison"));
    }
    let trust_path = args.trust.clone().unwrap_or_else(|| place.for_rehearsals().home.trust_path());
    let (trust, _) = read_trust(&trust_path)?;
    let (before, after) = (verified(&args.before, &trust)?, verified(&args.after, &trust)?);
    let differences = differences(&before, &after);
    match args.output {
        Output::Json => say(json!({
            "schema": "fabric.diff/1",
            "before": before.run.head.run_id,
            "after": after.run.head.run_id,
            "differences": differences,
        })),
        _ => differences.iter().for_each(|one| {
            let side = |side: &Option<String>| side.as_deref().map_or("-".to_owned(), plain);
            let Difference { kind, what, before, after } = one;
            say(format_args!("{kind:<7}  {}: {} -> {}", plain(what), side(before), side(after)));
        }),
    }
    Ok(if differences.is_empty() { Exit::Done } else { Exit::ChecksFailed })
}

/// Everything that differs but the names and times of the runs, which always do.
fn differences(before: &Verified, after: &Verified) -> Vec<Difference> {
    let (left, right) = (by_title(before), by_title(after));
    let statuses = |checks: &Checks<'_>| values(checks, |check| check.status.as_str().to_owned());
    let mut verdicts = compared("verdict", &statuses(&left), &statuses(&right));
    verdicts.sort_by_key(|one| (one.before.is_none() || one.after.is_none(), !one.is_worse()));
    // A check that one of them does not have is no changed verdict.
    for one in verdicts.iter_mut().filter(|one| one.before.is_none() || one.after.is_none()) {
        one.kind = "check";
    }
    let targets = |checks: &Checks<'_>| values(checks, |check| addressed(&check.targets));
    let both = |title: &Key| left.contains_key(title) && right.contains_key(title);
    let (mut old, mut new) = (targets(&left), targets(&right));
    old.retain(|title, _| both(title));
    new.retain(|title, _| both(title));
    verdicts.extend(compared("target", &old, &new));
    verdicts.extend(compared("change", &changes(before), &changes(after)));
    verdicts.extend(compared("run", &facts(before), &facts(after)));
    verdicts
}

impl Difference {
    /// Whether something passed before and does not any more.
    fn is_worse(&self) -> bool {
        self.before.as_deref() == Some(Status::Pass.as_str())
    }
}

/// A title, and which of several of the same it is.
type Key = (String, usize);
type Checks<'a> = BTreeMap<Key, &'a CheckRecord>;

fn by_title(packet: &Verified) -> Checks<'_> {
    numbered(packet.checks.checks.iter().map(|check| (check.title.clone(), check)))
}

/// What stands under the same name several times is told apart by its order.
fn numbered<T>(named: impl Iterator<Item = (String, T)>) -> BTreeMap<Key, T> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    named
        .map(|(name, value)| {
            let turn = seen.entry(name.clone()).or_default();
            *turn += 1;
            ((name, *turn), value)
        })
        .collect()
}

fn values(checks: &Checks<'_>, value: impl Fn(&CheckRecord) -> String) -> BTreeMap<Key, String> {
    checks.iter().map(|(key, check)| (key.clone(), value(check))).collect()
}

fn addressed(targets: &[Target]) -> String {
    let one = |target: &Target| {
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        format!("{} at {}", target.name, addresses.join(", "))
    };
    targets.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn changes(packet: &Verified) -> BTreeMap<Key, String> {
    let one = |change: &ChangeRecord| {
        let name = format!("{} on {}", change.primitive, change.targets.join(", "));
        let undone = change.undone.as_ref().map(|undone| json!(undone.undone).to_string());
        let value = format!(
            "{}; effect {}, standing {}, {}",
            change.summary,
            change.effect,
            json!(change.standing),
            undone.map_or_else(
                || if change.committed { "committed".to_owned() } else { "not undone".to_owned() },
                |how| format!("undone as {how}")
            )
        );
        (name, value)
    };
    numbered(packet.run.changes.iter().map(one))
}

/// What is known of a run beforehand, and what it came to.
fn facts(packet: &Verified) -> BTreeMap<Key, String> {
    let (run, head) = (&packet.run, &packet.run.head);
    let mut facts = vec![
        ("boundary".to_owned(), head.boundary.clone()),
        ("exit".to_owned(), run.exit.to_string()),
        ("mode".to_owned(), format!("{}, {}", head.mode.as_str(), json!(head.act))),
        ("plan".to_owned(), run.plan.map_or_else(|| "none".to_owned(), |plan| plan.to_string())),
        ("policy".to_owned(), head.policy.to_string()),
        ("principal".to_owned(), head.principal.fingerprint.to_string()),
        ("script".to_owned(), format!("{} {}", head.script.path, head.script.digest)),
        (
            "site".to_owned(),
            format!("{} ({}) {}", head.site.name, head.site.realm.as_str(), head.site.digest),
        ),
        ("trust".to_owned(), head.trust.to_string()),
        ("verdicts".to_owned(), json!(run.verdicts).to_string()),
        ("version".to_owned(), head.version.clone()),
    ];
    facts.extend(
        head.modules.iter().map(|module| (format!("module {}", module.path), module.digest.to_string())),
    );
    facts.extend(head.params.iter().map(|(name, value)| (format!("param {name}"), json!(value).to_string())));
    numbered(facts.into_iter())
}

/// What the two sides say otherwise, or only one of them.
fn compared(
    kind: &'static str,
    before: &BTreeMap<Key, String>,
    after: &BTreeMap<Key, String>,
) -> Vec<Difference> {
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Difference {
            kind,
            what: if key.1 == 1 { key.0.clone() } else { format!("{} ({})", key.0, key.1) },
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}
