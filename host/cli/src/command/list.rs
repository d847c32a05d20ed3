//! `fabric list`: the scripts of a project, or the primitives.

use std::fs;
use std::path::{Path, PathBuf};

use fabric_model::exit::Exit;
use fabric_primitives::registry::REGISTRY;
use fabric_runtime::{Refusal, Script};
use fabric_script::language::Language;
use serde_json::json;

use crate::args::{List, Listed, Output};
use crate::cases::ENDING;
use crate::place::Place;
use crate::stream::say;
use crate::terminal;

/// Folders in which a project keeps scripts.
const FOLDERS: [&str; 4] = ["acceptance", "gamedays", "packets", "scripts"];

pub(crate) fn list(place: &Place, args: &List) -> Result<Exit, Refusal> {
    let (rows, broken) = match args.what {
        Listed::Scripts => scripts(place),
        Listed::Primitives => (primitives(), Vec::new()),
    };
    match args.output {
        Output::Human => {
            let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
            for (name, class, summary) in &rows {
                say(format_args!("{name:width$}  {class:7}  {summary}"));
            }
        }
        Output::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|(name, class, summary)| json!({"name": name, "reach": class, "title": summary}))
                .collect();
            say(json!({"schema": "fabric.list/1", "entries": rows}));
        }
        Output::Junit => {
            return Err(Refusal::new(Exit::Usage, "a list is no test report: use human or json"));
        }
    }
    broken.iter().for_each(terminal::refused);
    Ok(broken.iter().fold(Exit::Done, |exit, refusal| exit.worst(refusal.exit)))
}

type Row = (String, String, String);

fn primitives() -> Vec<Row> {
    let row = |p: &&dyn fabric_primitives::Primitive| {
        (p.name().to_string(), p.class().to_string(), p.summary().to_owned())
    };
    REGISTRY.iter().map(row).collect()
}

/// What can be listed, and what is wrong with the rest.
fn scripts(place: &Place) -> (Vec<Row>, Vec<Refusal>) {
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    for path in paths(place) {
        let name = place.shorten(&path);
        match Script::load(&place.project, &name) {
            Ok(script) => rows.push((name, script.header.reach.to_string(), script.header.title)),
            Err(refusal) => broken.push(refusal),
        }
    }
    (rows, broken)
}

/// Every script of the project.
pub(super) fn paths(place: &Place) -> Vec<PathBuf> {
    files(place, is_script)
}

/// Every file of cases of the project.
pub(super) fn cases(place: &Place) -> Vec<PathBuf> {
    files(place, |path| path.to_string_lossy().ends_with(ENDING))
}

/// Whether a file is a script by its name.
pub(super) fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|ending| Language::ALL.iter().any(|l| ending == l.ending()))
}

/// The files directly in the folders of scripts; folders below them hold modules.
fn files(place: &Place, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(place.project.join(folder)).into_iter().flatten().flatten();
        let mut here: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| wanted(path)).collect();
        here.sort();
        found.extend(here);
    }
    found
}
