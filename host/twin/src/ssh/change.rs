//! The programs that change a host: an argv and standard input in, status and output out. What fails has changed nothing.

use std::time::Duration;

use fabric_wire::ssh::LOCK_UNIT;

use crate::files::File;
use crate::nft::Ruleset;
use crate::ssh::commands::Printed;
use crate::ssh::commands::unsudo;
use crate::state::{HostState, State};
use crate::timer::Timer;
use crate::unit::{Ended, Phase, UnitState, unit_name};

/// Runs an argv on a host, as root or through sudo.
pub(crate) fn change(state: &mut State, name: &str, argv: &[&str], input: &[u8]) -> Printed {
    let Some(host) = state.hosts.get(name) else {
        return Printed::failed(255, format!("no host `{name}`\n"));
    };
    let argv = match unsudo(host, argv) {
        Ok(argv) => argv,
        Err(refused) => return refused,
    };
    match argv {
        ["/usr/bin/systemctl", "start", "--", unit] => start(state, name, unit),
        ["/usr/bin/systemctl", "stop", "--", units @ ..] => stop(state, name, units),
        ["/usr/bin/systemctl", "restart", "--", unit] => {
            let stopped = on_unit(state, name, unit, "restart", |unit, _| unit.phase = Phase::Inactive);
            stopped.unwrap_or_else(|| start(state, name, unit))
        }
        ["/usr/bin/systemctl", "kill", "--kill-whom=all", signal, "--", unit] => {
            kill(state, name, signal, unit)
        }
        ["/usr/bin/systemd-run", "--quiet", options @ ..] => run_transient(state, name, options),
        program => on_host(state, name, program, input),
    }
}

/// The programs that look no further than their own host.
fn on_host(state: &mut State, name: &str, argv: &[&str], input: &[u8]) -> Printed {
    let Some(host) = state.hosts.get_mut(name) else { return Printed::nothing() };
    match argv {
        ["/usr/bin/ip", "link", "set", "dev", interface, direction] => {
            link(host, interface, *direction == "up")
        }
        ["/usr/sbin/sysctl", "--write", assignment] => sysctl(host, assignment),
        ["/usr/sbin/nft", "--check", "--file", path] => nft(host, path, false),
        ["/usr/sbin/nft", "--file", path] => nft(host, path, true),
        ["/usr/bin/install", "--no-target-directory", owner, group, mode, "/dev/stdin", path] => {
            install(host, [owner, group, mode], path, input)
        }
        ["/usr/bin/mv", "--force", "--no-target-directory", "--", from, to] => rename(host, from, to),
        ["/usr/bin/rm", "--force", "--", path] => {
            host.files.take(path);
            Printed::nothing()
        }
        [program, ..] => Printed::no_program(program),
        [] => Printed::nothing(),
    }
}

fn start(state: &mut State, name: &str, unit: &str) -> Printed {
    let mut begins = false;
    let failed = on_unit(state, name, unit, "start", |unit, _| {
        begins = unit.phase != Phase::Active;
        if begins {
            unit.start();
        }
    });
    let Some(host) = state.hosts.get_mut(name) else { return Printed::nothing() };
    if begins && unit_name(unit) == "nftables" && !host.load_own_ruleset() {
        if let Some(unit) = host.units.get_mut("nftables") {
            unit.phase = Phase::Failed;
        }
        let message = format!("Job for {unit} failed because the control process exited with error code.\n");
        return Printed::failed(1, message);
    }
    failed.unwrap_or_else(Printed::nothing)
}

/// Stops units in order: all of them must be loaded.
fn stop(state: &mut State, name: &str, units: &[&str]) -> Printed {
    let mut outcome = Printed::nothing();
    for unit in units {
        let Some(host) = state.hosts.get_mut(name) else { continue };
        let gone = if *unit == LOCK_UNIT {
            host.lock.take().is_some()
        } else if let Some(timer) = unit.strip_suffix(".timer") {
            host.timers.remove(timer).is_some()
        } else if unit_name(unit).starts_with("fabric-") {
            // The service of a timer goes with it; one that never ran is no error, for it was loaded for the timer.
            true
        } else {
            match on_unit(state, name, unit, "stop", |unit, _| unit.stop()) {
                Some(failed) => outcome = failed,
                None => flush_with(state, name, unit),
            }
            continue;
        };
        if !gone {
            outcome = Printed::failed(5, format!("Failed to stop {unit}: Unit {unit} not loaded.\n"));
        }
    }
    outcome
}

/// Stopping the unit `nftables` flushes the ruleset.
fn flush_with(state: &mut State, name: &str, unit: &str) {
    if let ("nftables", Some(host)) = (unit_name(unit), state.hosts.get_mut(name)) {
        host.ruleset = Ruleset::default();
    }
}

/// Does something to a unit; keepalived says farewell before it ends in order. Gives what is printed where there is no such unit.
fn on_unit(
    state: &mut State,
    name: &str,
    unit: &str,
    verb: &str,
    act: impl FnOnce(&mut UnitState, Duration),
) -> Option<Printed> {
    let now = state.now;
    let short = unit_name(unit).to_owned();
    let known = state.hosts.get(name).is_some_and(|host| host.units.contains_key(&short));
    if !known {
        let why = if verb == "stop" { "not loaded" } else { "not found" };
        return Some(Printed::failed(5, format!("Failed to {verb} {unit}: Unit {unit} {why}.\n")));
    }
    if short == "keepalived" && ["stop", "restart", "TERM"].contains(&verb) {
        state.resign(name);
    }
    if let Some(unit) = state.hosts.get_mut(name).and_then(|host| host.units.get_mut(&short)) {
        act(unit, now);
    }
    None
}

