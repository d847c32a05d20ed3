//! The lab itself: that the plane works, that each fault shows and heals, and that nothing is left, also after a kill.
//!
//! These tests build containers, so they run as root and only when asked for: `cargo test -p fabric-lab --test lab -- --ignored`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A lab in a run folder of its own, taken down at the end of the test however it ends.
struct Lab {
    dir: PathBuf,
}

impl Lab {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("fabric-lab-test-{name}"));
        let lab = Self { dir };
        lab.ok(&["down"]);
        lab
    }

    fn up(name: &str) -> Self {
        let lab = Self::new(name);
        lab.ok(&["up", "dns"]);
        lab
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fabric-lab"));
        command.arg("--dir").arg(&self.dir).args(words).stdin(Stdio::null());
        command
    }

    fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("fabric-lab starts")
    }

    fn ok(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "fabric-lab {words:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A shell line in a node or the runner: what it printed, however it ended.
    fn shell(&self, node: &str, line: &str) -> String {
        let output = self.output(&["exec", node, "--", "bash", "-c", line]);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// A question to a server from the runner, asked with the base image's `dig`.
    fn dig(&self, question: &str) -> String {
        let up: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(self.dir.join("up.json")).expect("up.json is there"))
                .expect("JSON");
        let base = text(&up, "base");
        self.shell("runner", &format!("chroot {base} dig +time=2 +tries=1 {question}"))
    }

    /// A login over SSH from the runner, strictly with the site folder's keys.
    fn ssh(&self, login: &str, line: &str) -> String {
        let site = self.dir.join("site");
        self.shell("runner", &format!(
            "ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o UserKnownHostsFile={site}/known_hosts \
             -o PreferredAuthentications=publickey,password -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes \
             -i {site}/secrets/ssh-operator {login} '{line}'",
            site = site.display()
        ))
    }

    /// A read of the Proxmox API from the runner, verified against the site folder's authority.
    fn proxmox(&self, path: &str) -> String {
        let site = self.dir.join("site");
        // The token goes in by a file descriptor: a command line is for everybody to read.
        self.shell("runner", &format!(
            "curl -sS -m 5 -o - -w ' %{{http_code}}' --cacert {site}/pki/proxmox-root-ca.pem \
             -H @<(printf 'Authorization: PVEAPIToken=terraform-prov@pve!fabric-token=%s' \"$(cat {site}/secrets/proxmox-token)\") \
             https://192.168.11.21:8006/api2/json{path}",
            site = site.display()
        ))
    }

    fn id(&self) -> String {
        let status: serde_json::Value =
            serde_json::from_str(&self.ok(&["status", "--output", "json"])).expect("JSON");
        text(&status, "id")
    }

    /// Looks at the machine itself, not through the lab's own eyes.
    fn assert_nothing_left(&self, id: &str) {
        let netns: Vec<PathBuf> = entries(Path::new("/run/netns"), id);
        assert!(netns.is_empty(), "network namespaces are left: {netns:?}");
        let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts are readable");
        let own = self.dir.to_string_lossy().into_owned();
        assert!(!mounts.contains(&own) && !mounts.contains(id), "mounts are left:\n{mounts}");
        for line in mounts
            .lines()
            .filter(|line| line.split(' ').nth(2).is_some_and(|kind| kind.starts_with("cgroup")))
        {
            let hierarchy = Path::new(line.split(' ').nth(1).expect("a mount has a place"));
            assert!(!hierarchy.join(id).exists(), "a cgroup is left in {}", hierarchy.display());
        }
        assert!(!self.dir.exists(), "the run folder is left");
        let nspawn = entries(Path::new("/run/systemd/nspawn/propagate"), id);
        assert!(nspawn.is_empty(), "nspawn's folders are left: {nspawn:?}");
        let processes = processes_naming(&own, id);
        assert!(processes.is_empty(), "processes are left: {processes:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _best_effort = self.output(&["down"]);
    }
}

fn text(value: &serde_json::Value, key: &str) -> String {
    value.get(key).and_then(serde_json::Value::as_str).expect("the key is there").to_owned()
}

fn entries(folder: &Path, id: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    found.filter(|path| path.to_string_lossy().contains(id)).collect()
}

/// Processes of this machine whose command line names the lab.
fn processes_naming(dir: &str, id: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .expect("/proc is readable")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy() != own)
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(dir) || line.contains(id))
        .collect()
}

