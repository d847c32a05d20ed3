//! What a case expects against what its run found.

use fabric_evidence::{CheckRecord, ChecksRecord, RunRecord};
use fabric_model::check::Status;
use fabric_model::exit::Exit;

use super::file::Case;
use crate::output::{reason, worker_message};

/// One thing that is not as the case expects it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What: a check by its title, or something of the run.
    pub(crate) about: String,
    pub(crate) expected: String,
    pub(crate) observed: String,
}

/// How a run differs from what its case expects. Checks that the case does not name pass.
pub(crate) fn differences(case: &Case, run: &RunRecord, checks: &ChecksRecord) -> Vec<Difference> {
    let mut found: Vec<Difference> = checks.checks.iter().filter_map(|check| turned(case, check)).collect();
    // A title that no check has would hide that a check was renamed or left out.
    let missing =
        case.turns.iter().filter(|(title, _)| !checks.checks.iter().any(|c| names(title, &c.title)));
    found.extend(missing.map(|(title, status)| Difference {
        about: format!("`{title}`"),
        expected: status.as_str().to_owned(),
        observed: "there is no such check".to_owned(),
    }));
    let expected = case.exit.unwrap_or_else(|| exit_of(checks));
    if run.exit != expected {
        let why = run.denials.first().map(|denial| denial.fault.message.as_str());
        let why = why.or_else(|| worker_message(run.worker.as_ref()));
        found.push(Difference {
            about: "the exit".to_owned(),
            expected: expected.to_string(),
            observed: why.map_or(run.exit.to_string(), |why| format!("{}: {why}", run.exit)),
        });
    }
    if checks.checks.is_empty() && case.exit.is_none() {
        found.push(Difference {
            about: "the checks".to_owned(),
            expected: "at least one, or an `exit` that the case names".to_owned(),
            observed: "none, which shows nothing".to_owned(),
        });
    }
    found
}

fn turned(case: &Case, check: &CheckRecord) -> Option<Difference> {
    let named = case.turns.iter().find(|(title, _)| names(title, &check.title));
    let expected = named.map_or(Status::Pass, |(_, status)| *status);
    (check.status != expected).then(|| Difference {
        about: format!("`{}`", check.title),
        expected: expected.as_str().to_owned(),
        observed: match reason(check) {
            reason if reason.is_empty() => check.status.as_str().to_owned(),
            reason => format!("{}: {reason}", check.status.as_str()),
        },
    })
}

/// Whether a title of the file is that of a check.
fn names(written: &str, title: &str) -> bool {
    written.strip_suffix('*').map_or(written == title, |head| title.starts_with(head))
}

/// The exit that these checks mean where nothing else happened.
fn exit_of(checks: &ChecksRecord) -> Exit {
    let any = |status| checks.checks.iter().any(|check| check.status == status);
    match (any(Status::Fail), any(Status::Error) || any(Status::Skip)) {
        (true, _) => Exit::ChecksFailed,
        (_, true) => Exit::NotMeasurable,
        _ => Exit::Done,
    }
}