fn kill(state: &mut State, name: &str, signal: &str, unit: &str) -> Printed {
    let signal = signal.strip_prefix("--signal=").unwrap_or_default();
    let has_processes = |unit: &UnitState| unit.is_active() && !unit.is_one_shot();
    let failed = match signal {
        "TERM" => on_unit(state, name, unit, "TERM", |unit, now| {
            if has_processes(unit) {
                unit.end(Ended::Cleanly, now);
            }
        }),
        "KILL" => on_unit(state, name, unit, "kill", |unit, now| {
            if has_processes(unit) {
                unit.end(Ended::Killed, now);
            }
        }),
        "STOP" => on_unit(state, name, unit, "kill", |unit, _| unit.frozen = has_processes(unit)),
        "CONT" => on_unit(state, name, unit, "kill", |unit, _| unit.frozen = false),
        other => Some(Printed::failed(1, format!("Failed to parse signal string {other}.\n"))),
    };
    failed.map_or_else(Printed::nothing, |failed| match failed.status {
        5 => Printed::failed(1, format!("Failed to kill unit {unit}: Unit {unit} not loaded.\n")),
        _ => failed,
    })
}

/// `systemd-run`: a timer with its service, or the service that stands for the lock.
fn run_transient(state: &mut State, name: &str, options: &[&str]) -> Printed {
    let now = state.now;
    let Some(host) = state.hosts.get_mut(name) else { return Printed::nothing() };
    let option = |key: &str| options.iter().find_map(|option| option.strip_prefix(key));
    let argv: Vec<String> =
        options.iter().skip_while(|word| **word != "--").skip(1).map(|word| (*word).to_owned()).collect();
    let unit = option("--unit=").unwrap_or_default();
    let taken = |kind: &str, unit: &str| {
        let text = format!(
            "Failed to start transient {kind} unit: Unit {unit} was already loaded or has a fragment file.\n"
        );
        Printed::failed(1, text)
    };
    match option("--on-active=").map(str::parse::<u32>) {
        Some(Ok(seconds)) => {
            if host.timers.contains_key(unit) {
                return taken("timer", &format!("{unit}.timer"));
            }
            let elapses = now + Duration::from_secs(u64::from(seconds));
            host.timers.insert(unit.to_owned(), Timer { argv, armed: now, elapses, elapsed: None });
        }
        Some(Err(_)) => return Printed::failed(1, "Failed to parse timer value.\n".to_owned()),
        None if unit == LOCK_UNIT => {
            if host.lock.is_some() {
                return taken("service", unit);
            }
            host.lock = Some(option("--description=").unwrap_or(LOCK_UNIT).to_owned());
        }
        None => return Printed::failed(1, format!("Failed to start transient service unit: {unit}\n")),
    }
    Printed::nothing()
}

fn link(host: &mut HostState, interface: &str, up: bool) -> Printed {
    match host.nics.iter_mut().find(|nic| nic.name == interface) {
        Some(nic) => {
            nic.up = up;
            Printed::nothing()
        }
        None => Printed::failed(1, format!("Cannot find device \"{interface}\"\n")),
    }
}

fn sysctl(host: &mut HostState, assignment: &str) -> Printed {
    let (key, value) = assignment.split_once('=').unwrap_or((assignment, ""));
    match host.sysctls.get_mut(key) {
        Some(slot) => {
            value.clone_into(slot);
            Printed::done(format!("{key} = {value}\n"))
        }
        None => {
            let file = key.replace('.', "/");
            Printed::failed(1, format!("sysctl: cannot stat /proc/sys/{file}: No such file or directory\n"))
        }
    }
}

fn nft(host: &mut HostState, path: &str, load: bool) -> Printed {
    let Some(file) = host.files.get(path) else {
        let text = format!("Error: Could not open file \"{path}\": No such file or directory\n");
        return Printed::failed(1, text);
    };
    match host.ruleset.load(&String::from_utf8_lossy(&file.bytes)) {
        Ok(ruleset) => {
            if load {
                host.ruleset = ruleset;
            }
            Printed::nothing()
        }
        Err(error) => Printed::failed(1, format!("{path}:{error}\n")),
    }
}

fn install(host: &mut HostState, [owner, group, mode]: [&str; 3], path: &str, input: &[u8]) -> Printed {
    let value = |word: &str| word.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
    if !host.files.has_folder_of(path) || host.files.is_folder(path) {
        let text =
            format!("/usr/bin/install: cannot create regular file '{path}': No such file or directory\n");
        return Printed::failed(1, text);
    }
    let file = File {
        owner: value(owner),
        group: value(group),
        mode: u32::from_str_radix(&value(mode), 8).unwrap_or_default(),
        bytes: input.to_vec(),
    };
    if !ACCOUNTS.contains(&file.owner.as_str()) {
        return Printed::failed(1, format!("/usr/bin/install: invalid user '{}'\n", file.owner));
    }
    if !ACCOUNTS.contains(&file.group.as_str()) {
        return Printed::failed(1, format!("/usr/bin/install: invalid group '{}'\n", file.group));
    }
    host.files.put(path, file);
    Printed::nothing()
}

/// Accounts and groups that every played host has.
const ACCOUNTS: [&str; 8] = ["root", "daemon", "adm", "nobody", "nogroup", "samakia", "haproxy", "www-data"];

fn rename(host: &mut HostState, from: &str, to: &str) -> Printed {
    let failed = |what: &str| Printed::failed(1, format!("/usr/bin/mv: {what}: No such file or directory\n"));
    if !host.files.has_folder_of(to) {
        return failed(&format!("cannot move '{from}' to '{to}'"));
    }
    match host.files.take(from) {
        Some(file) => {
            host.files.put(to, file);
            Printed::nothing()
        }
        None => failed(&format!("cannot stat '{from}'")),
    }
}
