//! The plane from up to down, and what a killed up leaves.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::machine::{Lab, entries, processes_naming};
use crate::probes::{FRONT, INTO_VLAN};

#[test]
fn the_plane_answers_and_up_twice_is_up_once_and_down_leaves_nothing() {
    let lab = Lab::up("plane");
    the_plane_answers_as_the_site_says_and_nothing_gets_out(&lab);
    up_twice_is_up_once(&lab);
    down_leaves_nothing(&lab);
}

fn the_plane_answers_as_the_site_says_and_nothing_gets_out(lab: &Lab) {
    assert_eq!(lab.dig(&format!("{FRONT} +short dns.infra.samakia.net")), "192.168.11.100");
    assert_eq!(lab.dig(&format!("{FRONT} +short +tcp db.canary.internal CNAME")), "db.internal.shared.");
    assert_eq!(lab.dig(&format!("{FRONT} +short example.com")), "198.51.100.10");
    assert!(lab.dig(&format!("{FRONT} nothing.infra.samakia.net")).contains("NXDOMAIN"));
    assert_eq!(lab.ssh("samakia@192.168.11.111", "sudo -n id -u; hostname"), "0\ndns-edge-1");
    assert!(lab.ssh("root@192.168.11.111", "true").contains("Permission denied (publickey)"));
    assert!(lab.proxmox("/version").ends_with(" 200"));
    // Only what the edge translates gets an answer, and the runner has no way out at all.
    assert!(lab.shell("dns-auth-1", WEB).contains("fabric lab: the internet"));
    assert!(lab.shell("runner", "ip route show default").is_empty());
    assert_eq!(lab.shell("runner", INTO_VLAN), "closed");
    // The runner has its network namespace of the lab and everything else of the caller.
    assert_eq!(lab.shell("runner", "pwd"), std::env::current_dir().expect("a folder").to_string_lossy());
    assert!(lab.output(&["exec", "runner", "--", "sh", "-c", "exit 7"]).status.code() == Some(7));
    assert!(lab.output(&["exec", "dns-edge-1", "--", "sh", "-c", "exit 7"]).status.code() == Some(7));
}

const WEB: &str =
    "timeout 3 bash -c 'exec 3<>/dev/tcp/198.51.100.10/80; printf \"GET / HTTP/1.0\r\n\r\n\" >&3; cat <&3'";

fn up_twice_is_up_once(lab: &Lab) {
    let boot = "cat /proc/1/stat | cut -d' ' -f22";
    let before = lab.shell("dns-auth-1", boot);
    lab.ok(&["up", "dns"]);
    assert_eq!(lab.shell("dns-auth-1", boot), before, "the node was booted again");
    lab.ok(&["fault", "unit-stopped", "dns-edge-1", "unbound"]);
    lab.ok(&["fault", "unit-stopped", "dns-edge-1", "unbound"]);
    assert_eq!(lab.ok(&["status"]).matches("fault: ").count(), 1, "one fault is planted once");
    lab.ok(&["heal"]);
    lab.ok(&["heal"]);
}

fn down_leaves_nothing(lab: &Lab) {
    let id = lab.id();
    // The worst cases for a teardown: a frozen node, rules on the bridges, a server that replaces another.
    for fault in ["vrrp-dropped", "recursion-garbage", "host-hung"] {
        lab.ok(&["fault", fault]);
    }
    assert!(
        !processes_naming(&lab.dir.to_string_lossy(), &id).is_empty(),
        "the search for processes finds none"
    );
    lab.ok(&["down"]);
    lab.assert_nothing_left(&id);
    lab.ok(&["down"]);
}

#[test]
fn down_after_a_killed_up_leaves_nothing() {
    let lab = Lab::new("killed");
    let id = lab.id();
    // Killed at the first network namespace, at the first overlay, and while the containers boot.
    let stages: [fn(&Lab, &str) -> bool; 3] = [
        |_, id| !entries(Path::new("/run/netns"), id).is_empty(),
        |lab, _| lab.dir.join("nodes").exists(),
        |lab, _| lab.dir.join("site/pki/proxmox-root-ca.pem").exists(),
    ];
    for (number, stage) in stages.iter().enumerate() {
        let mut up = lab.command(&["up", "dns"]).stderr(Stdio::null()).spawn().expect("fabric-lab starts");
        // The image may have to be built first.
        let begin = Instant::now();
        while !stage(&lab, &id) {
            assert!(begin.elapsed() < Duration::from_secs(600), "stage {number} was never reached");
            assert!(up.try_wait().expect("up can be waited for").is_none(), "up ended before stage {number}");
            std::thread::sleep(Duration::from_millis(1));
        }
        up.kill().expect("up is alive");
        up.wait().expect("up was killed");
        lab.ok(&["down"]);
        lab.assert_nothing_left(&id);
    }
}
