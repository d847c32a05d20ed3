//! An operator at the lab: a project with the GameDays of this repository, a key, and a place in the runner.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::machine::Lab;
use crate::table::copy;

/// Between two looks at a journal that grows.
const PAUSE: Duration = Duration::from_millis(2);

/// A project and who works in it.
pub(crate) struct Operator<'lab> {
    lab: &'lab Lab,
    fabric: PathBuf,
    pub(crate) project: PathBuf,
    home: PathBuf,
}

/// A script with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// Its name under `gamedays/`.
    pub(crate) name: &'static str,
    /// `NAME=VALUE`.
    pub(crate) params: &'static [&'static str],
}

/// What a dry run planned.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) digest: String,
    /// `run.json` of its packet.
    pub(crate) run: Value,
}

impl<'lab> Operator<'lab> {
    /// An operator with a project of his own in the lab's folder.
    pub(crate) fn of(lab: &'lab Lab) -> Self {
        let fabric = Path::new(env!("CARGO_BIN_EXE_fabric-lab")).with_file_name("fabric");
        assert!(fabric.is_file(), "{} is missing: `cargo build -p fabric` makes it", fabric.display());
        let project = lab.dir.join("gamedays");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        copy(&repository.join("gamedays"), &project.join("gamedays")).expect("the GameDays can be copied");
        for file in ["policy.toml", "fabric.toml"] {
            fs::copy(repository.join(file), project.join(file)).expect("a file of the project");
        }
        for folder in ["approvals", "freezes", "used", "budget"] {
            let folder = project.join("evidence/authority").join(folder);
            fs::create_dir_all(&folder).expect("a folder of the authority");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o3770)).expect("its mode");
        }
        let operator = Self { lab, fabric, home: project.join("home"), project };
        operator.ok(&["init"]);
        operator
    }

    /// Somebody else at the same project, as on another machine: with a key, a trust file and locks of his own. Each trusts both.
    pub(crate) fn colleague(&self) -> Self {
        let home = self.project.join("home-of-a-colleague");
        let colleague =
            Self { lab: self.lab, fabric: self.fabric.clone(), project: self.project.clone(), home };
        colleague.ok(&["init", "--user-id", "Colleague <colleague@localhost>"]);
        let principals = |home: &Path| -> String {
            let text = fs::read_to_string(home.join("trust.toml")).expect("a trust file");
            text.split_once("format = 1\n").expect("its format is stated first").1.to_owned()
        };
        let both = format!("format = 1\n{}{}", principals(&self.home), principals(&colleague.home));
        let certs = [&self.home, &colleague.home].map(|home| home.join("certs"));
        for (home, other) in [(&self.home, &certs[1]), (&colleague.home, &certs[0])] {
            copy(other, &home.join("certs")).expect("a certificate is for everybody");
            fs::write(home.join("trust.toml"), &both).expect("it is ours");
        }
        colleague
    }

    /// Puts another text in the place of one in a script of the project.
    pub(crate) fn edit(&self, script: &str, from: &str, to: &str) {
        let path = self.project.join("gamedays").join(script);
        let text = fs::read_to_string(&path).expect("the script");
        assert!(text.contains(from), "{script} does not say {from}");
        fs::write(&path, text.replace(from, to)).expect("the script can be written");
    }

    /// `fabric` with these words, in the runner's network.
    pub(crate) fn fabric(&self, words: &[&str]) -> Command {
        let mut command = self.lab.command(&["exec", "runner", "--"]);
        command.arg(&self.fabric).args(words).arg("--home").arg(&self.home).current_dir(&self.project);
        command
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.fabric(words).output().expect("fabric-lab starts")
    }

    /// The same, which must end well.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "fabric {words:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Plans a script.
    pub(crate) fn plan(&self, script: Script) -> Result<Plan, String> {
        let output = self.run(script, &[]).output().map_err(|error| error.to_string())?;
        if output.status.code() != Some(0) {
            return Err(format!("its dry run: {}", said(&output)));
        }
        let run = self.sealed(&output)?;
        let digest = run.pointer("/plan").and_then(Value::as_str).ok_or("the dry run made no plan")?;
        Ok(Plan { digest: digest.to_owned(), run })
    }

    /// Begins to execute a plan.
    pub(crate) fn begin(&self, script: Script, plan: &Plan) -> Running {
        let before = self.packets();
        let words = ["--execute", "--plan", &plan.digest, "--reason", "a drill in the lab"];
        let child = self.run(script, &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Running { child: child.expect("fabric-lab starts"), runs: self.runs(), before }
    }

    /// `run.json` of the packet that a run left, once the packet is verified.
    pub(crate) fn sealed(&self, output: &Output) -> Result<Value, String> {
        let document: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("no document ({error}): {}", said(output)))?;
        let packet =
            document.pointer("/packet").and_then(Value::as_str).ok_or("the document names no packet")?;
        self.verified(&self.project.join(packet))
    }

    /// `run.json` of a packet that `fabric verify` takes.
    pub(crate) fn verified(&self, packet: &Path) -> Result<Value, String> {
        let verified = self.output(&["verify", &packet.to_string_lossy()]);
        if !verified.status.success() {
            return Err(format!("{}: {}", packet.display(), said(&verified)));
        }
        let text = fs::read_to_string(packet.join("run.json")).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Every folder of a run.
    pub(crate) fn packets(&self) -> BTreeSet<PathBuf> {
        folders(&self.runs())
    }

    fn run(&self, script: Script, words: &[&str]) -> Command {
        let path = format!("gamedays/{}.rhai", script.name);
        let site = self.lab.dir.join("site/fabric.toml");
        let site = site.to_string_lossy();
        let mut all = vec!["run", path.as_str(), "--output", "json", "--site", &site];
        all.extend(script.params.iter().flat_map(|param| ["--param", param]));
        all.extend(words);
        self.fabric(&all)
    }

    fn runs(&self) -> PathBuf {
        self.project.join("evidence/runs")
    }
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    runs: PathBuf,
    before: BTreeSet<PathBuf>,
}

