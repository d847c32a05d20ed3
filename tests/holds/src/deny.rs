//! What `deny.toml` says of foreign crates, held without cargo-deny.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::graph::Graph;
use crate::licence;

/// The parts of a `deny.toml` that are held here.
#[derive(Clone, Debug)]
pub struct Deny {
    allowed: Vec<String>,
    exceptions: BTreeMap<String, Vec<String>>,
    /// Crates that only these may link; nobody, where the list is empty.
    fences: Vec<(String, Vec<String>)>,
    single: Vec<String>,
}

impl Deny {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not TOML or lacks one of the parts.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
        let licenses = part(&file, "licenses")?;
        let mut exceptions = BTreeMap::new();
        for exception in tables(licenses, "exceptions")? {
            exceptions.insert(string(exception, "crate")?, strings(exception, "allow")?);
        }
        let (mut fences, mut single) = (Vec::new(), Vec::new());
        for ban in tables(part(&file, "bans")?, "deny")? {
            let name = string(ban, "crate")?;
            if ban.get("deny-multiple-versions") == Some(&Value::Boolean(true)) {
                single.push(name);
            } else if string(ban, "reason").is_ok() {
                fences.push((name, strings(ban, "wrappers").unwrap_or_default()));
            } else {
                return Err(format!("deny.toml: the ban of `{name}` has no reason"));
            }
        }
        let sources = part(&file, "sources")?;
        for key in ["unknown-registry", "unknown-git"] {
            if string(sources, key).as_deref() != Ok("deny") {
                return Err(format!("deny.toml: `{key}` is not `deny`"));
            }
        }
        Ok(Self { allowed: strings(licenses, "allow")?, exceptions, fences, single })
    }

    /// Packages whose licence is not allowed, and allowed licences that no package has.
    pub fn licences(&self, graph: &Graph) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for package in graph.packages.iter().filter(|package| !package.own) {
            let exception = self.exceptions.get(&package.name);
            let mut allowed = |name: &str| {
                seen.insert(name.to_owned());
                // Who may use a licence may use it with an exception, which only ever allows more.
                let plain = name.split(" WITH ").next().unwrap_or(name);
                self.allowed.iter().any(|a| a == plain)
                    || exception.is_some_and(|e| e.iter().any(|a| a == name))
            };
            let expression = package.licence.as_deref().unwrap_or_default();
            if licence::satisfied(expression, &mut allowed) != Some(true) {
                found.push(format!(
                    "`{}` is under `{expression}`, which deny.toml does not allow",
                    package.name
                ));
            }
        }
        let unused = self.allowed.iter().filter(|licence| !seen.contains(*licence));
        found.extend(unused.map(|licence| format!("deny.toml allows `{licence}`, which no package has")));
        let present = |name: &String| graph.packages.iter().any(|package| package.name == *name);
        let gone = self.exceptions.keys().filter(|name| !present(name));
        found
            .extend(gone.map(|name| format!("deny.toml makes an exception for `{name}`, which is not used")));
        found
    }

    /// Packages that link a fenced crate from outside, and places on the list that nobody takes.
    pub fn fences(&self, graph: &Graph) -> Vec<String> {
        let mut found = Vec::new();
        for (name, wrappers) in &self.fences {
            let linking: BTreeSet<&str> =
                graph.links.iter().filter(|link| link.to == *name).map(|link| link.from.as_str()).collect();
            let outside = linking.iter().filter(|from| !wrappers.iter().any(|wrapper| wrapper == *from));
            found.extend(outside.map(|from| format!("`{from}` links `{name}`, which deny.toml fences off")));
            let stale = wrappers.iter().filter(|wrapper| !linking.contains(wrapper.as_str()));
            found.extend(stale.map(|w| format!("deny.toml lets `{w}` link `{name}`, and it does not")));
        }
        found
    }

    /// Banned crates in the lock file, also such as no build for this machine uses, and second versions of single ones.
    ///
    /// # Errors
    /// When the lock file is not one.
    pub fn lock(&self, lock: &str) -> Result<Vec<String>, String> {
        let lock: Table = lock.parse().map_err(|e| format!("Cargo.lock: {e}"))?;
        let names: Vec<String> = tables(&lock, "package")?
            .into_iter()
            .map(|package| string(package, "name"))
            .collect::<Result<_, _>>()?;
        let count = |name: &String| names.iter().filter(|n| *n == name).count();
        let banned = self.fences.iter().filter(|(name, wrappers)| wrappers.is_empty() && count(name) > 0);
        let mut found: Vec<String> =
            banned.map(|(name, _)| format!("Cargo.lock has `{name}`, which is banned")).collect();
        for name in &self.single {
            match count(name) {
                0 => found.push(format!("deny.toml wants one version of `{name}`, which is not used")),
                1 => {}
                more => found.push(format!("Cargo.lock has {more} versions of `{name}`; there may be one")),
            }
        }
        Ok(found)
    }
}

/// Foreign packages that do not come from crates.io.
pub fn sources(graph: &Graph) -> Vec<String> {
    let foreign = graph.packages.iter().filter(|package| !package.own && !package.crates_io);
    foreign.map(|package| format!("`{}` does not come from crates.io", package.name)).collect()
}

fn part<'t>(table: &'t Table, key: &str) -> Result<&'t Table, String> {
    table.get(key).and_then(Value::as_table).ok_or_else(|| format!("there is no table `{key}`"))
}

fn tables<'t>(table: &'t Table, key: &str) -> Result<Vec<&'t Table>, String> {
    let items =
        table.get(key).and_then(Value::as_array).ok_or_else(|| format!("there is no list `{key}`"))?;
    items
        .iter()
        .map(|item| item.as_table().ok_or_else(|| format!("`{key}` holds what is no table")))
        .collect()
}

fn string(table: &Table, key: &str) -> Result<String, String> {
    table
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("there is no text `{key}`"))
}

fn strings(table: &Table, key: &str) -> Result<Vec<String>, String> {
    let items =
        table.get(key).and_then(Value::as_array).ok_or_else(|| format!("there is no list `{key}`"))?;
    items
        .iter()
        .map(|i| i.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` holds what is no text")))
        .collect()
}
