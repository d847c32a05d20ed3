//! A script with everything that it brings: its text, its declaration, its modules.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use fabric_gate::{Needs, Pattern};
use fabric_model::exit::Exit;
use fabric_model::protection::{Protection, stands};
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
    /// The project that it belongs to.
    pub root: PathBuf,
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
        let mut load = |file: &str| read_below(root, file);
        let modules = modules::collect(path, &source, &mut load).map_err(in_script)?;
        Ok(Self { path: path.to_owned(), root: root.to_owned(), source, header, modules })
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
                    usage(format!("parameter `{name}`: expected {}, found `{text}`", param.kind.as_str()))
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

/// Reads a file of the project. A link in it may lead to another place of the project and nowhere else: what a script runs is what its
/// project holds, and no file of the machine is shown by way of an error about its text.
fn read_below(root: &Path, file: &str) -> Result<String, String> {
    let whole = |path: &Path| path.canonicalize().map_err(|e| e.to_string());
    let path = whole(&root.join(file))?;
    if path.starts_with(whole(root)?) || !stands(Protection::ProjectBounds) {
        read(&path)
    } else {
        Err("it lies outside of the project".to_owned())
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const SCRIPT: &str = "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// ///\nimport \"lib/x\" as x;\n";

    #[test]
    fn a_link_leads_to_what_the_project_holds_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (project, outside) = (folder.path().join("p"), folder.path().join("outside.rhai"));
        fs::create_dir_all(project.join("lib")).expect("room");
        fs::write(project.join("s.rhai"), SCRIPT).expect("room");
        fs::write(project.join("y.rhai"), "const a = 1;").expect("room");
        fs::write(&outside, "secret text").expect("room");
        let script = project.join("s.rhai");
        let load = || Script::load(&project, script.to_str().expect("an ordinary path"));
        let link = project.join("lib/x.rhai");
        symlink("../y.rhai", &link).expect("new");
        assert!(load().is_ok_and(|script| script.modules.len() == 1));
        for target in [outside.as_path(), Path::new("../../outside.rhai"), Path::new("/proc/self/environ")] {
            fs::remove_file(&link).expect("there");
            symlink(target, &link).expect("new");
            let refusal = load().expect_err("it leads outside").to_string();
            assert!(refusal.contains("outside of the project") && !refusal.contains("secret"), "{refusal}");
        }
    }
}
