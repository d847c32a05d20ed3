//! What every Debian host has: its release, its accounts, what runs, what is installed, where packets go.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::state::{HostState, State};

/// The kernel of the nodes, which containers share.
const KERNEL: &str = "6.8.12-4-pve";

/// The text of a file that every host has; none for any other.
pub(super) fn file(state: &State, host: &str, path: &str) -> Option<String> {
    let operator = &state.operator;
    Some(match path {
        "/proc/sys/kernel/hostname" => format!("{host}\n"),
        "/proc/sys/kernel/osrelease" => format!("{KERNEL}\n"),
        "/etc/os-release" => {
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n".to_owned()
        }
        "/etc/passwd" => format!(
            "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n{operator}:x:1000:1000::/home/{operator}:/bin/bash\n"
        ),
        "/etc/group" => format!("root:x:0:\ndaemon:x:1:\n{operator}:x:1000:\n"),
        "/etc/hosts" => format!("127.0.0.1\tlocalhost\n127.0.1.1\t{host}\n"),
        "/etc/ssh/sshd_config" => "PasswordAuthentication no\nPermitRootLogin no\n".to_owned(),
        "/etc/sudoers" => "@includedir /etc/sudoers.d\n".to_owned(),
        _ => return None,
    })
}

/// The first process, and one of each daemon that runs.
pub(super) fn processes(state: &State, name: &str, host: &HostState) -> String {
    let age = state.now.saturating_sub(host.booted.unwrap_or_default()).as_secs();
    let mut text = format!("{:>7} {:>7} {:<32} {age:>11} systemd\n", 1, 0, "root");
    let running = host.units.iter().filter(|(_, unit)| unit.is_active() && !unit.is_one_shot());
    for (daemon, _) in running {
        let pid = super::facts::process_id(name, daemon);
        let comm: String = daemon.chars().take(15).collect();
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{pid:>7} {:>7} {:<32} {age:>11} {comm}", 1, "root");
    }
    text
}

/// A package for each unit, and what every host has.
pub(super) fn packages(host: &HostState) -> String {
    let own = host.units.keys().map(|unit| format!("{unit}\t1.0-1+deb12u1\n"));
    let every = ["base-files\t12.4+deb12u5\n".to_owned(), "systemd\t252.22-1~deb12u1\n".to_owned()];
    own.chain(every).collect()
}

/// The way out, and the network of each interface.
pub(super) fn routes(host: &HostState) -> String {
    let out = host.gateway.and_then(|gateway| {
        let nic = host.nics.iter().find(|nic| nic.address.is_some_and(|own| own.contains(&gateway)))?;
        Some(json!({"dst": "default", "gateway": gateway, "dev": nic.name, "flags": ["onlink"]}))
    });
    let on_link = host.nics.iter().filter(|nic| nic.up).filter_map(|nic| {
        let own = nic.address?;
        Some(json!({"dst": own.trunc(), "dev": nic.name, "protocol": "kernel", "scope": "link", "prefsrc": own.addr(),
            "flags": []}))
    });
    format!("{}\n", Value::Array(out.into_iter().chain(on_link).collect()))
}
