//! A project and an operator's folder of their own for each attack.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::attack::{Attack, Language, corpus};
use crate::counter::Counter;

/// What stands outside of the project, for links to lead to. No output may show it.
pub(crate) const OUTSIDE: &str = "ea4c1e5b-outside";

/// The binary.
const FABRIC: &str = env!("CARGO_BIN_EXE_fabric");

/// The project, and what lies around it.
pub(crate) struct Project {
    dir: TempDir,
    script: String,
}

/// A run that is over.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    /// The site of this repository, the policy of the corpus, the attack, and whatever it brings.
    pub(crate) fn of(attack: &Attack, language: Language) -> Self {
        let script = format!("attack.{}", language.ending());
        let project = Self {
            dir: tempfile::Builder::new().prefix("fab").tempdir().expect("a temporary folder"),
            script,
        };
        let root = project.root();
        fs::create_dir_all(root.join("lib")).expect("the folder is new");
        let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fabric.toml");
        fs::copy(site, root.join("fabric.toml")).expect("the repository has it");
        fs::copy(corpus().join("policy.toml"), root.join("policy.toml")).expect("the corpus has it");
        fs::write(root.join(&project.script), attack.script(language)).expect("room");
        let brought = attack.folder.join("project");
        if brought.is_dir() {
            copy(&brought, &root, language);
        }
        if let Some(series) = &attack.expect.series {
            let text = match language {
                Language::Rhai => &series.rhai,
                Language::Luau => &series.luau,
            };
            for number in 0..series.times {
                let file = format!("{}{number}.{}", series.module, language.ending());
                fs::write(root.join(file), text.replace("NEXT", &(number + 1).to_string())).expect("room");
            }
        }
        project.surround(language);
        for (from, to) in &attack.expect.links {
            // A link to a folder has no ending, one to a file that of its language.
            let from =
                if root.join(to).is_dir() { from.clone() } else { format!("{from}.{}", language.ending()) };
            symlink(to, root.join(from)).expect("the place is free");
        }
        project
    }

    /// Modules outside of the project, sound in themselves.
    fn surround(&self, language: Language) {
        let (ending, text) = match language {
            Language::Rhai => ("rhai", format!("const all = \"{OUTSIDE}\";\n")),
            Language::Luau => ("luau", format!("return \"{OUTSIDE}\"\n")),
        };
        let folder = self.dir.path().join("outside-folder");
        fs::create_dir(&folder).expect("the folder is new");
        for place in
            [self.dir.path().join(format!("outside.{ending}")), folder.join(format!("module.{ending}"))]
        {
            fs::write(place, &text).expect("room");
        }
        // The same without ending, for links that bring one of their own.
        fs::write(self.dir.path().join("outside"), &text).expect("room");
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("p")
    }

    /// A folder beside the project, for sockets: their paths must be short.
    pub(crate) fn beside(&self) -> &Path {
        self.dir.path()
    }

    /// Rehearses the attack on the twin behind the counter, without the protections that are named.
    pub(crate) fn rehearse(&self, attack: &Attack, counter: &Counter, without: &str) -> Ran {
        let socket = counter.socket().to_str().expect("an ordinary path");
        let args = [&["rehearse", &self.script, "--twin", socket], &words(&attack.expect.args)[..]].concat();
        if without.is_empty() {
            return self.fabric(&args);
        }
        // What gets through may never end.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", "30", FABRIC]).args(args);
        self.ran(command.env_clear().env("FABRIC_WITHOUT", without))
    }

    /// The binary in the project.
    pub(crate) fn fabric(&self, args: &[&str]) -> Ran {
        self.ran(Command::new(FABRIC).args(args).env_clear())
    }

    /// A command in the project, with nothing of the caller's environment but a secret that scripts would like to have.
    fn ran(&self, command: &mut Command) -> Ran {
        command.env("FABRIC_HOME", self.dir.path().join("h")).current_dir(self.root());
        let output = command.env("PM_API_TOKEN_SECRET", OUTSIDE).stdin(Stdio::null()).output();
        let output = output.expect("the binary starts");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The packets of its runs.
    pub(crate) fn packets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root().join("evidence/runs")).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
    }
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn copy(from: &Path, to: &Path, language: Language) {
    fs::create_dir_all(to).expect("room");
    for entry in fs::read_dir(from).expect("the corpus is there") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target, language);
        } else if path.extension().is_some_and(|ending| ending == language.ending()) {
            fs::copy(&path, target).expect("room");
        }
    }
}
