//! The last run of a script as a textfile for Prometheus, as the collector of its node exporter reads it.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_evidence::{RunRecord, Stamp};
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use tempfile::NamedTempFile;

use super::Told;

/// Writes the file in one step: who reads it sees the last run or the one before, and never a part.
///
/// # Errors
/// When it cannot be written. The run is sealed all the same.
pub(crate) fn write(told: &Told, file: &Path) -> Result<(), Refusal> {
    replace(file, &render(&told.run)).map_err(|error| {
        Refusal::new(
            Exit::Configuration,
            format!("the metrics {} cannot be written: {error}", file.display()),
        )
    })
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut unfinished = NamedTempFile::new_in(folder)?;
    unfinished.write_all(text.as_bytes())?;
    // The exporter has an account of its own, and there is no secret in it.
    unfinished.as_file().set_permissions(Permissions::from_mode(0o644))?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(file)?;
    Ok(())
}

fn render(run: &RunRecord) -> String {
    let counts = run.counts;
    let left = run.changes.iter().filter(|change| !change.is_settled()).count();
    let mut page = Page { labels: labels(run), text: String::new() };
    page.family(
        "success",
        "Whether the last run ended as done.",
        &[("", f64::from(u8::from(run.exit == Exit::Done)))],
    );
    page.family("exit_code", "The exit code of the last run.", &[("", run.code.into())]);
    page.family(
        "duration_seconds",
        "How long the last run took.",
        &[("", since(run.ended, run.head.started.into()))],
    );
    page.family("end_timestamp_seconds", "When the last run ended.", &[("", since(run.ended, UNIX_EPOCH))]);
    let checks = [
        ("pass", counts.pass),
        ("fail", counts.fail),
        ("error", counts.error),
        ("skip", counts.skip),
        ("deferred", counts.deferred),
    ];
    let checks = checks.map(|(status, count)| (format!(",status=\"{status}\""), number(count)));
    page.family("checks", "Checks of the last run by how they ended.", &checks);
    page.family(
        "denials",
        "Calls that the gate refused in the last run.",
        &[("", number(run.denials.len() as u64))],
    );
    page.family(
        "changes_left",
        "Changes of the last run that are not settled.",
        &[("", number(left as u64))],
    );
    if let Some(verdicts) = run.verdicts {
        let words = [
            ("hypothesis", verdicts.hypothesis.as_str()),
            ("injection", verdicts.injection.as_str()),
            ("restoration", verdicts.restoration.as_str()),
        ];
        let words =
            words.map(|(about, word)| (format!(",about=\"{about}\",verdict=\"{}\"", escaped(word)), 1.0));
        page.family("verdict", "The verdicts on the last run, each with the value 1.", &words);
    }
    page.text
}

/// Who reads them tells scripts, sites and realms apart. The run's id is none of them: each would be a series of its own.
fn labels(run: &RunRecord) -> String {
    let head = &run.head;
    let labels = [
        ("script", head.script.path.as_str()),
        ("kind", head.script.kind.as_str()),
        ("site", head.site.name.as_str()),
        ("realm", head.site.realm.as_str()),
        ("mode", head.mode.as_str()),
        ("act", head.act.as_str()),
    ];
    labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).join(",")
}

struct Page {
    labels: String,
    text: String,
}

impl Page {
    /// A gauge, with a sample for each of these labels and values.
    fn family(&mut self, name: &str, help: &str, samples: &[(impl AsRef<str>, f64)]) {
        let Self { labels, text } = self;
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "# HELP fabric_run_{name} {help}\n# TYPE fabric_run_{name} gauge");
        for (more, value) in samples {
            let _ = writeln!(text, "fabric_run_{name}{{{labels}{}}} {value}", more.as_ref());
        }
    }
}

/// Every count is below 2^53.
fn number(count: u64) -> f64 {
    count as f64
}

fn since(later: Stamp, earlier: SystemTime) -> f64 {
    SystemTime::from(later).duration_since(earlier).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// A value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