const FRONT: &str = "@192.168.11.100";

#[test]
#[ignore = "builds containers: run as root with --ignored"]
fn the_plane_answers_as_the_site_says_and_nothing_gets_out() {
    let lab = Lab::up("plane");
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
const INTO_VLAN: &str =
    "timeout 2 bash -c 'exec 3<>/dev/tcp/10.10.100.21/22' 2>/dev/null && echo open || echo closed";

#[test]
#[ignore = "builds containers: run as root with --ignored"]
fn up_twice_is_up_once() {
    let lab = Lab::up("twice");
    let boot = "cat /proc/1/stat | cut -d' ' -f22";
    let before = lab.shell("dns-auth-1", boot);
    lab.ok(&["up", "dns"]);
    assert_eq!(lab.shell("dns-auth-1", boot), before, "the node was booted again");
    lab.ok(&["fault", "unit-stopped", "dns-edge-1", "unbound"]);
    lab.ok(&["fault", "unit-stopped", "dns-edge-1", "unbound"]);
    assert_eq!(lab.ok(&["status"]).matches("fault: ").count(), 1, "one fault is planted once");
    lab.ok(&["heal"]);
    lab.ok(&["heal"]);
    lab.ok(&["down"]);
    lab.ok(&["down"]);
}

#[test]
#[ignore = "builds containers: run as root with --ignored"]
fn down_leaves_nothing() {
    let lab = Lab::up("down");
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
}

#[test]
#[ignore = "builds containers: run as root with --ignored"]
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

#[test]
#[ignore = "builds containers: run as root with --ignored"]
fn each_fault_shows_and_heals_without_trace() {
    let lab = Lab::up("faults");
    let listed: serde_json::Value =
        serde_json::from_str(&lab.ok(&["fault", "list", "--output", "json"])).expect("a list in JSON");
    let probes = probes();
    for fault in listed.as_array().expect("a list") {
        let name = &text(fault, "name");
        let (_, probe) = probes
            .iter()
            .find(|(probed, _)| *probed == name)
            .unwrap_or_else(|| panic!("no probe for {name}"));
        let before = probe(&lab);
        lab.ok(&["fault", name]);
        let during = probe(&lab);
        assert_ne!(before, during, "{name} does not show");
        lab.ok(&["heal", name]);
        assert_eq!(before, probe(&lab), "{name} left a trace");
    }
    assert_eq!(probes.len(), listed.as_array().expect("a list").len(), "a probe is for no fault");
}

type Probe = Box<dyn Fn(&Lab) -> String>;

/// For each fault, something that looks different while it is planted.
fn probes() -> Vec<(&'static str, Probe)> {
    let shell =
        |node: &'static str, line: &'static str| -> Probe { Box::new(move |lab| lab.shell(node, line)) };
    let ssh =
        |login: &'static str, line: &'static str| -> Probe { Box::new(move |lab| lab.ssh(login, line)) };
    let proxmox = |path: &'static str| -> Probe { Box::new(move |lab| lab.proxmox(path)) };
    let through =
        |question: &'static str| -> Probe { Box::new(move |lab| lab.dig(&format!("{FRONT} {question}"))) };
    let status = || -> Probe { Box::new(|lab| held_by(&lab.ok(&["status"]))) };
    let on_auth = |question: &'static str| -> Probe {
        // The servers are behind the edges: they are asked from one of them.
        Box::new(move |lab| {
            lab.shell("dns-edge-1", &format!("dig +time=1 +tries=1 +noall +answer {question}"))
        })
    };
    vec![
        ("unit-stopped", shell("dns-edge-1", "systemctl is-active dnsdist")),
        (
            "unit-disabled",
            shell("dns-edge-1", "systemctl is-enabled keepalived; systemctl is-active keepalived"),
        ),
        ("pool-server-down", shell("dns-edge-1", "cat /etc/dnsdist/dnsdist.conf")),
        ("recursion-garbage", through("+noall +answer +short example.com")),
        ("dns-garbage", shell("dns-edge-1", "dig +time=1 +tries=1 +short @10.10.100.21 internal SOA")),
        (
            "web-huge",
            shell(
                "internet",
                "exec 3<>/dev/tcp/198.51.100.10/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; wc -c <&3",
            ),
        ),
        ("record-on-secondary", on_auth("@10.10.100.22 dns.infra.samakia.net A")),
        ("record-changed", through("+noall +answer minio.infra.samakia.net A")),
        ("record-missing", through("+noall +answer minio-console.infra.samakia.net A")),
        ("record-extra", through("+noall +answer surprise.infra.samakia.net A")),
        ("record-ttl", through("+noall +answer dns.infra.samakia.net A")),
        ("serial-stale", on_auth("@10.10.100.22 infra.samakia.net SOA")),
        ("vrrp-dropped", status()),
        ("gateway-moved", status()),
        ("vips-moved", status()),
        ("masquerade-subnet", shell("dns-auth-1", OUT)),
        ("isolation-broken", shell("runner", INTO_VLAN)),
        ("egress-dropped", shell("dns-auth-1", OUT)),
        ("forwarding-off", shell("dns-edge-1", "sysctl -n net.ipv4.ip_forward")),
        ("nonlocal-bind-off", shell("dns-edge-1", "sysctl -n net.ipv4.ip_nonlocal_bind")),
        ("internet-down", shell("dns-edge-1", OUT)),
        ("stray-address", shell("dns-edge-1", "ip -o -4 address")),
        ("root-login-open", ssh("root@192.168.11.111", "id -u")),
        ("password-offered", ssh("root@192.168.11.111", "true")),
        ("operator-refused", ssh("samakia@192.168.11.111", "id -un")),
        ("forwarding-refused", ssh("-W 10.10.100.21:22 samakia@192.168.11.111", "")),
        ("host-key-changed", ssh("samakia@192.168.11.111", "id -un")),
        ("sudo-refused", ssh("samakia@192.168.11.111", "sudo -n id -u")),
        ("host-hung", ssh("samakia@192.168.11.111", "id -un")),
        ("host-down", ssh("samakia@192.168.11.111", "id -un")),
        ("link-down", ssh("samakia@192.168.11.111", "id -un")),
        ("tag-missing", proxmox("/nodes/proxmox3/lxc/3111/config")),
        ("tag-extra", proxmox("/nodes/proxmox3/lxc/3111/config")),
        ("sdn-tag", proxmox("/cluster/sdn/vnets")),
        ("sdn-pending", proxmox("/cluster/sdn/vnets?pending=1")),
        ("node-zone-error", proxmox("/nodes/proxmox2/sdn/zones")),
        ("node-offline", proxmox("/cluster/status")),
        ("quorum-lost", proxmox("/cluster/status")),
        ("token-without-rights", proxmox("/cluster/sdn/zones")),
        ("token-unknown", proxmox("/cluster/sdn/zones")),
        ("tls-truncated", proxmox("/version")),
        ("certificate-expired", proxmox("/version")),
        ("certificate-foreign", proxmox("/version")),
    ]
}

const OUT: &str =
    "timeout 2 bash -c 'exec 3<>/dev/tcp/198.51.100.10/80' 2>/dev/null && echo open || echo closed";

fn held_by(status: &str) -> String {
    status.lines().filter(|line| line.contains("held by")).collect::<Vec<_>>().join("\n")
}
