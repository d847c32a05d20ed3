//! What a run says to a program that counts successes and failures: its checks, what it left on the site, and its own end.

use std::time::Duration;

use fabric_evidence::CheckRecord;
use fabric_evidence::record::ChangeRecord;
use fabric_model::Value;
use fabric_model::change::Undone;
use fabric_model::check::Status;
use fabric_model::exit::Exit;

use super::Told;
use crate::terminal::{heals, lines, plain};

/// One of them, in texts that cannot write on a terminal.
pub(super) struct Outcome<'a> {
    pub(super) title: String,
    pub(super) status: Status,
    /// Why it is no pass; empty for one.
    pub(super) message: String,
    pub(super) took: Duration,
    /// The check, where it is one.
    pub(super) check: Option<&'a CheckRecord>,
}

/// All of them. A run that ended badly without a failure or an error of a check has an error of its own: nobody may call it green.
pub(super) fn outcomes(told: &Told) -> Vec<Outcome<'_>> {
    let mut all: Vec<Outcome<'_>> = told.checks.checks.iter().map(checked).collect();
    all.extend(told.run.changes.iter().filter(|change| !change.is_settled()).map(left));
    if told.run.exit != Exit::Done && told.run.counts.fail + told.run.counts.error == 0 {
        all.push(error("the run itself".to_owned(), told.run.exit.to_string()));
    }
    all
}

fn checked(check: &CheckRecord) -> Outcome<'_> {
    Outcome {
        title: plain(&check.title),
        status: check.status,
        message: if check.status == Status::Pass { String::new() } else { message(check) },
        took: Duration::from_millis(check.took_ms),
        check: Some(check),
    }
}

/// What is left on the site is an error of its own.
fn left<'a>(change: &ChangeRecord) -> Outcome<'a> {
    error(
        format!("change {} is taken back: {}", change.change, plain(&change.summary)),
        format!("{}; {}", change.end().map_or("nobody knows", Undone::as_str), heals(change.heals)),
    )
}

fn error<'a>(title: String, message: String) -> Outcome<'a> {
    Outcome { title, status: Status::Error, message, took: Duration::ZERO, check: None }
}

/// Why a check did not pass.
pub(crate) fn message(check: &CheckRecord) -> String {
    let json = |value: &Value| serde_json::to_string(value).unwrap_or_default();
    let text = match (&check.expected, &check.observed, &check.fault, &check.message) {
        (Some(expected), Some(observed), ..) => {
            let what = check.what.as_deref().unwrap_or_default();
            format!("{what}: expected {}, observed {}", json(expected), json(observed))
        }
        (.., Some(fault), _) => format!("{} [{}]", fault.message, fault.code),
        (.., Some(message)) => message.clone(),
        _ => String::new(),
    };
    lines(&text, "")
}
