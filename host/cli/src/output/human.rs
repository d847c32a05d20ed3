//! The summary for people.

mod changes;

use std::path::Path;
use std::sync::Arc;

use anstyle::Style;
use fabric_evidence::event::{Mode, WorkerEnd};
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use fabric_runtime::Refusal;

use super::Told;
use crate::excerpt::{self, Sources};
use crate::terminal;

pub(super) fn print(project: &Path, told: &Told) -> Result<(), Refusal> {
    let run = &told.run;
    let mut lines = vec![(terminal::style(run.exit == Exit::Done), verdict(told))];
    if let Some(message) = worker_message(run.worker.as_ref()) {
        let mut sources = Sources::new(Some(project)).knowing(Arc::clone(&told.redactor));
        match excerpt::thrown(message, &mut sources) {
            Some(excerpt) => lines.push((Style::new(), excerpt)),
            None => lines.push((terminal::style(false), terminal::lines(message, "  "))),
        }
    }
    lines.extend(changes::lines(run));
    let realm = match run.head.site.realm {
        _ if run.head.mode == Mode::Offline => {
            ", offline, on a recording: no evidence of any site".to_owned()
        }
        Realm::Real => String::new(),
        realm => format!(", on the {} only: no evidence of the real site", realm.as_str()),
    };
    lines.push((Style::new(), format!("packet {}{realm}", told.packet)));
    lines.push((terminal::faint(), format!("verify it with `fabric verify {}`", told.packet)));
    lines.extend(changes::next(run).into_iter().map(|step| (terminal::faint(), step)));
    terminal::summary(&lines);
    Ok(())
}

fn verdict(told: &Told) -> String {
    let counts = told.run.counts;
    let all = [
        (counts.pass, "passed"),
        (counts.fail, "failed"),
        (counts.error, "could not find out"),
        (counts.skip, "skipped"),
        (counts.deferred, "deferred until the changes are made"),
    ];
    let parts: Vec<String> =
        all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let checks = if parts.is_empty() { "no checks".to_owned() } else { parts.join(", ") };
    let denials = match told.run.denials.len() {
        0 => String::new(),
        n => format!(", {n} denied"),
    };
    format!("{checks}{denials}: exit {}", told.run.exit)
}

/// Why the script did not come to an end of its own.
pub(crate) fn worker_message(end: Option<&WorkerEnd>) -> Option<&str> {
    match end? {
        WorkerEnd::Finished => None,
        WorkerEnd::Threw { message }
        | WorkerEnd::Limit { message }
        | WorkerEnd::Died { message }
        | WorkerEnd::Stopped { message }
        | WorkerEnd::Aborted { reason: message } => Some(message),
    }
}
