//! The worker of a real run, as the kernel sees it: what it may still do, what it does, and that it always ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::scene::{Running, Scene, eventually, is_alive, kill};

/// The calls that a worker makes after it was locked down. `openat` stands for itself: it is tried, and refused.
const CALLS: &[&str] = &[
    "brk",
    "clock_gettime",
    "clone",
    "clone3",
    "close",
    "exit",
    "exit_group",
    "fcntl",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "openat",
    "prctl",
    "read",
    "recvfrom",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "sendto",
    "set_robust_list",
    "shutdown",
    "sigaltstack",
    "tgkill",
    "write",
];

/// What a trace has of one worker: the calls before and after it was locked down.
#[derive(Debug, Default)]
struct Traced {
    before: BTreeSet<String>,
    after: BTreeSet<String>,
    /// What was answered to each `openat` afterwards.
    opened: Vec<String>,
    killed: bool,
}

/// Reads the trace of `strace -f -o FILE`: each line is a process number and a call, whole or in two halves.
fn traced(text: &str) -> Traced {
    let mut traced = Traced::default();
    let mut family: BTreeSet<&str> = BTreeSet::new();
    let mut filters = 0;
    for line in text.lines() {
        let Some((pid, what)) = line.split_once(' ') else { continue };
        let what = what.trim_start();
        if what.starts_with("execve(") && what.contains("\"fabric-worker\"") {
            family.insert(pid);
        }
        if !family.contains(pid) {
            continue;
        }
        traced.killed |= what.contains("killed by SIGSYS");
        let name = match what.strip_prefix("<... ") {
            Some(rest) => rest.split(' ').next(),
            None => what.split_once('(').map(|(name, _)| name),
        };
        // Signals and ends of processes are no calls.
        let Some(name) = name.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        else {
            continue;
        };
        let answer = what.rsplit_once(" = ").map(|(_, answer)| answer);
        if name.starts_with("clone")
            && let Some(thread) = answer
        {
            family.insert(thread.split(' ').next().unwrap_or_default());
        }
        match filters {
            0 | 1 => traced.before.insert(name.to_owned()),
            _ => traced.after.insert(name.to_owned()),
        };
        if filters > 1 && name == "openat" {
            traced.opened.extend(answer.map(str::to_owned));
        }
        filters += usize::from(name == "seccomp" && answer == Some("0"));
    }
    traced.after.remove("seccomp");
    traced
}

#[test]
fn a_worker_opens_connects_and_executes_nothing_once_it_is_locked_down() {
    let scene = Scene::new();
    let trace = scene.beside("trace");
    let run = scene.command(&["rehearse", "acceptance/dns.rhai"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o"]).arg(&trace).arg(run.get_program()).args(run.get_args());
    strace.env_clear().env("FABRIC_HOME", scene.home()).current_dir(scene.project());
    let ran = strace.output().expect("strace is installed: the package `strace`, which ./test installs");
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let traced = traced(&fs::read_to_string(trace).expect("strace wrote it"));
    // What shows that it is the worker which was traced, and all of it.
    for call in ["openat", "seccomp", "landlock_restrict_self"] {
        assert!(traced.before.contains(call), "{call}: {:?}", traced.before);
    }
    for call in ["sendto", "recvfrom", "clone", "exit_group"] {
        assert!(traced.after.contains(call), "{call}: {:?}", traced.after);
    }
    let more: Vec<&String> = traced.after.iter().filter(|call| !CALLS.contains(&call.as_str())).collect();
    assert_eq!(more, Vec::<&String>::new());
    assert!(traced.opened.iter().all(|answer| answer.contains("ENOSYS")), "{:?}", traced.opened);
    assert!(!traced.killed);
}

#[test]
fn a_planted_call_shows_in_a_trace() {
    let text = "7 execve(\"/x\", [\"fabric-worker\", \"worker\"], 0x1 /* 0 vars */) = 0\n\
        7 seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1}) = 0\n7 seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=2}) = 0\n\
        7 clone(child_stack=0x1, flags=CLONE_VM <unfinished ...>\n9 socket(AF_INET, SOCK_STREAM, 0) = 3\n\
        7 <... clone resumed>) = 8\n8 socket(AF_INET, SOCK_STREAM, 0 <unfinished ...>\n8 <... socket resumed>) = 3\n\
        8 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 4\n8 +++ killed by SIGSYS +++\n";
    let traced = traced(text);
    assert_eq!(traced.after.iter().map(String::as_str).collect::<Vec<_>>(), ["clone", "openat", "socket"]);
    assert_eq!(traced.opened, ["4"]);
    assert!(traced.killed);
}

fn of_process(pid: i32, file: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(file)).expect("it is alive")
}

#[test]
fn the_kernel_shows_what_a_worker_gave_up() {
    let scene = Scene::new();
    let run = scene.start_endless();
    let worker = run.worker();
    let status = of_process(worker, "status");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
        assert!(status.lines().any(|is| is == line), "{line}: {status}");
    }
    let limits = of_process(worker, "limits");
    for (limit, most) in [
        ("Max data size", "1073741824"),
        ("Max cpu time", "120"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max open files", "8"),
        ("Max locked memory", "0"),
        ("Max msgqueue size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(limit)).expect("the kernel has this limit");
        let values: Vec<&str> = line[limit.len()..].split_whitespace().take(2).collect();
        assert_eq!(values, [most, most], "{limit}");
    }
    kill(worker, Signal::KILL);
    assert_eq!(run.end().code, Some(20));
    assert_eq!(scene.record()["head"]["confinement"]["is"], "full");
}

#[test]
fn the_host_leaves_no_core_and_is_not_dumpable() {
    let scene = Scene::new();
    let run = scene.start_endless();
    let limits = of_process(run.pid(), "limits");
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).expect("there is one");
    assert_eq!(line.split_whitespace().nth(4), Some("0"), "{line}");
    // What is not dumpable belongs to root, whoever runs it.
    if !rustix::process::geteuid().is_root() {
        assert!(fs::read_link(Path::new("/proc").join(run.pid().to_string()).join("exe")).is_err());
    }
}

#[test]
fn a_worker_dies_with_its_host() {
    let scene = Scene::new();
    let run = scene.start_endless();
    let worker = run.worker();
    // It could not even notice that the door is closed.
    kill(worker, Signal::STOP);
    kill(run.pid(), Signal::KILL);
    eventually("the worker is gone", || !is_alive(worker));
}

#[test]
fn a_worker_that_is_stopped_ends_with_the_time_of_the_run() {
    let scene = Scene::new();
    let body = "check(\"open\", || { print(\"in the middle\"); poll_until(#{ timeout_ms: 600000, every_ms: 1000 }, || false) });";
    scene.script("\"dns.query\" = [\"vip:dns\"]", body);
    let run =
        Running::until(scene.command(&["rehearse", "script.rhai", "--time-limit", "5"]), "in the middle");
    kill(run.worker(), Signal::STOP);
    assert_eq!(run.end().code, Some(21));
    assert_eq!(scene.record()["worker"]["how"], "limit");
}
