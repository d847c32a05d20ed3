//! What `fabric test` prints.

use std::time::Duration;

use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::{Case, CaseFile, Difference};
use crate::output::junit;
use crate::stream::say;
use crate::terminal::{duration, faint, lines, plain, style};

/// A case that is over.
pub(crate) struct Ended<'a> {
    pub(crate) file: &'a CaseFile,
    pub(crate) case: &'a Case,
    pub(crate) exit: Exit,
    /// What is not as expected; nothing where the case passes.
    pub(crate) differences: Vec<Difference>,
    /// The command that shows the run again.
    pub(crate) again: String,
    pub(crate) took: Duration,
}

impl Ended<'_> {
    pub(crate) fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// The heading of a file's cases, for people.
pub(crate) fn heading(file: &CaseFile) {
    say(format_args!("{}: {}", plain(&file.file), plain(&file.script)));
}

/// A line for a case, and under it what is not as expected.
pub(crate) fn line(ended: &Ended<'_>) {
    let (mark, good, grey) = (if ended.passed() { "pass " } else { "FAIL " }, style(ended.passed()), faint());
    let took = duration(ended.took);
    say(format_args!("  {good}{mark}{good:#} {}  {grey}{took}{grey:#}", plain(&ended.case.name)));
    if ended.passed() {
        return;
    }
    for Difference { about, expected, observed } in &ended.differences {
        say(format_args!(
            "        {}\n          expected {}\n          observed {}",
            plain(about),
            plain(expected),
            lines(observed, "          ")
        ));
    }
    say(format_args!("        {}:{}", plain(&ended.file.file), ended.case.line));
    say(format_args!("        {grey}to see it: {}{grey:#}", plain(&ended.again)));
}

/// The last line, for people.
pub(crate) fn summary(ended: &[Ended<'_>]) {
    let failed = ended.iter().filter(|ended| !ended.passed()).count();
    let passed = ended.len() - failed;
    let tint = style(failed == 0);
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    say(format_args!("\n{tint}{passed} passed{failed}{tint:#}"));
}

/// One JSON document.
pub(crate) fn document(ended: &[Ended<'_>]) {
    let cases: Vec<_> = ended
        .iter()
        .map(|ended| {
            let differences: Vec<_> = ended
                .differences
                .iter()
                .map(|d| json!({"about": d.about, "expected": d.expected, "observed": d.observed}))
                .collect();
            json!({
                "name": ended.case.name,
                "file": ended.file.file,
                "line": ended.case.line,
                "script": ended.file.script,
                "passed": ended.passed(),
                "exit": ended.exit,
                "differences": differences,
                "again": ended.again,
            })
        })
        .collect();
    say(json!({"schema": "fabric.test/1", "cases": cases}));
}

/// JUnit XML: a suite for each file.
///
/// # Errors
/// When the report cannot be written as XML.
pub(crate) fn junit(ended: &[Ended<'_>]) -> Result<(), Refusal> {
    let mut report = Report::new("fabric test");
    for cases in ended.chunk_by(|one, next| one.file.file == next.file.file) {
        let Some(first) = cases.first() else { continue };
        let mut suite = TestSuite::new(plain(&first.file.file));
        suite.add_test_cases(cases.iter().map(test_case));
        report.add_test_suite(suite);
    }
    junit::write(&report)
}

fn test_case(ended: &Ended<'_>) -> TestCase {
    let status = if ended.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let told = |d: &Difference| format!("{}: expected {}, observed {}", d.about, d.expected, d.observed);
        let told: Vec<String> = ended.differences.iter().map(told).collect();
        status.set_message(lines(&told.join("\n"), ""));
        status.set_description(plain(&ended.again));
        status
    };
    let mut case = TestCase::new(plain(&ended.case.name), status);
    case.set_time(ended.took);
    case
}
