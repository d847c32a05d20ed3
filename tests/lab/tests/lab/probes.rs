//! What no suite shows: looks from outside that differ while a fault is planted.

use crate::machine::Lab;

pub(crate) const FRONT: &str = "@192.168.11.100";
pub(crate) const INTO_VLAN: &str =
    "timeout 2 bash -c 'exec 3<>/dev/tcp/10.10.100.21/22' 2>/dev/null && echo open || echo closed";

const PAGE: &str = "exec 3<>/dev/tcp/198.51.100.10/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; wc -c <&3";

/// What shows a fault for which no row of the table turns a check. None for a fault that this knows no look for.
pub(crate) fn look(lab: &Lab, fault: &str) -> Option<String> {
    match fault {
        "pool-server-down" => Some(lab.shell("dns-edge-1", "cat /etc/dnsdist/dnsdist.conf")),
        "web-huge" => Some(lab.shell("internet", PAGE)),
        "observe-only" => Some(lab.ssh("samakia@192.168.11.111", "id -un; echo $?")),
        "vips-moved" => Some(held_by(&lab.ok(&["status"]))),
        _ => None,
    }
}

fn held_by(status: &str) -> String {
    status.lines().filter(|line| line.contains("held by")).collect::<Vec<_>>().join("\n")
}
