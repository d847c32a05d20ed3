//! The table of defects: what each planted defect turns, and that it turns nothing else. The test on the lab and the one on the
//! twin read the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use serde::Deserialize;

/// Every row of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Lists of titles that rows name as `@name`.
    sets: BTreeMap<String, Vec<String>>,
    /// The rows.
    pub(crate) row: Vec<Row>,
}

/// One defect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// What is wrong, in a few words.
    pub(crate) name: String,
    /// The suite that must find it: a file of `acceptance/` without its ending.
    pub(crate) suite: String,
    /// Faults of the lab, each a name with arguments.
    #[serde(default)]
    pub(crate) lab: Vec<Vec<String>>,
    /// The same defect as faults of the twin.
    #[serde(default)]
    pub(crate) twin: Vec<toml::Value>,
    /// The checks that find a wrong state.
    #[serde(default)]
    fail: Vec<String>,
    /// The checks that cannot find out.
    #[serde(default)]
    error: Vec<String>,
    /// The checks that depend on which of two servers a load balancer picks.
    #[serde(default)]
    may: Vec<May>,
    /// Why nothing turns.
    pub(crate) why: Option<String>,
    /// What the defect turns on the twin, where its model differs from the real daemons.
    twin_differs: Option<OnTheTwin>,
}

/// What the model turns, and why it is not what the real daemons turn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnTheTwin {
    #[serde(default)]
    fail: Vec<String>,
    #[serde(default)]
    error: Vec<String>,
    why: String,
}

/// What a row turns, in the lab or on the twin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns<'row> {
    fail: &'row [String],
    error: &'row [String],
    may: &'row [May],
}

/// A check that may turn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct May {
    title: String,
    turn: Status,
    why: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pass,
    Fail,
    Error,
    Skip,
}

/// What a run printed with `--output json`.
#[derive(Debug, Deserialize)]
struct Document {
    packet: String,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    title: String,
    status: Status,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    what: Option<String>,
    #[serde(default)]
    observed: Option<serde_json::Value>,
}

/// A run of a suite.
#[derive(Debug)]
pub(crate) struct Ran {
    exit: Option<i32>,
    /// Its evidence packet.
    pub(crate) packet: String,
    checks: Vec<Check>,
}

impl Table {
    /// The table of this repository, with its sets put in their places.
    pub(crate) fn read() -> Self {
        let mut table: Self = toml::from_str(include_str!("defects.toml")).expect("the table of defects");
        let sets = std::mem::take(&mut table.sets);
        for row in &mut table.row {
            let lists = [&mut row.fail, &mut row.error].into_iter();
            let twins = row.twin_differs.iter_mut().flat_map(|twin| [&mut twin.fail, &mut twin.error]);
            lists.chain(twins).for_each(|list| *list = spelled_out(list, &sets));
        }
        table
    }
}

/// A set that does not exist stays as it is, and is then reported as a check that there is not.
fn spelled_out(titles: &[String], sets: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let set = |title: &String| match title.strip_prefix('@').and_then(|name| sets.get(name)) {
        Some(set) => spelled_out(set, sets),
        None => vec![title.clone()],
    };
    titles.iter().flat_map(set).collect()
}

/// Makes a project of its own with the suites, the policy and the site of this repository.
pub(crate) fn make_project(at: &Path) -> std::io::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(&repository.join("acceptance"), &at.join("acceptance"))?;
    for file in ["policy.toml", "fabric.toml"] {
        fs::copy(repository.join(file), at.join(file))?;
    }
    Ok(())
}

pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to)? } else { fs::copy(&from, &to).map(drop)? }
    }
    Ok(())
}

impl Row {
    /// What it turns on the lab.
    pub(crate) fn on_the_lab(&self) -> Turns<'_> {
        Turns { fail: &self.fail, error: &self.error, may: &self.may }
    }

    /// What it turns on the twin, which knows no load balancing: it asks the first server.
    pub(crate) fn on_the_twin(&self) -> Turns<'_> {
        match &self.twin_differs {
            Some(twin) => Turns { fail: &twin.fail, error: &twin.error, may: &[] },
            None => self.on_the_lab(),
        }
    }

    /// What is wrong with the row itself.
    pub(crate) fn misfits(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.lab.is_empty() && self.twin.is_empty() {
            found.push("it plants nothing".to_owned());
        }
        let explained = |why: Option<&String>| why.is_some_and(|why| why.len() >= 20);
        if self.fail.is_empty() && self.error.is_empty() && !explained(self.why.as_ref()) {
            found.push("it turns nothing for certain and does not say why".to_owned());
        }
        if self.twin_differs.as_ref().is_some_and(|twin| !explained(Some(&twin.why))) {
            found.push("it does not say why the twin differs".to_owned());
        }
        found.extend(
            self.may
                .iter()
                .filter(|may| !explained(Some(&may.why)))
                .map(|may| format!("{}: why?", may.title)),
        );
        for turns in [self.on_the_lab(), self.on_the_twin()] {
            found.extend(
                turns
                    .fail
                    .iter()
                    .filter(|title| turns.error.contains(title))
                    .map(|title| format!("{title} is in both lists")),
            );
            let wide = turns.fail.iter().chain(turns.error).filter(|title| title.contains('*'));
            found.extend(
                wide.filter(|title| !is_a_host(title)).map(|title| format!("{title} is wider than a host")),
            );
        }
        found
    }
}

