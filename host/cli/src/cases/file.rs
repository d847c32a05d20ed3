//! A file of cases, such as `acceptance/dns.test.toml`, beside the script that it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_model::{Diagnostic, Slug};
use fabric_script::language::Language;
use fabric_twin::TwinFault;
use serde::Deserialize;
use toml::Spanned;

/// How the names of such files end.
pub(crate) const ENDING: &str = ".test.toml";

/// The only version of these files so far.
const FORMAT: u32 = 1;

const HINT: &str = "docs/testing.md explains the keys.";

/// How fast a twin may be, as for `fabric rehearse --speed`.
const SPEEDS: std::ops::RangeInclusive<u32> = 1..=1_000;

/// The role that a case is run in unless it names one.
const ROLE: &str = "site-dev";

/// A file of cases.
#[derive(Debug)]
pub(crate) struct CaseFile {
    /// The file, as it was named.
    pub(crate) file: String,
    /// The script, named in the same way.
    pub(crate) script: String,
    pub(crate) cases: Vec<Case>,
    text: String,
}

/// One case: what is wrong, and what the script must find.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// Parameters, as on the command line.
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) faults: Vec<Planted>,
    /// Whether changes are only planned.
    pub(crate) dry_run: bool,
    /// How much faster the twin's time runs than ours.
    pub(crate) speed: Option<u32>,
    /// The role that it is run in.
    pub(crate) role: Slug,
    /// The exit, where it does not follow from the checks.
    pub(crate) exit: Option<Exit>,
    /// The checks that do not pass, and how each ends. A title that ends in `*` stands for all that begin so.
    pub(crate) turns: Vec<(String, Status)>,
    offset: usize,
}

/// A fault of the twin, and where it is written.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) fault: TwinFault,
    offset: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: Spanned<u32>,
    script: Spanned<String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    case: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: Spanned<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    faults: Vec<Spanned<toml::Value>>,
    #[serde(default)]
    dry_run: bool,
    speed: Option<Spanned<u32>>,
    role: Option<Spanned<Slug>>,
    exit: Option<Spanned<Exit>>,
    #[serde(default)]
    fail: Vec<Spanned<String>>,
    #[serde(default)]
    error: Vec<Spanned<String>>,
    #[serde(default)]
    skip: Vec<Spanned<String>>,
    #[serde(default)]
    deferred: Vec<Spanned<String>>,
}

impl CaseFile {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// Every error found, with its place.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            vec![Diagnostic::at(file, text, offset, message).hint(HINT)]
        })?;
        let mut errors = Vec::new();
        let mut refuse = |offset: usize, message: String| {
            errors.push(Diagnostic::at(file, text, offset, message).hint(HINT));
        };
        if *written.format.get_ref() != FORMAT {
            refuse(written.format.span().start, format!("the format of a file of cases is {FORMAT}"));
        }
        if !lies_beside(written.script.get_ref()) {
            refuse(
                written.script.span().start,
                "the script lies beside its cases: it is the name of a file that ends in .rhai or .luau"
                    .to_owned(),
            );
        }
        if written.case.is_empty() {
            refuse(0, "there is no [[case]], so nothing is tested".to_owned());
        }
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for case in written.case {
            if !names.insert(case.name.get_ref().clone()) {
                refuse(case.name.span().start, format!("there are two cases `{}`", case.name.get_ref()));
            }
            cases.extend(case.read(&written.sets, text, &mut refuse));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let script = Path::new(file).with_file_name(written.script.get_ref()).display().to_string();
        Ok(Self { file: file.to_owned(), script, cases, text: text.to_owned() })
    }

    /// What is wrong with a case.
    pub(crate) fn wrong(&self, case: &Case, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, case.offset, message)
    }

    /// What is wrong with a fault.
    pub(crate) fn unplantable(&self, planted: &Planted, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, planted.offset, message)
    }
}

