//! What every file and every crate of the repository keeps to.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::tree::Tree;

/// The most lines a file of code may have. Longer ones hold more than one reason to change.
pub const LINES: usize = 600;

/// What a note of unfinished work may be about: something a later stage brings, or something that others have to mend first.
pub const TODO_KINDS: [&str; 2] = ["stage", "upstream"];

/// Accounts of the site, which have a home on its hosts.
pub const SITE_ACCOUNTS: [&str; 1] = ["samakia"];

/// Which crate may cross which fence of the root's `clippy.toml`, and why. Such a crate has a `clippy.toml` of its own.
pub const CROSSINGS: &[(&str, &[&str], &str)] = &[
    (
        "host/cli",
        &["files", "processes", "environment", "clock"],
        "the binary: reads the project, exits with a code",
    ),
    (
        "host/connect",
        &["files", "network", "local", "processes", "clock"],
        "the real seams; its tests start an sshd",
    ),
    ("host/evidence", &["files"], "writes and reads packets"),
    (
        "host/runtime",
        &["files", "local", "processes", "environment", "clock"],
        "starts the worker, reads secrets",
    ),
    ("host/script", &["local", "processes"], "the worker's end of the door, and how it exits"),
    (
        "host/twin",
        &["files", "local", "clock"],
        "a rehearsal's time begins at the real one; the socket of a twin's process",
    ),
    ("host/verify", &["files", "processes", "environment"], "the binary: reads a packet, exits with a code"),
    ("tests/bench", ALL_FENCES, "measures real processes over real sockets"),
    ("tests/fuzz", &["files"], "reads its seeds, and writes the packets and journals that are then read"),
    ("tests/holds", ALL_FENCES, "reads the repository and asks cargo"),
    ("tests/lab", ALL_FENCES, "builds containers"),
];

const ALL_FENCES: &[&str] = &["files", "network", "local", "processes", "environment", "clock"];

