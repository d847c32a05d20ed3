//! `fabric evidence scan`: secrets in folders of evidence, by file, line and class. A value is never shown.

use std::path::{Path, PathBuf};

use fabric_evidence::scan::{self, FINDINGS_PER_FILE, Finding};
use fabric_model::exit::Exit;
use fabric_redact::{Redactor, What};
use fabric_runtime::Refusal;
use fabric_runtime::recover::Secrecy;
use serde_json::{Value, json};

use crate::args::Output;
use crate::place::Place;
use crate::stream::{say, tell};

#[derive(clap::Args, Debug)]
pub(crate) struct Scan {
    /// The folders
    #[arg(required = true, value_name = "FOLDER")]
    pub(crate) folders: Vec<PathBuf>,
    /// Look for the secrets of this site too, in every encoding
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

pub(crate) fn scan(place: &Place, args: &Scan) -> Result<Exit, Refusal> {
    if !matches!(args.output, Output::Human | Output::Json) {
        return Err(Refusal::new(Exit::Usage, "a scan is no test report: use human or json"));
    }
    let redactor = match &args.site {
        Some(site) => Secrecy::of_site(&place.site(Some(site))?, &place.home, None).redactor,
        None => Default::default(),
    };
    let mut all = Found::default();
    for folder in &args.folders {
        all.look_through(place, folder, &redactor)?;
    }
    match args.output {
        Output::Json => say(all.to_json()),
        _ => all.findings.iter().for_each(say),
    }
    let Found { findings, unread, files } = &all;
    for (path, why) in unread {
        tell(format_args!("not read: {path}: {why}"));
    }
    tell(format_args!("{} finding(s) in {files} file(s); {} not read", findings.len(), unread.len()));
    // What was not read can hold anything.
    let links_alone = unread.iter().all(|(_, why)| why == scan::NO_FILE);
    Ok(match (findings.is_empty(), links_alone) {
        (false, _) => Exit::ChecksFailed,
        (true, false) => Exit::NotMeasurable,
        (true, true) => Exit::Done,
    })
}

/// What was found in all folders.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    unread: Vec<(String, String)>,
    files: usize,
}

impl Found {
    fn look_through(&mut self, place: &Place, folder: &Path, redactor: &Redactor) -> Result<(), Refusal> {
        let shown = place.shorten(folder);
        let scan = scan::folder(folder, redactor).map_err(|error| {
            Refusal::new(Exit::NotFound, format!("{shown} cannot be read: {error}"))
                .hint("Name folders; a single packet is one.")
        })?;
        let within = |path: &str| format!("{}/{path}", shown.trim_end_matches('/'));
        let findings = scan.findings.into_iter();
        self.findings.extend(findings.map(|finding| Finding { file: within(&finding.file), ..finding }));
        self.unread.extend(scan.unread.into_iter().map(|(path, why)| (within(&path), why)));
        self.files += scan.files;
        Ok(())
    }

    fn to_json(&self) -> Value {
        let finding = |Finding { file, line, what }: &Finding| match what {
            What::Looks(class) => json!({"file": file, "line": line, "class": class.as_str()}),
            What::Known(handle) => {
                json!({"file": file, "line": line, "class": "known-secret", "handle": handle})
            }
        };
        let unread = |(path, why): &(String, String)| json!({"path": path, "why": why});
        json!({
            "schema": "fabric.scan/1",
            "files": self.files,
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "findings_per_file_limit": FINDINGS_PER_FILE,
            "unread": self.unread.iter().map(unread).collect::<Vec<_>>(),
        })
    }
}