impl WrittenCase {
    /// The case; none where something in it is wrong.
    fn read(
        self,
        sets: &BTreeMap<String, Vec<String>>,
        text: &str,
        refuse: &mut impl FnMut(usize, String),
    ) -> Option<Case> {
        let offset = self.name.span().start;
        let mut faults = Vec::new();
        for written in self.faults {
            let offset = written.span().start;
            match TwinFault::deserialize(written.into_inner()) {
                Ok(fault) => faults.push(Planted { fault, offset }),
                Err(error) => {
                    refuse(offset, format!("it is no fault of the twin: {}", error.message()));
                }
            }
        }
        let lists = [
            (Status::Fail, self.fail),
            (Status::Error, self.error),
            (Status::Skip, self.skip),
            (Status::Deferred, self.deferred),
        ];
        let mut turns: Vec<(String, Status)> = Vec::new();
        for (status, title) in
            lists.into_iter().flat_map(|(status, titles)| titles.into_iter().map(move |t| (status, t)))
        {
            let at = title.span().start;
            for title in spelled_out(title.get_ref(), sets, at, refuse) {
                match turns.iter().find(|(other, _)| *other == title) {
                    Some((_, earlier)) => {
                        refuse(at, format!("`{title}` is expected as {} already", earlier.as_str()))
                    }
                    None => turns.push((title, status)),
                }
            }
        }
        if let Some(speed) = self.speed.as_ref().filter(|speed| !SPEEDS.contains(speed.get_ref())) {
            refuse(speed.span().start, format!("a speed is {} to {}", SPEEDS.start(), SPEEDS.end()));
        }
        let role = match self.role {
            Some(role) => role.into_inner(),
            None => ROLE.parse().ok()?,
        };
        Some(Case {
            line: text.get(..offset).unwrap_or_default().matches('\n').count() + 1,
            name: self.name.into_inner(),
            params: self.params,
            faults,
            dry_run: self.dry_run,
            speed: self.speed.map(Spanned::into_inner),
            role,
            exit: self.exit.map(Spanned::into_inner),
            turns,
            offset,
        })
    }
}

/// A title, or the titles of the set that it names as `@set`.
fn spelled_out(
    title: &str,
    sets: &BTreeMap<String, Vec<String>>,
    at: usize,
    refuse: &mut impl FnMut(usize, String),
) -> Vec<String> {
    match title.strip_prefix('@').map(|name| (name, sets.get(name))) {
        None => vec![title.to_owned()],
        Some((_, Some(titles))) => titles.clone(),
        Some((name, None)) => {
            refuse(at, format!("there is no set `{name}` under [sets]"));
            Vec::new()
        }
    }
}

/// Whether this is the name of a script and of no other folder.
fn lies_beside(script: &str) -> bool {
    let name =
        script.rsplit_once('.').filter(|(_, ending)| Language::ALL.iter().any(|l| l.ending() == *ending));
    name.is_some_and(|(stem, _)| !stem.is_empty() && !script.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "format = 1\nscript = \"a.rhai\"\n[sets]\n\"all\" = [\"x\", \"y\"]\n\n[[case]]\nname = \"clean\"\n\n\
        [[case]]\nname = \"down\"\nfaults = [{ fault = \"host-down\", host = \"h\" }]\nfail = [\"@all\"]\nerror = [\"z: *\"]\n";

    #[test]
    fn a_file_is_read_with_its_sets_in_their_places() {
        let read = CaseFile::parse("acceptance/a.test.toml", GOOD).expect("sound");
        assert_eq!(read.script, "acceptance/a.rhai");
        let [clean, down] = read.cases.as_slice() else { panic!("two cases: {read:?}") };
        assert_eq!((clean.line, clean.turns.len(), clean.role.as_str()), (7, 0, ROLE));
        let turns: Vec<_> = down.turns.iter().map(|(title, status)| (title.as_str(), *status)).collect();
        assert_eq!(turns, [("x", Status::Fail), ("y", Status::Fail), ("z: *", Status::Error)]);
        assert_eq!(down.faults.len(), 1);
    }

    #[test]
    fn each_mistake_is_told_at_its_line() {
        for (from, to, line, says) in [
            ("format = 1", "format = 2", 1, "the format of a file of cases is 1"),
            ("a.rhai", "../a.rhai", 2, "lies beside its cases"),
            ("a.rhai", "a.toml", 2, "lies beside its cases"),
            ("host-down", "host-gone", 11, "no fault of the twin: unknown variant `host-gone`"),
            ("host = \"h\"", "hots = \"h\"", 11, "no fault of the twin"),
            ("name = \"down\"", "name = \"clean\"", 10, "two cases `clean`"),
            ("fail =", "fails =", 12, "unknown field `fails`"),
            ("@all", "@some", 12, "no set `some`"),
            ("name = \"clean\"", "name = \"clean\"\nspeed = 0", 8, "a speed is 1 to 1000"),
            ("z: *", "x", 13, "`x` is expected as fail already"),
            ("name = \"clean\"", "name = \"clean\"\nexit = \"fine\"", 8, "unknown variant `fine`"),
            ("name = \"clean\"\n", "dry_run = true\n", 6, "missing field `name`"),
        ] {
            let found = CaseFile::parse("a.test.toml", &GOOD.replace(from, to)).expect_err(to);
            let first = found.first().expect("one error");
            assert!(first.line == line && first.message.contains(says), "{to}: {first}");
        }
        let empty = CaseFile::parse("a.test.toml", "format = 1\nscript = \"a.rhai\"\n")
            .expect_err("nothing is tested");
        assert!(empty.iter().any(|error| error.message.contains("there is no [[case]]")), "{empty:?}");
    }
}