/// Files of code that are too long.
pub fn long_files(tree: &Tree) -> Vec<String> {
    let code =
        tree.files().filter(|(path, _)| is_code(path)).map(|(path, text)| (path, text.lines().count()));
    code.filter(|(_, lines)| *lines > LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines; {LINES} is the most"))
        .collect()
}

/// Notes of unfinished work that do not say of which kind it is and why it waits.
pub fn unfinished(tree: &Tree) -> Vec<String> {
    // Put together here, or this file would find itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let mut found = Vec::new();
    for (path, number, line) in lines(tree).filter(|(path, ..)| is_code(path) || path.ends_with(".toml")) {
        for word in words {
            let Some(rest) = after_word(line, word) else { continue };
            let explained = Some(&word) == words.first()
                && TODO_KINDS.iter().any(|kind| {
                    let reason = rest
                        .strip_prefix('(')
                        .and_then(|r| r.strip_prefix(kind))
                        .and_then(|r| r.strip_prefix("): "));
                    reason.is_some_and(|reason| reason.trim().len() >= 10)
                });
            if !explained {
                found.push(format!(
                    "{path}:{number}: `{word}` without a kind ({}) and a reason",
                    TODO_KINDS.join(", ")
                ));
            }
        }
    }
    found
}

/// Paths of the machine that something was written or built on: `own` are those of this very machine.
pub fn machine_paths(tree: &Tree, own: &[String]) -> Vec<String> {
    let homes = |line: &str| {
        let mut after = line.split(concat!("/ho", "me/")).skip(1);
        after.any(|rest| {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
            !name.is_empty() && !SITE_ACCOUNTS.contains(&name.as_str())
        })
    };
    let fixed = [concat!("/Us", "ers/"), concat!(".cargo", "/registry"), concat!(".rus", "tup/")];
    let mut found = Vec::new();
    for (path, number, line) in lines(tree) {
        let fixed = fixed.iter().any(|fixed| line.contains(fixed));
        if fixed || homes(line) || own.iter().any(|own| line.contains(own.as_str())) {
            found.push(format!("{path}:{number}: a path of somebody's machine"));
        }
    }
    found
}

/// Crates that do not take the workspace's lints.
pub fn lints(tree: &Tree) -> Vec<String> {
    let manifests = tree.files().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let inherits = |text: &str| {
        let manifest: Table = text.parse().ok()?;
        manifest.get("lints")?.get("workspace")?.as_bool()
    };
    manifests
        .filter(|(_, text)| inherits(text) != Some(true))
        .map(|(path, _)| format!("{path} lacks `[lints]` with `workspace = true`"))
        .collect()
}

/// Crates that leave out a fence they may not cross, or leave out more than fences; crates that may cross one and have no file.
///
/// # Errors
/// When the root's file is missing, is not TOML, or has a reason that names no fence.
pub fn fences(tree: &Tree, crossings: &[(&str, &[&str], &str)]) -> Result<Vec<String>, String> {
    let root = Clippy::parse(tree.text("clippy.toml").ok_or("there is no clippy.toml")?)?;
    let mut found = Vec::new();
    for (path, text) in tree.files() {
        let Some(folder) = path.strip_suffix("/clippy.toml") else { continue };
        let Some((_, crossed, _)) = crossings.iter().find(|(name, ..)| *name == folder) else {
            found.push(format!("{path} replaces the root's fences, and `{folder}` may cross none"));
            continue;
        };
        if Clippy::parse(text)? != root.without(crossed) {
            found.push(format!("{path} is not the root's clippy.toml without {}", crossed.join(", ")));
        }
    }
    let missing =
        crossings.iter().filter(|(folder, ..)| tree.text(&format!("{folder}/clippy.toml")).is_none());
    found.extend(
        missing.map(|(folder, ..)| format!("{folder} may cross a fence and has no clippy.toml: a stale row")),
    );
    Ok(found)
}

/// Makers of `Granted` other than the gate. Its fields are private to one module, so that module and the calls of its constructor
/// within the crate are all there can be.
pub fn granted(tree: &Tree) -> Vec<String> {
    const HOME: &str = "host/gate/src/granted.rs";
    // The gate itself, and what takes up again what the gate has granted and sealed before.
    const MAKERS: [&str; 2] = ["host/gate/src/gate.rs", "host/gate/src/intent.rs"];
    let mut found = Vec::new();
    let mut constructors = 0;
    for (path, number, line) in lines(tree).filter(|(path, ..)| path.starts_with("host/gate/")) {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code.contains("Granted::new(") && !MAKERS.contains(&path) {
            found.push(format!("{path}:{number}: makes a `Granted`; only {} may", MAKERS.join(" and ")));
        }
        let literal = ["Self {", "Granted {"].iter().any(|literal| code.contains(literal));
        constructors += usize::from(
            path == HOME && literal && !["fn ", "struct ", "impl"].iter().any(|w| code.contains(w)),
        );
    }
    if constructors != 1 {
        found.push(format!("{HOME} makes a `Granted` in {constructors} places; there is one constructor"));
    }
    found
}

/// A `clippy.toml`: plain settings, and what is disallowed under which fence.
#[derive(Debug, PartialEq)]
struct Clippy {
    settings: BTreeMap<String, Value>,
    /// List, path and fence.
    fenced: BTreeSet<(String, String, String)>,
}

impl Clippy {
    fn parse(text: &str) -> Result<Self, String> {
        let file: Table = text.parse().map_err(|e| format!("clippy.toml: {e}"))?;
        let (mut settings, mut fenced) = (BTreeMap::new(), BTreeSet::new());
        for (key, value) in file {
            if !key.starts_with("disallowed-") {
                settings.insert(key, value);
                continue;
            }
            for item in value.as_array().into_iter().flatten() {
                let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
                let fence = field("reason").split(':').next().unwrap_or_default();
                if !ALL_FENCES.contains(&fence) {
                    return Err(format!("clippy.toml: the reason of `{}` names no fence", field("path")));
                }
                fenced.insert((key.clone(), field("path").to_owned(), fence.to_owned()));
            }
        }
        Ok(Self { settings, fenced })
    }

    fn without(&self, crossed: &[&str]) -> Self {
        let fenced = self.fenced.iter().filter(|(.., fence)| !crossed.contains(&fence.as_str())).cloned();
        Self { settings: self.settings.clone(), fenced: fenced.collect() }
    }
}

fn is_code(path: &str) -> bool {
    [".rs", ".rhai", ".luau", ".lua", ".sh", ".py"].iter().any(|end| path.ends_with(end))
        || path.starts_with(".ci/")
}

fn lines(tree: &Tree) -> impl Iterator<Item = (&str, usize, &str)> {
    tree.files()
        .flat_map(|(path, text)| text.lines().zip(1..).map(move |(line, number)| (path, number, line)))
}

/// What follows a word that stands alone.
fn after_word<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).find_map(|(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + word.len()..)?);
        (!before.ends_with(letter) && !after.starts_with(letter)).then_some(after)
    })
}
