//! `fabric test`: the cases of scripts, each a rehearsal of its own on a twin of its own, with its faults.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use fabric_evidence::event::Mode;
use fabric_model::exit::Exit;
use fabric_model::site::Site;
use fabric_model::{Diagnostic, Slug};
use fabric_runtime::recording::Source;
use fabric_runtime::{Home, Refusal, Script};
use fabric_twin::Twin;
use tempfile::TempDir;

use super::list;
use super::run::{How, SPEED, Wanted, conduct, on_twin};
use crate::args::{Output, RunOutput, Scripted};
use crate::cases::output::{self, Ended};
use crate::cases::{Case, CaseFile, ENDING, differences};
use crate::output::told;
use crate::place::Place;
use crate::shell;
use crate::terminal::WarningsOnly;

#[derive(clap::Args, Debug)]
pub(crate) struct Test {
    /// Files of cases, or the scripts that they lie beside [default: every one of the project]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The site file or its folder [default: fabric.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The policy [default: policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

pub(crate) fn test(place: &Place, args: &Test) -> Result<Exit, Refusal> {
    let files = files(place, args)?;
    // What is wrong in any of them is told before the first one runs.
    let site = place.site(args.site.as_deref())?.site;
    let wrong: Vec<Refusal> = files.iter().filter_map(|file| sound(place, file, &site).err()).collect();
    if let Some(first) = merged(wrong) {
        return Err(first);
    }
    let stage = Stage::new(place)?;
    let human = args.output == Output::Human;
    let mut ended: Vec<Ended<'_>> = Vec::new();
    for file in &files {
        if human {
            output::heading(file);
        }
        for case in &file.cases {
            let one = stage.rehearse(args, file, case)?;
            if human {
                output::line(&one);
            }
            let interrupted = one.exit == Exit::Interrupted;
            ended.push(one);
            if interrupted {
                return Ok(Exit::Interrupted);
            }
        }
    }
    match args.output {
        Output::Human => output::summary(&ended),
        Output::Json => output::document(&ended),
        Output::Junit => output::junit(&ended)?,
    }
    Ok(if ended.iter().all(Ended::passed) { Exit::Done } else { Exit::ChecksFailed })
}

/// The files of cases that are named, or all of the project. None is an error: nothing would be tested.
fn files(place: &Place, args: &Test) -> Result<Vec<CaseFile>, Refusal> {
    let paths = if args.files.is_empty() {
        list::cases(place).iter().map(|path| PathBuf::from(place.shorten(path))).collect()
    } else {
        args.files.iter().map(|path| beside(path)).collect::<Vec<_>>()
    };
    if paths.is_empty() {
        return Err(Refusal::new(
            Exit::NotFound,
            format!("no script of this project has a file of cases (NAME{ENDING})"),
        )
        .hint("`fabric new` writes one beside each script; docs/testing.md explains them."));
    }
    paths.iter().map(|path| read(path)).collect()
}

/// The file of cases that a script has; any other file is meant itself.
fn beside(path: &Path) -> PathBuf {
    if list::is_script(path) { path.with_extension(ENDING.trim_start_matches('.')) } else { path.to_owned() }
}

fn read(path: &Path) -> Result<CaseFile, Refusal> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Refusal::new(Exit::NotFound, format!("the cases {name} cannot be read: {error}"))
            .hint("Cases lie beside their script: those of dns.rhai in dns.test.toml.")
    })?;
    CaseFile::parse(&name, &text).map_err(|errors| Refusal::in_file(Exit::Configuration, &name, errors))
}

