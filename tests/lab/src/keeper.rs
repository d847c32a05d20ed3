//! The process that outlives `up`: it starts the lab's long-running processes and reaps what they leave, because the PID 1 of
//! a virtual machine may not.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, set_child_subreaper, wait};
use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroups;
use crate::error::LabError;
use crate::place::Place;

/// How long the keeper may take to listen, and a request to be answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process to start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The member it belongs to: names its cgroup and its log.
    pub(crate) member: String,
    /// Its words.
    pub(crate) argv: Vec<String>,
}

/// Starts the keeper and waits until it listens.
pub(crate) fn start(place: &Place) -> Result<(), LabError> {
    let log = place.run.join("keeper.log");
    let mut child = launch(place, "keeper");
    child.args([own_program()?.as_str(), "keeper", "--dir", &place.run.to_string_lossy()]);
    let log = File::create(&log).map_err(LabError::file(&log))?;
    let spawned = child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    spawned.map_err(LabError::file(&place.run))?;
    let socket = place.keeper();
    let begin = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        if begin.elapsed() > PATIENCE {
            return Err(LabError::Refused { who: "keeper", reply: "does not listen".to_owned() });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Asks the keeper to start a process.
pub(crate) fn ask(place: &Place, request: &Request) -> Result<(), LabError> {
    let socket = place.keeper();
    let mut stream = UnixStream::connect(&socket).map_err(LabError::file(&socket))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(LabError::file(&socket))?;
    let line = serde_json::to_string(request).map_err(|error| LabError::Usage(error.to_string()))?;
    writeln!(stream, "{line}").map_err(LabError::file(&socket))?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).map_err(LabError::file(&socket))?;
    match reply.trim() {
        "ok" => Ok(()),
        other => Err(LabError::Refused { who: "keeper", reply: other.to_owned() }),
    }
}

/// The keeper itself. Ends only by being killed.
pub(crate) fn keep(place: &Place) -> Result<(), LabError> {
    set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| LabError::Refused { who: "kernel", reply: format!("no subreaper: {error}") })?;
    let socket = place.keeper();
    let listener = UnixListener::bind(&socket).map_err(LabError::file(&socket))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))
        .map_err(LabError::file(&socket))?;
    let (started, to_reap) = mpsc::channel();
    std::thread::spawn(move || reap(&to_reap));
    for stream in listener.incoming().flatten() {
        let mut line = String::new();
        // A connection without a request is `start` asking whether anybody listens.
        if BufReader::new(&stream).read_line(&mut line).is_err() || line.is_empty() {
            continue;
        }
        let reply = match serve(place, &line) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string().replace('\n', " "),
        };
        let _reaper_lives = started.send(());
        let _caller_gone = writeln!(&stream, "{reply}");
    }
    Ok(())
}

/// Joins `group` in a session of its own and becomes `argv`.
pub(crate) fn become_member(group: &str, argv: &[String]) -> Result<(), LabError> {
    Cgroups::find()?.join(group)?;
    // Fails only where the process leads a session already, which is as good.
    let _leader_already = rustix::process::setsid();
    let (program, arguments) =
        argv.split_first().ok_or_else(|| LabError::Usage("no command was given".to_owned()))?;
    let error = Command::new(program).args(arguments).exec();
    Err(LabError::Program {
        program: program.clone(),
        status: "not started".to_owned(),
        stderr: error.to_string(),
    })
}

fn serve(place: &Place, line: &str) -> Result<(), LabError> {
    let request: Request = serde_json::from_str(line).map_err(|error| LabError::Usage(error.to_string()))?;
    let folder = place.node(&request.member);
    std::fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
    let path = folder.join("console.log");
    let log = File::options().create(true).append(true).open(&path).map_err(LabError::file(&path))?;
    let errors = log.try_clone().map_err(LabError::file(&path))?;
    let mut child = launch(place, &request.member);
    child.args(&request.argv).stdin(Stdio::null()).stdout(log).stderr(errors);
    child.spawn().map(drop).map_err(LabError::file(&folder))
}

/// `fabric-lab launch --group G --`, to which the words of the process are added.
fn launch(place: &Place, member: &str) -> Command {
    // Not by its path: a keeper outlives a rebuild of this program, after which the path is another program's or nobody's.
    let mut command = Command::new("/proc/self/exe");
    command.args(["launch", "--group", &place.cgroup(member), "--"]);
    command
}

/// This program's own path.
pub(crate) fn own_program() -> Result<String, LabError> {
    let path = std::path::Path::new("/proc/self/exe");
    let own = std::fs::read_link(path).map_err(LabError::file(path))?;
    Ok(own.to_string_lossy().into_owned())
}

fn reap(started: &mpsc::Receiver<()>) {
    while started.recv().is_ok() {
        // Blocks while there are children and ends when there are none, until the next one is started.
        while wait(WaitOptions::empty()).is_ok() {}
    }
}
