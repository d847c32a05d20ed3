//! JUnit XML, for CI systems: `fail` is a failure, `error` an error, `skip` and `deferred` are skipped.

use std::time::Duration;

use fabric_evidence::CheckRecord;
use fabric_evidence::record::ChangeRecord;
use fabric_model::Value;
use fabric_model::change::Undone;
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Told;
use crate::stream::say;
use crate::terminal::{heals, lines, plain};

pub(super) fn print(told: &Told) -> Result<(), Refusal> {
    let mut suite = TestSuite::new(plain(&told.run.head.script.title));
    suite.add_test_cases(told.checks.checks.iter().map(case));
    suite.add_property(("packet", told.packet.as_str()));
    suite.add_property(("realm", told.run.head.site.realm.as_str()));
    suite.add_property(("exit", told.run.exit.to_string().as_str()));
    if let Some(plan) = told.run.plan {
        suite.add_property(("plan", plan.to_string().as_str()));
    }
    if let Some(verdicts) = told.run.verdicts {
        suite.add_property(("hypothesis", verdicts.hypothesis.as_str()));
        suite.add_property(("injection", verdicts.injection.as_str()));
        suite.add_property(("restoration", verdicts.restoration.as_str()));
    }
    suite.add_test_cases(told.run.changes.iter().filter(|change| !change.is_settled()).map(left));
    // A run can end badly without any check: CI must not call it green.
    if told.run.exit != Exit::Done && told.run.counts.fail + told.run.counts.error == 0 {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(told.run.exit.to_string());
        suite.add_test_case(TestCase::new("the run itself", status));
    }
    let mut report = Report::new(told.run.head.run_id.as_str());
    report.add_test_suite(suite);
    write(&report)
}

/// Prints a report.
///
/// # Errors
/// When it cannot be written as XML.
pub(crate) fn write(report: &Report) -> Result<(), Refusal> {
    let text = report
        .to_string()
        .map_err(|error| Refusal::new(Exit::Bug, format!("the report cannot be printed: {error}")))?;
    say(text);
    Ok(())
}

fn case(check: &CheckRecord) -> TestCase {
    let mut status = match check.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip | Status::Deferred => TestCaseStatus::skipped(),
    };
    if check.status != Status::Pass {
        status.set_message(message(check));
    }
    let mut case = TestCase::new(plain(&check.title), status);
    case.set_time(Duration::from_millis(check.took_ms));
    case
}

/// What is left on the site is an error of its own.
fn left(change: &ChangeRecord) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(format!(
        "{}; {}",
        change.end().map_or("nobody knows", Undone::as_str),
        heals(change.heals)
    ));
    TestCase::new(format!("change {} is taken back: {}", change.change, plain(&change.summary)), status)
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
