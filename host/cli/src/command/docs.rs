//! `fabric docs`: the reference of what scripts can call, on the terminal or as files.

use std::fs;
use std::path::{Path, PathBuf};

use fabric_model::exit::Exit;
use fabric_model::{Fault, PrimitiveName};
use fabric_primitives::reference;
use fabric_primitives::registry::{self, REGISTRY};
use fabric_runtime::Refusal;

use crate::reference::{functions, luau_definitions};
use crate::stream::{pour, say, tell};

/// The files that `--write` makes.
const PAGES: [&str; 3] = ["primitives.md", "functions.md", "fabric.d.luau"];

#[derive(clap::Args, Debug)]
pub(crate) struct Docs {
    /// The primitive or function to read about [default: list all of them]
    pub(crate) name: Option<String>,
    /// Write the whole reference into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "name")]
    pub(crate) write: Option<PathBuf>,
    /// Print the definitions that Luau's language server reads
    #[arg(long, conflicts_with_all = ["name", "write"])]
    pub(crate) luau_definitions: bool,
}

pub(crate) fn docs(args: &Docs) -> Result<Exit, Refusal> {
    match (&args.name, &args.write) {
        (Some(name), _) => pour(page_of(name)?.as_bytes()),
        (None, Some(folder)) => write(folder)?,
        (None, None) if args.luau_definitions => pour(luau_definitions().as_bytes()),
        (None, None) => list(),
    }
    Ok(Exit::Done)
}

fn page_of(name: &str) -> Result<String, Refusal> {
    if let Some(primitive) = name.parse::<PrimitiveName>().ok().and_then(|name| registry::find(&name)) {
        return reference::section(primitive).map_err(no_page);
    }
    functions::find(name).map(|topic| topic.section()).ok_or_else(|| {
        Refusal::new(Exit::NotFound, format!("there is neither a primitive nor a function `{name}`"))
            .hint("`fabric docs` lists what there is to read about.")
    })
}

/// Primitives with their class, then functions.
fn list() {
    let topics = functions::topics();
    let primitives = REGISTRY.iter().map(|p| (p.name().to_string(), p.class().to_string(), p.summary()));
    let functions = topics.iter().map(|topic| (topic.name(), "function".to_owned(), topic.summary()));
    let rows: Vec<(String, String, &str)> = primitives.chain(functions).collect();
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    for (name, class, summary) in rows {
        say(format_args!("{name:width$}  {class:8}  {summary}"));
    }
}

fn write(folder: &Path) -> Result<(), Refusal> {
    let page = reference::page(REGISTRY).map_err(no_page)?;
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    for (name, text) in PAGES.iter().zip([page, functions::page(), luau_definitions()]) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
        tell(format_args!("wrote {}", path.display()));
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new(Exit::Configuration, format!("{} cannot be written: {error}", path.display()))
}

/// An example that is none is a defect of fabric.
fn no_page(fault: Fault) -> Refusal {
    Refusal::new(Exit::Bug, format!("the page cannot be made: {fault}"))
}
