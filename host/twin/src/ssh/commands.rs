//! The programs on the hosts: an argv in, status and output out.

use std::time::{SystemTime, UNIX_EPOCH};

use fabric_model::Digest;
use fabric_wire::ssh::CommandOutput;

use crate::nft;
use crate::ssh::{facts, system, tables, transient};
use crate::state::{HostState, State};

/// What a program leaves behind.
pub(crate) struct Printed {
    pub(crate) status: u32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Printed {
    pub(crate) fn done(stdout: String) -> Self {
        Self { status: 0, stdout: stdout.into_bytes(), stderr: String::new() }
    }

    pub(crate) fn nothing() -> Self {
        Self::done(String::new())
    }

    pub(crate) fn failed(status: u32, stderr: String) -> Self {
        Self { status, stdout: Vec::new(), stderr }
    }

    pub(crate) fn no_program(program: &str) -> Self {
        Self::failed(127, format!("bash: line 1: {program}: No such file or directory\n"))
    }

    pub(crate) fn into_output(self, path: Vec<String>) -> CommandOutput {
        CommandOutput { status: self.status, stdout: self.stdout, stderr: self.stderr.into_bytes(), path }
    }
}

/// Runs an argv on a host, as far as the reading commands need programs there.
pub(crate) fn run(
    state: &State,
    name: &str,
    argv: &[&str],
    now: SystemTime,
    path: Vec<String>,
) -> CommandOutput {
    let printed = match state.hosts.get(name) {
        Some(host) => program(state, name, host, argv, now),
        None => Printed::failed(255, format!("no host `{name}`\n")),
    };
    printed.into_output(path)
}

/// The argv that sudo runs; what it prints where it runs none.
pub(super) fn unsudo<'a, 'b>(host: &HostState, argv: &'b [&'a str]) -> Result<&'b [&'a str], Printed> {
    match argv {
        ["/usr/bin/sudo", "-n", ..] if !host.sudo => {
            Err(Printed::failed(1, "sudo: a password is required\n".to_owned()))
        }
        ["/usr/bin/sudo", "-n", argv @ ..] => Ok(argv),
        argv => Ok(argv),
    }
}

fn program(state: &State, name: &str, host: &HostState, argv: &[&str], now: SystemTime) -> Printed {
    let as_root = argv.first() == Some(&"/usr/bin/sudo");
    let argv = match unsudo(host, argv) {
        Ok(argv) => argv,
        Err(refused) => return refused,
    };
    match (as_root, argv) {
        (_, ["/usr/bin/systemctl", "show", words @ ..]) => Printed::done(show(state, name, host, words, now)),
        (_, ["/usr/bin/ip", "-json", "address", "show"]) => {
            Printed::done(facts::addresses(state, name, host))
        }
        (_, ["/usr/sbin/sysctl", "--values", key]) => sysctl(host, key),
        (true, ["/usr/sbin/nft", "--json", "list", "ruleset"]) => Printed::done(nft::json(&host.ruleset)),
        (true, ["/usr/sbin/nft", "--stateless", "list", "ruleset"]) => {
            Printed::done(host.ruleset.to_string())
        }
        (true, ["/usr/bin/stat", "--format=%F,%a,%U,%G,%s", "--", path]) => stat(host, path),
        (true, ["/usr/bin/cat", "--", path]) => match host.files.get(path) {
            Some(file) => Printed { stdout: file.bytes.clone(), ..Printed::nothing() },
            None if host.files.is_folder(path) => {
                Printed::failed(1, format!("/usr/bin/cat: {path}: Is a directory\n"))
            }
            None => Printed::failed(1, format!("/usr/bin/cat: {path}: No such file or directory\n")),
        },
        (true, ["/usr/bin/sha256sum", "--", path]) => sha256sum(state, name, path),
        (false, ["/usr/bin/cat", files @ ..]) => cat(state, name, files),
        (_, ["/usr/bin/ip", "-json", "route", "show"]) => Printed::done(system::routes(host)),
        (_, ["/usr/bin/ps", "-eo", "pid=,ppid=,user:32=,etimes=,comm="]) => {
            Printed::done(system::processes(state, name, host))
        }
        (_, ["/usr/bin/dpkg-query", "--show"]) => Printed::done(system::packages(host)),
        (_, ["/usr/bin/date", "--utc", "+%s.%N"]) => Printed::done(date(now)),
        (_, [program, ..]) => Printed::no_program(program),
        (_, []) => Printed::nothing(),
    }
}

/// One block for each unit, with an empty line between two.
fn show(state: &State, name: &str, host: &HostState, words: &[&str], now: SystemTime) -> String {
    let (options, units) = match words.iter().position(|word| *word == "--") {
        Some(end) => words.split_at(end),
        None => (words, [].as_slice()),
    };
    let wanted = properties(options);
    let clock = transient::Clock { twin: state.now, wall: now, booted: host.booted };
    let blocks = units.iter().skip(1).map(|unit| {
        let transient = transient::unit(host, unit, clock);
        let all = transient.unwrap_or_else(|| facts::unit(name, host, unit));
        let wanted = all.iter().filter(|(property, _)| wanted.contains(property));
        wanted.map(|(property, value)| format!("{property}={value}\n")).collect::<String>()
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn stat(host: &HostState, path: &str) -> Printed {
    if host.files.is_folder(path) {
        return Printed::done("directory,755,root,root,4096\n".to_owned());
    }
    match host.files.get(path) {
        Some(file) => {
            let kind = if file.bytes.is_empty() { "regular empty file" } else { "regular file" };
            let size = file.bytes.len();
            Printed::done(format!("{kind},{:o},{},{},{size}\n", file.mode, file.owner, file.group))
        }
        None => {
            Printed::failed(1, format!("/usr/bin/stat: cannot statx '{path}': No such file or directory\n"))
        }
    }
}

/// The words of `--property=`; repeated options add up.
fn properties<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let lists = options.iter().filter_map(|option| option.strip_prefix("--property="));
    lists.flat_map(|list| list.split(',')).collect()
}

fn sysctl(host: &HostState, key: &str) -> Printed {
    match host.sysctls.get(key) {
        Some(value) => Printed::done(format!("{value}\n")),
        // procps 4.0.2, as in Debian 12, ends with 1 here.
        None => {
            let file = key.replace('.', "/");
            Printed::failed(1, format!("sysctl: cannot stat /proc/sys/{file}: No such file or directory\n"))
        }
    }
}

fn cat(state: &State, name: &str, files: &[&str]) -> Printed {
    let mut printed = Printed::nothing();
    for file in files {
        match tables::socket_table(state, name, file).or_else(|| system::file(state, name, file)) {
            Some(text) => printed.stdout.extend(text.into_bytes()),
            None => {
                printed.status = 1;
                printed.stderr.push_str(&format!("/usr/bin/cat: {file}: No such file or directory\n"));
            }
        }
    }
    printed
}

fn sha256sum(state: &State, name: &str, path: &str) -> Printed {
    let put = state.hosts.get(name).and_then(|host| host.files.get(path)).map(|file| file.bytes.clone());
    match put.or_else(|| system::file(state, name, path).map(String::into_bytes)) {
        Some(bytes) => Printed::done(format!("{}  {path}\n", Digest::of(&bytes))),
        None => Printed::failed(1, format!("/usr/bin/sha256sum: {path}: No such file or directory\n")),
    }
}

fn date(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}\n", since.as_secs(), since.subsec_nanos())
}
