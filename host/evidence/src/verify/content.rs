//! That journal, records and report tell one story.

use std::collections::BTreeMap;

use fabric_model::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Finding;
use super::tree::Tree;
use crate::canonical::{self, NotCanonical};
use crate::derive;
use crate::document;
use crate::event::{Event, RunHead};
use crate::journal::{self, Line, Torn};
use crate::packet::{CHECKS, JOURNAL, PAGE, REPORT, RUN, json_file};
use crate::plan;
use crate::probe::{self, Sample};
use crate::record::{ChecksRecord, FORMAT, RunRecord};
use crate::report;

/// Reads the files that every core has and checks them against each other.
pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) -> Option<(RunRecord, ChecksRecord)> {
    let run: Option<RunRecord> = record(tree, RUN, findings);
    let checks: Option<ChecksRecord> = record(tree, CHECKS, findings);
    story(tree, run.as_ref(), checks.as_ref(), findings);
    let (run, checks) = (run?, checks?);
    let samples = samples(tree, &run);
    let reports =
        [(REPORT, report::render(&run, &checks)), (PAGE, report::page::render(&run, &checks, &samples))];
    for (path, rendered) in reports {
        if let Some(found) = tree.read(path, findings)
            && found != rendered.as_bytes()
        {
            findings.push(Finding::new(
                "report.differs",
                path,
                "it is not the rendering of the records and artifacts",
            ));
        }
    }
    Some((run, checks))
}

/// The samples of the probes of a run. What cannot be read of them is a finding elsewhere.
fn samples(tree: &Tree, run: &RunRecord) -> BTreeMap<String, Vec<Sample>> {
    let read = |path: &String| Some((path.clone(), probe::read(&tree.read(path, &mut Vec::new())?).ok()?));
    run.probes.iter().filter_map(|probe| read(&probe.artifact)).collect()
}

/// What every version of a record begins with.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

fn record<T: DeserializeOwned>(tree: &Tree, path: &str, findings: &mut Vec<Finding>) -> Option<T> {
    let bytes = tree.read(path, findings)?;
    let Some(json) = bytes.strip_suffix(b"\n") else {
        findings.push(Finding::new("record.form", path, "the line end is missing"));
        return None;
    };
    if let Ok(Versioned { format }) = serde_json::from_slice(json)
        && format != FORMAT
    {
        let message = format!("format {format} is not known to this version, which reads {FORMAT}");
        findings.push(Finding::new("record.format", path, message));
        return None;
    }
    match canonical::read(json) {
        Ok(record) => Some(record),
        Err(error) => {
            let class = match error {
                NotCanonical::Json(_) => "record.json",
                NotCanonical::Form => "record.form",
                NotCanonical::Shape(_) => "record.shape",
            };
            findings.push(Finding::new(class, path, error.to_string()));
            None
        }
    }
}

/// Derives both records from the journal again and compares their bytes with those in the packet.
fn story(tree: &Tree, run: Option<&RunRecord>, checks: Option<&ChecksRecord>, findings: &mut Vec<Finding>) {
    let Some(bytes) = tree.read(JOURNAL, findings) else { return };
    let lines = match journal::read(&bytes, Torn::Refuse) {
        Ok(chain) => chain.lines,
        Err(broken) => {
            findings.push(Finding::new("journal.chain", JOURNAL, broken.to_string()));
            return;
        }
    };
    let (told_run, told_checks) = match derive::records(&lines) {
        Ok(records) => records,
        Err(none) => {
            findings.push(Finding::new("journal.story", JOURNAL, none.to_string()));
            return;
        }
    };
    // The bytes, not what they mean: a field that may be absent is not spelled out.
    if run.is_some() && tree.read(RUN, findings) != json_file(&told_run).ok() {
        findings.push(Finding::new("run.differs", RUN, "it is not what the journal says"));
    }
    if checks.is_some() && tree.read(CHECKS, findings) != json_file(&told_checks).ok() {
        findings.push(Finding::new("checks.differ", CHECKS, "they are not what the journal says"));
    }
    artifacts(tree, &lines, findings);
}

/// Checks the artifacts that the journal names by their digest.
fn artifacts(tree: &Tree, lines: &[Line], findings: &mut Vec<Finding>) {
    let head = lines.iter().find_map(|line| match &line.event {
        Event::RunStarted { head } => Some(&**head),
        _ => None,
    });
    for line in lines {
        match &line.event {
            Event::PlanMade { plan: digest, changes } => {
                let Some(bytes) = tree.read(plan::PATH, findings) else { continue };
                let why = if Digest::of(&bytes) == *digest {
                    head.and_then(|head| plan_fault(&bytes, head, *changes))
                } else {
                    Some("it is not the plan whose digest stands in the journal".to_owned())
                };
                findings.extend(why.map(|why| Finding::new("plan.differs", plan::PATH, why)));
            }
            Event::ProbeEnded { artifact, digest, sent, lost, gap_ms, .. } => {
                let Some(bytes) = tree.read(artifact, findings) else { continue };
                let why = if Digest::of(&bytes) == *digest {
                    probe::fault(&bytes, *sent, *lost, *gap_ms)
                } else {
                    Some("it is not the file whose digest stands in the journal")
                };
                findings.extend(why.map(|why| Finding::new("artifact.differs", artifact, why)));
            }
            _ => {}
        }
    }
    documents(tree, lines, findings);
}

/// Checks the documents of the script against the journal: each is named, and none but those.
fn documents(tree: &Tree, lines: &[Line], findings: &mut Vec<Finding>) {
    let named: Vec<(&str, Digest)> = lines
        .iter()
        .filter_map(|line| match &line.event {
            Event::DocumentKept { artifact, digest, .. } => Some((artifact.as_str(), *digest)),
            _ => None,
        })
        .collect();
    for (path, _) in &named {
        if !tree.has(path) {
            findings.push(Finding::new(
                "artifact.differs",
                path,
                "the journal names it, and it is not there",
            ));
        }
    }
    let faults = document::faults(&named, tree.files(), |path| tree.read(path, &mut Vec::new()));
    findings.extend(faults.into_iter().map(|(path, why)| Finding::new("artifact.differs", &path, why)));
}

/// What a plan says that its run does not.
fn plan_fault(bytes: &[u8], head: &RunHead, changes: u32) -> Option<String> {
    let plan = match plan::read(bytes) {
        Ok(plan) => plan,
        Err(error) => return Some(error.to_string()),
    };
    let differs = [
        ("script", plan.script.digest == head.script.digest),
        ("policy", plan.policy == head.policy),
        ("site", plan.site.digest == head.site.digest && plan.site.realm == head.site.realm),
        ("number of changes", plan.changes.len() == changes as usize),
    ];
    differs.iter().find(|(_, same)| !same).map(|(what, _)| format!("it has another {what} than the run"))
}
