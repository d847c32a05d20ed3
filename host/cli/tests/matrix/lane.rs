//! One GameDay on one twin: a project, an operator's folder, and the twin's process, which outlives every run that is killed on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use fabric_evidence::{Trust, verify};
use fabric_model::Digest;
use fabric_twin::process::Remote;
use fabric_twin::{Hold, Moment, Operations};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::pace::Pace;

/// How long a run may take of our own time; it measures nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a pair takes at most to agree on its holders, of the twin's time.
const REST: Duration = Duration::from_secs(15);

/// A GameDay with what it takes to run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GameDay {
    /// The file under `gamedays/`, without its ending.
    pub(crate) name: &'static str,
    pub(crate) params: &'static [&'static str],
    /// How many changes it makes.
    pub(crate) changes: usize,
    pub(crate) heals: Heals,
}

/// What becomes of it when its host never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heals {
    /// Timers on the targets take everything back.
    ByTimer,
    /// Only `fabric recover` does.
    ByRecover,
    /// There is nothing to take back.
    Nothing,
}

/// Where a run is to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// At a changing operation of the seams, counted from 1.
    Change(u64, Moment),
    /// Once its journal has so many lines of this kind.
    Line(String, usize),
    /// After so much of the twin's time.
    Later(Duration),
    /// When it is over.
    End,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// None for one that was killed.
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

pub(crate) struct Lane {
    pub(crate) gameday: GameDay,
    pub(crate) remote: Remote,
    /// What the site is like when nothing is changed.
    pub(crate) before: Digest,
    dir: TempDir,
    twin: Child,
}

/// A run or a recovery that is under way.
pub(crate) struct Running {
    /// None once it is over.
    child: Option<Child>,
    packet: PathBuf,
    /// How long its journal was when it was last looked at.
    length: u64,
}

impl Lane {
    pub(crate) async fn open(gameday: GameDay) -> Self {
        let dir = tempfile::Builder::new().prefix("matrix").tempdir().expect("a temporary folder");
        let project = dir.path().join("p");
        fs::create_dir(&project).expect("the folder is new");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("it is there");
        for file in ["fabric.toml", "policy.toml"] {
            fs::copy(root.join(file), project.join(file)).expect("the repository has it");
        }
        copy(&root.join("gamedays"), &project.join("gamedays"));
        let mut init = command(dir.path(), &["init"]);
        assert!(init.output().expect("the binary starts").status.success());
        let socket = dir.path().join("twin");
        let words = ["twin", "--socket", socket.to_str().expect("an ordinary path")];
        let twin = command(dir.path(), &words).stderr(Stdio::null()).spawn().expect("the binary starts");
        let remote = connected(&socket).await;
        // Until the pairs have agreed on who holds what.
        remote.advance(REST).await.expect("the twin answers");
        let before = remote.digest().await.expect("the twin answers");
        Self { gameday, remote, before, dir, twin }
    }

    /// Starts the GameDay.
    pub(crate) fn rehearse(&self) -> Running {
        let socket = self.dir.path().join("twin");
        let script = format!("gamedays/{}.rhai", self.gameday.name);
        let mut words = vec!["rehearse", &script, "--twin", socket.to_str().expect("an ordinary path")];
        for param in self.gameday.params {
            words.extend(["--param", param]);
        }
        self.start(&words)
    }

    /// Starts a recovery.
    pub(crate) fn recover(&self) -> Running {
        self.start(&["recover"])
    }

    fn start(&self, words: &[&str]) -> Running {
        let known = self.packets();
        let fabric = command(self.dir.path(), words);
        // A full disk is an error of the write, as it is on a real one, and no signal.
        let mut command = Command::new("env");
        command.arg("--ignore-signal=XFSZ").arg(fabric.get_program()).args(fabric.get_args());
        command.env_clear().current_dir(self.project()).stdin(Stdio::null());
        command.env("FABRIC_HOME", self.dir.path().join("h")).env("PATH", "/usr/bin:/bin");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        // Its own packet is the one that is new.
        let mut running = Running { child: Some(child), packet: PathBuf::new(), length: 0 };
        running.await_packet(self, &known);
        running
    }

