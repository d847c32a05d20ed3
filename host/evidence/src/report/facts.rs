//! What both reports say of a run, in words that are not escaped yet.

use fabric_model::Slug;
use fabric_model::Value;
use fabric_model::change::{Heals, Undone};
use fabric_model::check::Basis;
use fabric_model::site::Realm;

use crate::event::{Act, FaultRecord, Mode, WorkerEnd};
use crate::record::{ChangeRecord, RunRecord, ScopeRecord, UndoneRecord};
use crate::stamp::Stamp;

/// The longest value that a report shows, in characters; `checks.json` has the whole of it.
const SHOWN_LIMIT: usize = 2000;

/// Words, and whether they say that something is not as it should be.
pub(super) type Told = (String, bool);

/// Of what the run is no evidence; nothing for a run on the real site.
pub(super) fn reservation(run: &RunRecord) -> Option<&'static str> {
    match run.head.site.realm {
        _ if run.head.mode == Mode::Offline => {
            Some("This ran offline, on the answers of a recording. It is no evidence of any site.")
        }
        Realm::Real => None,
        Realm::Lab => Some("This ran in a lab. It is no evidence of the real site."),
        Realm::Twin => Some("This ran on the twin, a model. It is no evidence of the real site."),
    }
}

/// Why the script did not come to an end of its own, and what it said.
pub(super) fn worker_end(run: &RunRecord) -> Option<(&'static str, &str)> {
    match run.worker.as_ref()? {
        WorkerEnd::Finished => None,
        WorkerEnd::Threw { message } => Some(("The script threw outside any check", message)),
        WorkerEnd::Limit { message } => Some(("The script reached a limit", message)),
        WorkerEnd::Died { message } => Some(("The script's process died", message)),
        WorkerEnd::Stopped { message } => Some(("The script was stopped", message)),
        WorkerEnd::Aborted { reason } => Some(("The script gave up by its own rules", reason)),
    }
}

/// A fault's message and hints.
pub(super) fn hints(fault: &FaultRecord) -> String {
    fault.hints.iter().map(|hint| format!(" {hint}")).collect()
}

/// Whether a change was seen to be made.
pub(super) fn made(change: &ChangeRecord) -> Told {
    match (change.is_made(), change.is_without_effect()) {
        (true, _) => ("seen".to_owned(), false),
        (false, true) => ("no, without effect".to_owned(), true),
        (false, false) => ("not seen".to_owned(), true),
    }
}

/// How taking a change back ended.
pub(super) fn end(change: &ChangeRecord) -> &'static str {
    match (&change.undone, change.committed) {
        (Some(UndoneRecord { undone: Some(end), .. }), _) => end.as_str(),
        (Some(_), _) => "begun, and nobody knows how it ended",
        (None, true) => "stays: committed",
        (None, false) if change.is_settled() => "nothing to take back",
        (None, false) => "not tried",
    }
}

/// How taking back a change of another run ended.
pub(super) fn taken_back(undone: &UndoneRecord) -> &'static str {
    undone.undone.map_or("nobody knows", Undone::as_str)
}

/// What becomes of a change when the host never comes back.
pub(super) fn heals(heals: Heals) -> String {
    match heals {
        Heals::ByTimer { seconds } => format!("The target heals itself after {seconds} s."),
        Heals::ByRecover => "Only fabric recover takes it back.".to_owned(),
        Heals::Nothing => "There is nothing to take back.".to_owned(),
    }
}

/// How a scope ended.
pub(super) fn how(scope: &ScopeRecord) -> String {
    let took = scope
        .ended
        .map_or(String::new(), |end| format!(" after {}", duration(end.millis_since(scope.began))));
    let message = scope.message.as_deref().map_or(String::new(), |message| format!(" ({message})"));
    format!("{}{message}{took}", scope.how.as_deref().unwrap_or("never ended"))
}

/// Whether everything that was changed in a scope is as before.
pub(super) fn restored(scope: &ScopeRecord) -> Told {
    match scope.restored {
        Some(true) => ("everything is as before".to_owned(), false),
        Some(false) => ("not everything is as before".to_owned(), true),
        None => ("nobody knows whether everything is as before".to_owned(), true),
    }
}

/// Something that was done or seen at one point in time.
pub(super) struct Moment {
    pub(super) at: Stamp,
    pub(super) what: String,
    pub(super) is_grave: bool,
}

/// What was done when, of all kinds, in the order of time; nothing for a run that made no change.
pub(super) fn timeline(run: &RunRecord) -> Vec<Moment> {
    if run.head.act == Act::Plan {
        return Vec::new();
    }
    let mut moments = Vec::new();
    let mut at = |at: Option<Stamp>, what: String, is_grave: bool| {
        moments.extend(at.map(|at| Moment { at, what, is_grave }));
    };
    for scope in &run.scopes {
        at(Some(scope.began), format!("scope begins: {}", scope.title), false);
        at(scope.ending, format!("scope ends, undoing begins: {}", scope.title), false);
        at(scope.ended, format!("undoing is over: {}", scope.title), false);
    }
    for change in &run.changes {
        let (number, summary) = (change.change, &change.summary);
        at(Some(change.intended), format!("change {number} intended: {summary}"), false);
        at(change.applied, format!("change {number} applied: {summary}"), false);
        let ended = change.undone.as_ref().and_then(|undone| undone.ended);
        at(ended, format!("change {number} taken back: {}", end(change)), !change.is_settled());
        let fired = change.timer.as_ref().filter(|timer| timer.fired).and_then(|timer| timer.disarmed);
        at(fired, format!("change {number}: its dead-man timer is found to have fired"), true);
    }
    for held in &run.holders {
        let mut what = match held.hosts.as_slice() {
            [] => "nobody".to_owned(),
            hosts => joined(hosts.iter().map(Slug::as_str)),
        };
        if !held.silent.is_empty() {
            what = format!("{what}, silent: {}", joined(held.silent.iter().map(Slug::as_str)));
        }
        at(Some(held.at), format!("vip:{} is held by {what}", held.vip), held.hosts.len() > 1);
    }
    for step in &run.human {
        at(Some(step.at), format!("{} {}: {}", step.role, step.name, step.text), false);
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// Who says so.
pub(super) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Probed => "probed",
        Basis::SelfReported => "self-reported",
    }
}

pub(super) fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

pub(super) fn duration(millis: u64) -> String {
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    }
}

/// A value on one line, in JSON.
pub(super) fn shown(value: &Value) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut cut: String = json.chars().take(SHOWN_LIMIT).collect();
    if cut.len() < json.len() {
        cut.push_str(" … (cut; checks.json has the whole)");
    }
    cut
}
