//! What a run planned or changed, what it came to, what is left, and what to do next.

use anstyle::Style;
use fabric_evidence::RunRecord;
use fabric_evidence::event::Act;
use fabric_evidence::record::{ChangeRecord, Verdicts};
use fabric_model::change::Undone;

use crate::terminal::{self, gap, heals, plain};

/// A line and how it looks.
type Line = (Style, String);

/// Nothing for a run that only observes.
pub(super) fn lines(run: &RunRecord) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(plan(run));
    lines.extend(run.verdicts.filter(|_| run.head.act != Act::Plan).map(verdicts));
    for probe in &run.probes {
        let told =
            format!("{} of {} samples lost, longest gap {}", probe.lost, probe.sent, gap(probe.gap_ms));
        lines.push((Style::new(), format!("probe {}: {told}", plain(&probe.resources.join(", ")))));
    }
    lines.extend(run.changes.iter().map(change));
    lines.extend(run.undone.iter().map(|undone| {
        let how = undone.undone.map_or("nobody knows", Undone::as_str);
        let restored = undone.undone.is_some_and(Undone::is_restored);
        (terminal::style(restored), format!("change {} of {}: {how}", undone.change, undone.run_id))
    }));
    lines
}

fn plan(run: &RunRecord) -> Option<Line> {
    if run.head.act != Act::Plan {
        return None;
    }
    let planned = match run.planned.len() {
        0 => "nothing to change".to_owned(),
        1 => "planned 1 change".to_owned(),
        n => format!("planned {n} changes"),
    };
    Some(match run.plan {
        Some(digest) => (terminal::style(true), format!("{planned}, digest {digest}")),
        None => (terminal::style(false), "there is no plan: the dry run did not come to its end".to_owned()),
    })
}

fn verdicts(verdicts: Verdicts) -> Line {
    let Verdicts { hypothesis, injection, restoration } = verdicts;
    let told = format!(
        "hypothesis {}, injection {}, restoration {}",
        hypothesis.as_str(),
        injection.as_str(),
        restoration.as_str()
    );
    let style = if restoration.is_open() { terminal::style(false) } else { Style::new() };
    (style, told)
}

/// One line for each change: how it ended, or that it may be left and who takes it back.
fn change(change: &ChangeRecord) -> Line {
    let end = match (change.end(), change.committed) {
        (Some(end), _) => end.as_str(),
        (None, true) => "stays",
        (None, false) if change.is_settled() => "nothing to take back",
        (None, false) => "nobody knows",
    };
    let summary = plain(&change.summary);
    if change.is_settled() {
        return (Style::new(), format!("change {}: {summary}: {end}", change.change));
    }
    let who = heals(change.heals);
    (terminal::style(false), format!("LEFT  change {}: {summary}: {end}; {who}", change.change))
}

/// The commands that come next.
pub(super) fn next(run: &RunRecord) -> Vec<String> {
    let mut steps = Vec::new();
    if let (Act::Plan, Some(digest)) = (run.head.act, run.plan)
        && !run.planned.is_empty()
    {
        steps.push(format!("read the plan, and how it is executed, with `fabric plan show {digest}`"));
    }
    if run.verdicts.is_some_and(|verdicts| verdicts.restoration.is_open()) {
        steps.push("take back what is left with `fabric recover`".to_owned());
    }
    steps
}