/// That the script can be loaded, takes the parameters, and that the site has what the faults name.
fn sound(place: &Place, file: &CaseFile, site: &Site) -> Result<(), Refusal> {
    let script = Script::load(&place.project, &file.script)?;
    let twin = Twin::new(site, 0);
    let mut errors: Vec<Diagnostic> = Vec::new();
    for case in &file.cases {
        if let Err(refusal) = script.params(&case.params) {
            let told = file.wrong(case, refusal.message);
            errors.push(refusal.hints.into_iter().fold(told, Diagnostic::hint));
        }
        for planted in &case.faults {
            if let Err(error) = twin.inject(planted.fault.clone()) {
                errors.push(file.unplantable(planted, format!("the fault cannot be planted: {error}")));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::in_file(Exit::Configuration, &file.file, errors)) }
}

/// Several refusals as one.
fn merged(refusals: Vec<Refusal>) -> Option<Refusal> {
    refusals.into_iter().reduce(|mut one, next| {
        one.message = format!("{}\n{}", one.message, next.message);
        one.exit = one.exit.worst(next.exit);
        one.diagnostics.extend(next.diagnostics);
        one.hints.extend(next.hints);
        one
    })
}

/// A place apart for packets and keys: a test counts for nothing, and neither reads nor leaves anything in the operator's folder.
struct Stage<'a> {
    place: &'a Place,
    folder: TempDir,
    /// An operator's folder for each role.
    homes: RefCell<BTreeMap<Slug, Home>>,
}

impl<'a> Stage<'a> {
    fn new(place: &'a Place) -> Result<Self, Refusal> {
        let folder = tempfile::Builder::new().prefix("fabric-test").tempdir().map_err(|error| {
            Refusal::new(Exit::Configuration, format!("there is no place for the packets of tests: {error}"))
        })?;
        Ok(Self { place, folder, homes: RefCell::default() })
    }

    fn home(&self, role: &Slug) -> Result<Home, Refusal> {
        if let Some(home) = self.homes.borrow().get(role) {
            return Ok(home.clone());
        }
        let home = Home::at(self.folder.path().join("homes").join(role.as_str()));
        home.set_up("fabric test <fabric@localhost>", role, SystemTime::now())?;
        self.homes.borrow_mut().insert(role.clone(), home.clone());
        Ok(home)
    }

    /// Rehearses a case as `fabric rehearse` does.
    fn rehearse<'f>(&self, args: &Test, file: &'f CaseFile, case: &'f Case) -> Result<Ended<'f>, Refusal> {
        let place = self.place.apart(self.home(&case.role)?, self.folder.path().join("runs"));
        let wanted = if case.dry_run { Wanted::plan() } else { Wanted::changes() };
        let how = How { mode: Mode::Rehearse, wanted, answers: Source::Site };
        let faults = case.faults.iter().map(|planted| planted.fault.clone()).collect();
        let began = Instant::now();
        let finished = conduct(&place, &scripted(args, file, case), how, Arc::new(WarningsOnly), |site| {
            on_twin(site, faults, case.speed.unwrap_or(SPEED))
        })?;
        let told = told(&place, &finished)?;
        Ok(Ended {
            file,
            case,
            exit: told.run.exit,
            differences: differences(case, &told.run, &told.checks),
            again: again(args, file, case),
            took: began.elapsed(),
        })
    }
}

fn scripted(args: &Test, file: &CaseFile, case: &Case) -> Scripted {
    /// What `fabric rehearse` gives a run, in seconds.
    const TIME_LIMIT: u64 = 900;
    Scripted {
        path: file.script.clone(),
        site: args.site.clone(),
        policy: args.policy.clone(),
        params: case.params.clone().into_iter().collect(),
        faults: Vec::new(),
        record: None,
        record_grants: None,
        metrics: None,
        time_limit: TIME_LIMIT,
        output: RunOutput::default(),
    }
}

/// The command that shows the run of a case.
fn again(args: &Test, file: &CaseFile, case: &Case) -> String {
    let mut words = vec!["fabric".to_owned(), "rehearse".to_owned(), shell::quoted(&file.script)];
    if case.dry_run {
        words.push("--dry-run".to_owned());
    }
    if let Some(speed) = case.speed {
        words.extend(shell::option("speed", &speed.to_string()));
    }
    let files = [("site", &args.site), ("policy", &args.policy)];
    for (name, path) in files.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?))) {
        words.extend(shell::option(name, &path.display().to_string()));
    }
    for (name, value) in &case.params {
        words.extend(shell::option("param", &format!("{name}={value}")));
    }
    for planted in &case.faults {
        words.extend(shell::option("fault", &serde_json::to_string(&planted.fault).unwrap_or_default()));
    }
    words.join(" ")
}