    /// Lets a run go on to a point, or to its end if that comes first. Whether it came to the point.
    pub(crate) async fn until(&self, running: &mut Running, point: &Point) -> bool {
        let (began, mut passed) = (Instant::now(), Duration::ZERO);
        let mut pace = Pace::new(running.pid(), self.twin.id());
        loop {
            assert!(
                began.elapsed() < PATIENCE,
                "{}: a run does not come to {point:?} or its end",
                self.gameday.name
            );
            if running.is_over() {
                return *point == Point::End;
            }
            let there = match point {
                Point::Change(..) => self.remote.is_held().await.expect("the twin answers"),
                Point::Line(kind, nth) => running.has_grown() && running.lines(kind) >= *nth,
                Point::Later(time) => passed >= *time,
                Point::End => false,
            };
            if there {
                return true;
            }
            if pace.nobody_is_busy() {
                passed += Pace::STEP;
                self.remote.advance(Pace::STEP).await.expect("the twin answers");
            }
            tokio::time::sleep(Pace::LOOK).await;
        }
    }

    /// Has the operation held that a point is about.
    pub(crate) async fn hold(&self, point: &Point) {
        if let Point::Change(nth, moment) = *point {
            let hold = Hold { nth, among: Operations::Changes, moment };
            self.remote.hold(hold).await.expect("the twin answers");
        }
    }

    pub(crate) async fn release(&self) {
        self.remote.release().await.expect("the twin answers");
    }

    pub(crate) async fn is_as_before(&self) -> bool {
        self.remote.digest().await.expect("the twin answers") == self.before
    }

    /// Whether it is, once what follows by itself has come to rest: a VIP goes home seconds after its host is whole.
    pub(crate) async fn comes_to_rest_as_before(&self) -> bool {
        if !self.is_as_before().await {
            self.remote.advance(REST).await.expect("the twin answers");
        }
        self.is_as_before().await
    }

    /// Lets the network go or come back.
    pub(crate) async fn network(&self, on: bool) {
        self.remote.refuse_network(!on).await.expect("the twin answers");
    }

    /// The changing operations so far.
    pub(crate) async fn changes(&self) -> u64 {
        self.remote.operations(Operations::Changes).await.expect("the twin answers")
    }

    /// The commands that changed more than locks, timers and staged files, after the first `known` of all.
    pub(crate) async fn effects_after(&self, known: usize) -> Vec<String> {
        let made = self.remote.changes().await.expect("the twin answers");
        let made = made.into_iter().skip(known).map(|made| made.what);
        made.filter(|what| !is_housekeeping(what)).collect()
    }

    /// How many commands there were so far.
    pub(crate) async fn commands(&self) -> usize {
        self.remote.changes().await.expect("the twin answers").len()
    }

    /// Every packet must verify; gives `run.json` of each, the oldest first.
    pub(crate) fn records(&self) -> Result<Vec<Value>, String> {
        let trust =
            Trust::load(&self.dir.path().join("h/trust.toml")).map_err(|wrong| format!("{wrong:?}"))?;
        let mut records = Vec::new();
        for packet in self.packets() {
            let verified = verify(&packet, &trust, SystemTime::now())
                .map_err(|findings| format!("{}: {findings:?}", packet.display()))?;
            records.push(serde_json::to_value(&verified.run).map_err(|error| error.to_string())?);
        }
        Ok(records)
    }

    /// Forgets the packets of a case.
    pub(crate) fn sweep(&self) {
        for packet in self.packets() {
            fs::remove_dir_all(packet).expect("it is ours");
        }
    }

