//! For each fault, something outside the suites that looks different while it is planted.

use crate::machine::Lab;

pub(crate) const FRONT: &str = "@192.168.11.100";
pub(crate) const INTO_VLAN: &str =
    "timeout 2 bash -c 'exec 3<>/dev/tcp/10.10.100.21/22' 2>/dev/null && echo open || echo closed";

pub(crate) type Probe = Box<dyn Fn(&Lab) -> String>;

/// For each fault, something that looks different while it is planted.
pub(crate) fn probes() -> Vec<(&'static str, Probe)> {
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
