//! The chart of a scope, as the records tell it.

use std::collections::BTreeSet;

use fabric_model::Slug;
use fabric_model::door::Holding;

use crate::chart::{Chart, Mark, MarkKind};
use crate::probe::Sample;
use crate::record::{ChangeRecord, ProbeRecord, RunRecord, ScopeRecord};
use crate::stamp::Stamp;

/// The chart of a scope in which something was watched.
pub(super) fn of(
    run: &RunRecord,
    scope: &ScopeRecord,
    probed: Option<(&ProbeRecord, &[Sample])>,
) -> Option<Chart> {
    let probe = probed.map(|(probe, _)| probe);
    let span = Span { began: scope.began, ended: scope.ended.unwrap_or(run.ended) };
    let holdings: Vec<Holding> = run
        .holders
        .iter()
        .filter(|held| span.holds(held.at))
        .map(|held| Holding {
            vip: held.vip.clone(),
            at_ms: span.after(held.at),
            hosts: held.hosts.clone(),
            silent: held.silent.clone(),
        })
        .collect();
    if holdings.is_empty() && probe.is_none() {
        return None;
    }
    let vips: BTreeSet<&Slug> = holdings.iter().map(|held| &held.vip).collect();
    Some(Chart {
        title: scope.title.clone(),
        length_ms: span.after(span.ended),
        vips: vips.into_iter().cloned().collect(),
        samples: probed.map(|(_, samples)| samples.to_vec()),
        probe_began_ms: probe.map_or(0, |probe| span.after(probe.began)),
        marks: marks(run, scope, span),
        holdings,
    })
}

/// From when to when a scope was open.
#[derive(Clone, Copy)]
struct Span {
    began: Stamp,
    ended: Stamp,
}

impl Span {
    fn holds(self, at: Stamp) -> bool {
        self.began <= at && at <= self.ended
    }

    fn after(self, at: Stamp) -> u64 {
        at.millis_since(self.began)
    }
}

fn marks(run: &RunRecord, scope: &ScopeRecord, span: Span) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut mark = |at: Option<Stamp>, kind: MarkKind, text: String| {
        marks.extend(at.map(|at| Mark { at_ms: span.after(at), kind, text }));
    };
    let of_the_scope = |change: &&ChangeRecord| change.scope == Some(scope.scope);
    for change in run.changes.iter().filter(of_the_scope) {
        mark(change.applied, MarkKind::Injection, change.summary.clone());
        let fired = change.timer.as_ref().filter(|timer| timer.fired).and_then(|timer| timer.disarmed);
        mark(fired, MarkKind::Timer, change.summary.clone());
        let ended = change.undone.as_ref().and_then(|undone| undone.ended);
        mark(ended, MarkKind::Undo, change.summary.clone());
    }
    for step in run.human.iter().filter(|step| span.holds(step.at)) {
        mark(Some(step.at), MarkKind::Human, format!("{} {}: {}", step.role, step.name, step.text));
    }
    marks.sort_by_key(|mark| mark.at_ms);
    marks
}
