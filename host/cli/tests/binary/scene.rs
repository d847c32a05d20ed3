//! A project and an operator's folder of their own for each test.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for something that must happen; it fails after that, and measures nothing.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Scene {
    dir: TempDir,
}

/// A command that is over.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run that is under way. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    /// Reads what it says, so that it is not cut off from its terminal.
    said: JoinHandle<String>,
}

impl Scene {
    /// The site, policy and suites of this repository, without key.
    pub(crate) fn new() -> Self {
        let scene =
            Self { dir: tempfile::Builder::new().prefix("fab").tempdir().expect("a temporary folder") };
        fs::create_dir(scene.project()).expect("the folder is new");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for file in ["fabric.toml", "policy.toml"] {
            fs::copy(root.join(file), scene.path(file)).expect("the repository has it");
        }
        scene.adopt("acceptance");
        scene
    }

    /// Copies a folder of this repository into the project, which runs what lies in it and nothing that a link leads to.
    pub(crate) fn adopt(&self, folder: &str) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder), &self.path(folder));
    }

    /// The same, with a key.
    pub(crate) fn with_key() -> Self {
        let scene = Self::new();
        assert_eq!(scene.fabric(&["init"]).code, Some(0));
        scene
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.dir.path().join("p")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("h")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.project().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder can be written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// A file of the operator's folder.
    pub(crate) fn read_home(&self, name: &str) -> String {
        fs::read_to_string(self.home().join(name)).expect("the file is there")
    }

    /// Writes `script.rhai`: a declaration with these needs, and this text.
    pub(crate) fn script(&self, needs: &str, body: &str) {
        let needs: String = needs.lines().map(|line| format!("// {line}\n")).collect();
        self.write(
            "script.rhai",
            &format!(
                "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [needs]\n{needs}// ///\n{body}\n"
            ),
        );
    }

    /// The binary in the project, with nothing of the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fabric"));
        command.args(args).env_clear().env("FABRIC_HOME", self.home()).current_dir(self.project());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn fabric(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output())
    }

    /// Rehearses `script.rhai` made of this.
    pub(crate) fn rehearse(&self, needs: &str, body: &str, args: &[&str]) -> Ran {
        self.script(needs, body);
        self.fabric(&[&["rehearse", "script.rhai"], args].concat())
    }

    /// Starts a rehearsal of a script that polls for ever, in a process group of its own, and returns once it is in the middle.
    pub(crate) fn start_endless(&self) -> Running {
        let body = "check(\"open\", || { print(\"in the middle\"); poll_until(#{ timeout_ms: 600000, every_ms: 1000 }, || false) });";
        self.script("\"dns.query\" = [\"vip:dns\"]", body);
        let mut command = self.command(&["rehearse", "script.rhai"]);
        command.process_group(0);
        Running::until(command, "in the middle")
    }

    /// The packets' folders, oldest first.
    pub(crate) fn packets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("evidence/runs")).into_iter().flatten();
        let mut packets: Vec<_> =
            entries.map(|e| e.expect("it is read").path()).filter(|p| p.is_dir()).collect();
        packets.sort();
        packets
    }

    /// The one packet, which must verify.
    pub(crate) fn sealed(&self) -> PathBuf {
        let packet = self.packet();
        let verified = self.verify(&packet);
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        packet
    }

    pub(crate) fn packet(&self) -> PathBuf {
        let packets = self.packets();
        let [packet] = packets.as_slice() else { panic!("one packet expected: {packets:?}") };
        packet.clone()
    }

    pub(crate) fn verify(&self, packet: &Path) -> Ran {
        self.fabric(&["verify", packet.to_str().expect("an ordinary path")])
    }

    /// `run.json` of the one packet, which must verify.
    pub(crate) fn record(&self) -> Value {
        json(&fs::read_to_string(self.sealed().join("run.json")).expect("the packet has it"))
    }

    /// `checks.json` of the one packet.
    pub(crate) fn checks(&self) -> Vec<Value> {
        let checks = json(&fs::read_to_string(self.packet().join("checks.json")).expect("the packet has it"));
        checks["checks"].as_array().expect("a list").clone()
    }

    /// A folder of the test's own beside project and operator's folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Ran {
    /// Both streams, for messages.
    pub(crate) fn all(&self) -> String {
        format!("exit {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }

    /// The packet that it names at its end, relative to the project.
    pub(crate) fn packet(&self) -> &str {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix("packet "));
        line.and_then(|line| line.split(',').next()).unwrap_or_else(|| panic!("no packet: {}", self.all()))
    }

    /// Asserts code and a part of what was said on standard error.
    pub(crate) fn refused(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.all());
        for part in says {
            assert!(self.stderr.contains(part), "`{part}` is not in: {}", self.all());
        }
    }
}

impl Running {
    /// Starts a command, and returns once it has said this.
    pub(crate) fn until(mut command: Command, says: &str) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let mut said: Vec<String> = Vec::new();
        let begun = lines.by_ref().any(|line| {
            said.push(line);
            said.last().is_some_and(|line| line.contains(says))
        });
        let said = std::thread::spawn(move || {
            said.extend(lines);
            said.join("\n")
        });
        let running = Self { child, said };
        if !begun {
            panic!("it never says `{says}`: {}", running.end().all());
        }
        running
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process number")
    }

    /// The worker's process.
    pub(crate) fn worker(&self) -> i32 {
        let of_host = |pid: &i32| parent(*pid) == Some(self.pid());
        processes().into_iter().find(of_host).expect("the host has a worker")
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        let mut stderr = String::new();
        if let Some(stream) = self.child.stderr.take() {
            stderr = BufReader::new(stream).lines().map_while(Result::ok).collect::<Vec<_>>().join("\n");
        }
        let status = self.child.wait().expect("it was started");
        let silent = std::thread::spawn(String::new);
        let said = std::mem::replace(&mut self.said, silent);
        Ran { code: status.code(), stdout: said.join().expect("it only reads"), stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Over already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder is new");
    for entry in fs::read_dir(from).expect("the repository has it") {
        let path = entry.expect("it is read").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("the folder can be written");
        }
    }
}

pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process number");
    rustix::process::kill_process(pid, signal).expect("the process is ours");
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there and not merely waiting to be buried.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("there is /proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

pub(crate) fn ran(output: io::Result<Output>) -> Ran {
    let output = output.expect("the binary starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}
