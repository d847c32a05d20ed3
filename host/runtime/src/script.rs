//! A script with everything that it brings: its text, its declaration, its modules.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use fabric_gate::{Needs, Pattern};
use fabric_model::exit::Exit;
use fabric_model::{Diagnostic, Digest, Value};
use fabric_script::header::Header;
use fabric_script::{header, modules};

use crate::refusal::Refusal;

/// The largest script or module, in bytes. The largest suite has 10 KiB.
const SOURCE_LIMIT: u64 = 256 << 10;

/// A loaded script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its path as the operator wrote it.
    pub path: String,
    /// Its text.
    pub source: String,
    /// What it declares.
    pub header: Header,
    /// The modules that it imports, directly or not, by path.
    pub modules: BTreeMap<String, String>,
}

impl Script {
    /// Loads a script and, from under `root`, its modules.
    ///
    /// # Errors
    /// When a file is missing or too large, or the declaration is wrong.
    pub fn load(root: &Path, path: &str) -> Result<Self, Refusal> {
        let source = read(Path::new(path)).map_err(|why| {
            Refusal::new(Exit::NotFound, format!("the script {path} cannot be read: {why}"))
                .hint("List the scripts of this project with `fabric list`.")
        })?;
        let in_script = |errors| Refusal::in_file(Exit::Script, path, errors);
        let header = header::parse(path, &source).map_err(in_script)?;
        let mut load = |file: &str| read(&root.join(file));
        let modules = modules::collect(path, &source, &mut load).map_err(in_script)?;
        Ok(Self { path: path.to_owned(), source, header, modules })
    }

    /// What it declares, for the gate.
    ///
    /// # Errors
    /// When a declared resource is not a pattern.
    pub fn needs(&self) -> Result<Needs, Refusal> {
        let mut errors = Vec::new();
        let mut declared = Vec::new();
        for need in &self.header.needs {
            match need.resource.parse::<Pattern>() {
                Ok(pattern) => declared.push((need.primitive.clone(), pattern, need.line)),
                Err(wrong) => errors
                    .push(Diagnostic { line: need.line, ..Diagnostic::whole(&self.path, wrong.to_string()) }),
            }
        }
        if errors.is_empty() {
            Ok(Needs::new(self.path.clone(), self.header.reach, declared))
        } else {
            Err(Refusal::in_file(Exit::Script, &self.path, errors))
        }
    }

    /// The digest of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.source.as_bytes())
    }

    /// Its parameters: what the command line gives, else their defaults.
    ///
    /// # Errors
    /// When one is unknown, of another type, or missing without default.
    pub fn params(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, Value>, Refusal> {
        let usage = |message: String| {
            let names: Vec<&str> = self.header.params.keys().map(String::as_str).collect();
            Refusal::new(Exit::Usage, message).hint(match names.as_slice() {
                [] => "The script takes no parameters.".to_owned(),
                names => format!("The script takes {}.", names.join(", ")),
            })
        };
        if let Some(unknown) = given.keys().find(|name| !self.header.params.contains_key(*name)) {
            return Err(usage(format!("the script has no parameter `{unknown}`")));
        }
        let mut params = BTreeMap::new();
        for (name, param) in &self.header.params {
            let value = match given.get(name) {
                Some(text) => param.kind.parse(text).ok_or_else(|| {
                    usage(format!("parameter `{name}` is not a {}: `{text}`", param.kind.as_str()))
                })?,
                None => {
                    param.default.clone().ok_or_else(|| usage(format!("parameter `{name}` is missing")))?
                }
            };
            params.insert(name.clone(), value);
        }
        Ok(params)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    // What a file says of its size need not be so, as with a device.
    file.take(SOURCE_LIMIT + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if text.len() as u64 > SOURCE_LIMIT {
        return Err(format!("it has more than {SOURCE_LIMIT} bytes"));
    }
    Ok(text)
}