    /// The folders of the packets, the oldest first.
    pub(crate) fn packets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.project().join("evidence/runs")).into_iter().flatten().flatten();
        let mut packets: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        packets.sort_by_key(|path| fs::metadata(path).and_then(|about| about.created()).ok());
        packets
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("p")
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Gone already only when a test has failed.
        let _ = self.twin.kill();
        let _ = self.twin.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a test has failed.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it is not over").id()
    }

    /// The worker's process, as long as there is one.
    pub(crate) fn worker(&self) -> Option<u32> {
        crate::pace::children(self.pid()).first().copied()
    }

    /// SIGKILL, as the kernel's memory killer or an operator sends it; returns once the process is gone.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().expect("it is not over");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }

    /// From now on no file of it grows beyond what its journal has now and `more` bytes: the disk is full.
    pub(crate) fn fill_disk(&self, more: u64) {
        let size = fs::metadata(self.packet.join("journal.jsonl")).map_or(0, |about| about.len()) + more;
        let (pid, limit) = (self.pid().to_string(), format!("--fsize={size}"));
        let limited = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(limited.expect("util-linux is there").success());
    }

    /// What it said and how it ended, once it is over.
    pub(crate) fn end(mut self) -> Ended {
        let child = self.child.take().expect("it is not over");
        let output = child.wait_with_output().expect("it is ours");
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    fn is_over(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("it is ours").is_some())
    }

    fn has_grown(&mut self) -> bool {
        let before = self.length;
        self.length = fs::metadata(self.packet.join("journal.jsonl")).map_or(0, |about| about.len());
        self.length > before
    }

    /// How many lines of a kind its journal has.
    pub(crate) fn lines(&self, kind: &str) -> usize {
        let journal = fs::read_to_string(self.packet.join("journal.jsonl")).unwrap_or_default();
        journal.matches(&format!("\"kind\":\"{kind}\"")).count()
    }

    /// The kinds of the journal's lines that say what is done about changes, with how many of that kind there are by then.
    pub(crate) fn story(&self) -> Vec<(String, usize)> {
        let journal = fs::read_to_string(self.packet.join("journal.jsonl")).expect("it is there");
        let mut story: Vec<(String, usize)> = Vec::new();
        for line in journal.lines() {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            let kind = line["event"]["kind"].as_str().expect("an event has a kind").to_owned();
            if TOLD.contains(&kind.as_str()) {
                let before = story.iter().filter(|(told, _)| *told == kind).count();
                story.push((kind, before + 1));
            }
        }
        story
    }

    fn await_packet(&mut self, lane: &Lane, known: &[PathBuf]) {
        let began = Instant::now();
        while !self.is_over() {
            assert!(began.elapsed() < PATIENCE, "a run makes no packet");
            let new = lane.packets().into_iter().find(|packet| !known.contains(packet));
            if let Some(packet) = new {
                self.packet = packet;
                return;
            }
            // A recovery that finds nothing makes none, and ends.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The lines of a journal that are about changes.
const TOLD: [&str; 13] = [
    "scope_begun",
    "guards_met",
    "change_intended",
    "timer_armed",
    "change_applied",
    "change_confirmed",
    "scope_ending",
    "undo_begun",
    "timer_disarmed",
    "undo_ended",
    "scope_ended",
    "worker_ended",
    "run_ended",
];

/// Whether a command changes nothing but locks, timers and what is staged, or lets processes go on: whether they are stopped cannot be
/// seen, so that this is done again wherever it may be needed.
fn is_housekeeping(what: &str) -> bool {
    const WORDS: [&str; 6] = [
        "/systemd-run ",
        "systemctl stop -- fabric-",
        "/usr/bin/rm ",
        "/usr/bin/install ",
        "nft --check",
        "--signal=CONT",
    ];
    WORDS.iter().any(|words| what.contains(words))
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process number")).expect("a process number");
    rustix::process::kill_process(pid, Signal::KILL).expect("the process is ours");
}

/// A project runs what lies in it, and nothing that a link leads to.
fn copy(from: &Path, to: &Path) {
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

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fabric"));
    command.args(words).env_clear().env("FABRIC_HOME", dir.join("h")).current_dir(dir.join("p"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

async fn connected(socket: &Path) -> Remote {
    let began = Instant::now();
    loop {
        match Remote::connect(socket).await {
            Ok(remote) => return remote,
            Err(error) => assert!(began.elapsed() < PATIENCE, "no twin: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
