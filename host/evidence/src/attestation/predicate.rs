//! What a statement says of a packet: in-toto's test result for suites, and types of our own for what in-toto has none.
//!
//! The shapes are published in `evidence/schema`.

use fabric_model::Digest;
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_model::site::Realm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::head::{Act, Mode, RunHead};
use crate::record::{ChecksRecord, Counts, ProbeRecord, RunOutcome, RunRecord, ScopeRecord, Verdicts};
use crate::stamp::Stamp;

/// in-toto's own, for a run of a suite.
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// A run that is none of the others.
const RUN: &str = "https://fabric.samakia.net/attestation/run/v1";
/// A dry run that made a plan.
const PLAN: &str = "https://fabric.samakia.net/attestation/plan/v1";
/// A GameDay that was executed.
const GAMEDAY: &str = "https://fabric.samakia.net/attestation/gameday/v1";
/// A disaster recovery exercise that was executed.
const DR_EXERCISE: &str = "https://fabric.samakia.net/attestation/dr-exercise/v1";

/// What the packet is a record of.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Predicate<'a> {
    TestResult(TestResult),
    Run(Run<'a>),
    Plan(PlanMade<'a>),
    Exercise(Exercise<'a>),
}

/// `test-result/v0.1`: a suite, and which of its tests came to what. A test is a check, named by its number and its title.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Whether the suite passed: never where anything failed, was denied, or could not be measured.
    result: Outcome,
    /// What the suite was, and on what it ran.
    configuration: Vec<ResourceDescriptor>,
    /// Observed as expected.
    passed_tests: Vec<String>,
    /// Not looked at.
    warned_tests: Vec<String>,
    /// Not as expected, or it could not be found out.
    failed_tests: Vec<String>,
}

/// What in-toto calls the outcome of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Outcome {
    Passed,
    Warned,
    Failed,
}

/// A file or a place, as in-toto names one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct ResourceDescriptor {
    name: String,
    digest: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Place>,
}

/// A digest, as in-toto writes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Sha256 {
    pub(super) sha256: Digest,
}

/// Where the suite ran: only `real` and `run` together are about the site itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Place {
    realm: Realm,
    mode: Mode,
}

/// `run/v1`: who ran what, where, as whom, and what it came to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Run<'a> {
    /// What was known beforehand, as in `run.json`.
    head: &'a RunHead,
    /// When it ended.
    ended: &'a Stamp,
    /// Whether it came to its end.
    outcome: RunOutcome,
    /// The most severe of its exits.
    exit: Exit,
    /// Its exit code.
    code: u8,
    /// How many checks ended how.
    counts: Counts,
}

/// `plan/v1`: a dry run, and the plan that it made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlanMade<'a> {
    /// The dry run.
    run: Run<'a>,
    /// The digest of `artifacts/plan.json`; absent where the run made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Digest>,
    /// How many changes were planned.
    changes: usize,
}

/// `gameday/v1` and `dr-exercise/v1`: what was broken, whether the service bore it, and whether all was put back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Exercise<'a> {
    /// The run.
    run: Run<'a>,
    /// The plan to which it was bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Digest>,
    /// What it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdicts: Option<Verdicts>,
    /// How many changes were about to be made.
    changes: usize,
    /// The scopes of changes, and whether each was restored.
    scopes: &'a [ScopeRecord],
    /// What users of the service would have noticed.
    probes: &'a [ProbeRecord],
}

/// The type of a packet's predicate, and the predicate.
pub(super) fn of<'a>(run: &'a RunRecord, checks: &ChecksRecord) -> (&'static str, Predicate<'a>) {
    match (run.head.act, run.head.script.kind.as_str()) {
        (Act::Observe, "acceptance") => (TEST_RESULT, Predicate::TestResult(test_result(run, checks))),
        (Act::Plan, _) => {
            (PLAN, Predicate::Plan(PlanMade { run: told(run), plan: run.plan, changes: run.planned.len() }))
        }
        (Act::Execute, "gameday") => (GAMEDAY, Predicate::Exercise(exercise(run))),
        (Act::Execute, "dr") => (DR_EXERCISE, Predicate::Exercise(exercise(run))),
        _ => (RUN, Predicate::Run(told(run))),
    }
}

fn told(run: &RunRecord) -> Run<'_> {
    Run {
        head: &run.head,
        ended: &run.ended,
        outcome: run.outcome,
        exit: run.exit,
        code: run.code,
        counts: run.counts,
    }
}

fn exercise(run: &RunRecord) -> Exercise<'_> {
    Exercise {
        run: told(run),
        plan: run.plan,
        verdicts: run.verdicts,
        changes: run.changes.len(),
        scopes: &run.scopes,
        probes: &run.probes,
    }
}

fn test_result(run: &RunRecord, checks: &ChecksRecord) -> TestResult {
    let named = |wanted: &[Status]| {
        let of = checks.checks.iter().filter(|check| wanted.contains(&check.status));
        of.map(|check| format!("{} {}", check.id, check.title)).collect::<Vec<_>>()
    };
    let failed_tests = named(&[Status::Fail, Status::Error]);
    let result = match run.exit {
        Exit::Done => Outcome::Passed,
        Exit::NotMeasurable if failed_tests.is_empty() => Outcome::Warned,
        _ => Outcome::Failed,
    };
    TestResult {
        result,
        configuration: configuration(&run.head),
        passed_tests: named(&[Status::Pass]),
        warned_tests: named(&[Status::Skip, Status::Deferred]),
        failed_tests,
    }
}

fn configuration(head: &RunHead) -> Vec<ResourceDescriptor> {
    let file = |name: &str, digest: Digest| ResourceDescriptor {
        name: name.to_owned(),
        digest: Sha256 { sha256: digest },
        annotations: None,
    };
    let mut files = vec![file(&head.script.path, head.script.digest)];
    files.extend(head.modules.iter().map(|module| file(&module.path, module.digest)));
    files.push(file("policy", head.policy));
    let place = Place { realm: head.site.realm, mode: head.mode };
    let site = format!("site:{}", head.site.name);
    files.push(ResourceDescriptor { annotations: Some(place), ..file(&site, head.site.digest) });
    files
}
