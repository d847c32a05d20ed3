//! JUnit XML, for CI systems: `fail` is a failure, `error` an error, `skip` and `deferred` are skipped.

use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Told;
use super::outcome::{Outcome, outcomes};
use crate::stream::say;
use crate::terminal::plain;

pub(super) fn print(told: &Told) -> Result<(), Refusal> {
    let mut suite = TestSuite::new(plain(&told.run.head.script.title));
    suite.add_test_cases(outcomes(told).iter().map(case));
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
    // The schema that Jenkins has knows this count of suites and not of the whole; no text holds a quotation mark as it is.
    say(text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1));
    Ok(())
}

fn case(outcome: &Outcome<'_>) -> TestCase {
    let mut status = match outcome.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip | Status::Deferred => TestCaseStatus::skipped(),
    };
    if outcome.status != Status::Pass {
        status.set_message(outcome.message.as_str());
    }
    let mut case = TestCase::new(outcome.title.as_str(), status);
    case.set_time(outcome.took);
    case
}