/// Whether a title with `*` is about the checks of one host: `Hosts / NAME: *`.
fn is_a_host(title: &str) -> bool {
    title.strip_suffix(": *").is_some_and(|head| !head.contains('*') && !head.contains(": "))
}

/// The checks that no run turned: nothing shows that they can fail.
pub(crate) fn untouched(runs: &[Ran]) -> BTreeSet<&str> {
    let turned: BTreeSet<&str> = runs.iter().flat_map(Ran::turned).collect();
    runs.iter().flat_map(Ran::titles).filter(|title| !turned.contains(title)).collect()
}

impl Turns<'_> {
    /// How the run differs from this: one line for each difference.
    pub(crate) fn differences(&self, ran: &Ran) -> Vec<String> {
        let mut found = Vec::new();
        for check in &ran.checks {
            let wanted = self.wanted(&check.title);
            let may = self.may.iter().find(|may| may.title == check.title);
            if check.status != wanted && may.is_none_or(|may| may.turn != check.status) {
                found.push(format!(
                    "{} is {:?} and not {wanted:?}{}",
                    check.title,
                    check.status,
                    check.reason()
                ));
            }
        }
        // A title that no check has would hide that a check was renamed or left out.
        let mays = self.may.iter().map(|may| &may.title);
        for title in self.fail.iter().chain(self.error).chain(mays) {
            if !ran.checks.iter().any(|check| names(title, &check.title)) {
                found.push(format!("there is no check {title}"));
            }
        }
        let exit = ran.exit_of_the_checks();
        if ran.exit != Some(exit) {
            found.push(format!("it ended with {:?} where its checks mean {exit}", ran.exit));
        }
        found
    }

    fn wanted(&self, title: &str) -> Status {
        let in_list = |list: &[String]| list.iter().any(|listed| names(listed, title));
        match (in_list(self.fail), in_list(self.error)) {
            (true, _) => Status::Fail,
            (_, true) => Status::Error,
            _ => Status::Pass,
        }
    }
}

/// Whether a title of the table is that of a check. `*` at its end stands for every check of a host.
fn names(listed: &str, title: &str) -> bool {
    listed.strip_suffix('*').map_or(listed == title, |head| title.starts_with(head))
}

impl Ran {
    /// Reads what `fabric run --output json` printed.
    pub(crate) fn of(output: &Output) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(&output.stdout).map_err(|error| {
            format!("it printed no result ({error}): {}", String::from_utf8_lossy(&output.stderr).trim())
        })?;
        Ok(Self { exit: output.status.code(), packet: document.packet, checks: document.checks })
    }

    /// One line for each check that did not pass, and for an exit code that does not follow.
    pub(crate) fn not_passed(&self) -> Vec<String> {
        Turns { fail: &[], error: &[], may: &[] }.differences(self)
    }

    /// The titles of the checks that did not pass.
    fn turned(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter(|check| check.status != Status::Pass).map(|check| check.title.as_str())
    }

    /// The titles of all checks.
    fn titles(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().map(|check| check.title.as_str())
    }

    /// The exit code that follows from the checks: 1 when one failed, else 11 when one could not find out, else 0.
    fn exit_of_the_checks(&self) -> i32 {
        let any = |status| self.checks.iter().any(|check| check.status == status);
        match (any(Status::Fail), any(Status::Error) || any(Status::Skip)) {
            (true, _) => 1,
            (_, true) => 11,
            _ => 0,
        }
    }
}

impl Check {
    fn reason(&self) -> String {
        match (&self.message, &self.what) {
            (Some(message), _) => format!(": {message}"),
            (None, Some(what)) => {
                format!(": {what} is {}", self.observed.as_ref().unwrap_or(&serde_json::Value::Null))
            }
            (None, None) => String::new(),
        }
    }
}