impl Running {
    /// The run's folder, once it is there.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        folders(&self.runs).into_iter().find(|folder| !self.before.contains(folder))
    }

    /// Waits until the journal holds what `there` looks for. False when the run ended without.
    pub(crate) fn reaches(&mut self, there: impl Fn(&[Value]) -> bool) -> bool {
        loop {
            let ended = self.child.try_wait().expect("the run can be waited for").is_some();
            if self.folder().is_some_and(|folder| there(&journal(&folder))) {
                return true;
            }
            if ended {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// `kill -9`; the worker goes with its host.
    pub(crate) fn kill(mut self) -> Option<PathBuf> {
        let worker = children(self.child.id());
        self.child.kill().expect("the host can be killed");
        self.child.wait().expect("the host was killed");
        for pid in worker {
            while Path::new(&format!("/proc/{pid}/exe")).exists() {
                std::thread::sleep(PAUSE);
            }
        }
        self.folder()
    }

    /// Waits for its end.
    pub(crate) fn output(self) -> Output {
        self.child.wait_with_output().expect("the run ends")
    }
}

/// The events of a journal, each with its time, as far as they are written.
pub(crate) fn journal(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("journal.jsonl")).unwrap_or_default();
    text.split_inclusive('\n')
        .filter_map(|line| serde_json::from_str(line.strip_suffix('\n')?).ok())
        .collect()
}

/// How many events of a kind a journal holds.
pub(crate) fn count(journal: &[Value], kind: &str) -> usize {
    journal.iter().filter(|line| line.pointer("/event/kind").and_then(Value::as_str) == Some(kind)).count()
}

/// How a program ended and what it said.
pub(crate) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let shown = if text.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { text };
    format!("{}: {}", output.status, shown.trim())
}

fn folders(runs: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.join("journal.jsonl").is_file()).collect()
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}
