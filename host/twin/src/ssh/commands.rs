//! The programs on the hosts: an argv in, status and output out.

use std::time::{SystemTime, UNIX_EPOCH};

use fabric_wire::ssh::CommandOutput;

use crate::ssh::{facts, nft, tables};
use crate::state::{HostState, State};

/// What a program leaves behind.
pub(crate) struct Printed {
    status: u32,
    stdout: String,
    stderr: String,
}

impl Printed {
    pub(crate) fn done(stdout: String) -> Self {
        Self { status: 0, stdout, stderr: String::new() }
    }

    pub(crate) fn failed(status: u32, stderr: String) -> Self {
        Self { status, stdout: String::new(), stderr }
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
    CommandOutput {
        status: printed.status,
        stdout: printed.stdout.into_bytes(),
        stderr: printed.stderr.into_bytes(),
        path,
    }
}

fn program(state: &State, name: &str, host: &HostState, argv: &[&str], now: SystemTime) -> Printed {
    match argv {
        ["/usr/bin/systemctl", "show", options @ .., "--", unit] => {
            Printed::done(facts::unit(name, host, unit, &properties(options)))
        }
        ["/usr/bin/ip", "-json", "address", "show"] => Printed::done(facts::addresses(state, name, host)),
        ["/usr/sbin/sysctl", "--values", key] => sysctl(host, key),
        ["/usr/bin/sudo", "-n", "/usr/sbin/nft", "--json", "list", "ruleset"] => {
            Printed::done(nft::ruleset(host))
        }
        ["/usr/bin/cat", files @ ..] => cat(state, name, files),
        ["/usr/bin/date", "--utc", "+%s.%N"] => Printed::done(date(now)),
        [program, ..] => {
            Printed::failed(127, format!("bash: line 1: {program}: No such file or directory\n"))
        }
        [] => Printed::done(String::new()),
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
    let mut printed = Printed::done(String::new());
    for file in files {
        match tables::socket_table(state, name, file) {
            Some(text) => printed.stdout.push_str(&text),
            None => {
                printed.status = 1;
                printed.stderr.push_str(&format!("/usr/bin/cat: {file}: No such file or directory\n"));
            }
        }
    }
    printed
}

fn date(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}\n", since.as_secs(), since.subsec_nanos())
}
