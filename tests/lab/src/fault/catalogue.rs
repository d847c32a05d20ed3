//! Every fault by name. A fault without arguments given takes the defaults, which are parts of the DNS plane.

use fabric_twin::{DriftedPart, DriftedView, TwinFault};

use super::kind::{Kind, Recipe};
use super::recipes::{
    answer, changed, edit, enable, filter, forward, garbage, held, moved, others, proxmox, restart,
    secondaries, servers, shell, sshd, start, sysctl, vips_on, with_fresh_recursion,
};
use super::records::{stale, zone_of};
use super::step::Step;
use crate::error::LabError;
use crate::network::LAN_LINK;
use crate::node::{self, FIRST_EDGE, Filter, INTERNET, hardening, root_addresses};
use crate::observe_only;

const EDGE: (&str, &str) = ("node", "dns-edge-1");
const BEHIND: (&str, &str) = ("node", "dns-auth-1");

/// In the order of the things they break: units, records, VRRP, packets, SSH, machines, Proxmox.
pub(crate) const CATALOGUE: &[Kind] = &[
    Kind {
        name: "unit-stopped",
        arguments: &[EDGE, ("unit", "dnsdist")],
        about: "a daemon is stopped, its unit stays enabled",
        recipe: |site, a| {
            let (node, unit) = (a.get("node"), a.get("unit"));
            let steps = vec![shell(node, &format!("systemctl stop {unit}"), &start(unit))];
            let fails_over = unit == "keepalived" && node == FIRST_EDGE;
            Ok(Recipe {
                steps,
                until: if fails_over { held(&node::vips(site), &others(site)) } else { Vec::new() },
            })
        },
    },
    Kind {
        name: "unit-disabled",
        arguments: &[EDGE, ("unit", "keepalived")],
        about: "a daemon runs, but its unit is not enabled at boot",
        recipe: |_, a| {
            let unit = a.get("unit");
            let off = format!("systemctl --quiet disable {unit}");
            Ok(vec![shell(a.get("node"), &off, &enable(unit))].into())
        },
    },
    Kind {
        name: "pool-server-down",
        arguments: &[EDGE, ("server", "10.10.100.22")],
        about: "dnsdist's pool names an address where no server is, in place of one",
        recipe: |site, a| {
            let before = node::dnsdist(site)?;
            let text = before.replace(&format!("\"{}:53\"", a.get("server")), "\"10.10.100.99:53\"");
            if text == before {
                return Err(LabError::Usage(format!("{} is no server of dnsdist's pools", a.get("server"))));
            }
            Ok(vec![edit(a.get("node"), "/etc/dnsdist/dnsdist.conf", text, &restart("dnsdist"))].into())
        },
    },
    Kind {
        name: "recursion-garbage",
        arguments: &[],
        about: "the root servers answer bytes that are no DNS message",
        recipe: |site, _| {
            let addresses = root_addresses().map(str::to_owned).collect();
            let broken = garbage(INTERNET, "nsd", addresses);
            Ok(with_fresh_recursion(site, broken))
        },
    },
    Kind {
        name: "dns-garbage",
        arguments: &[BEHIND],
        about: "a host's DNS server, dnsdist on an edge, answers bytes that are no DNS message",
        recipe: |site, a| {
            let node = a.get("node");
            let front = node::of_role(site, "edge").contains(&node);
            let (unit, address) = match front {
                true => ("dnsdist", node::vip(site, node::PLANE)?.address.addr()),
                false => ("pdns", node::vlan_address(site, node)?),
            };
            Ok(garbage(node, unit, vec![address.to_string()]).into())
        },
    },
    Kind {
        name: "web-huge",
        arguments: &[],
        about: "the internet's web site answers with 10 MB",
        recipe: |_, _| Ok(vec![Step::Web { server: "web-huge".to_owned() }].into()),
    },
    Kind {
        name: "record-on-secondary",
        arguments: &[("name", "dns.infra.samakia.net"), ("type", "A"), ("value", "192.168.11.199")],
        about: "an rrset has another value on the secondary servers only",
        recipe: |site, a| changed(site, a, &secondaries(site, a.get("name"))?),
    },
    Kind {
        name: "record-changed",
        arguments: &[("name", "minio.infra.samakia.net"), ("type", "A"), ("value", "192.168.11.199")],
        about: "an rrset has another value on every server",
        recipe: |site, a| changed(site, a, &servers(site, a.get("name"))?),
    },
    Kind {
        name: "record-missing",
        arguments: &[("name", "minio-console.infra.samakia.net"), ("type", "A")],
        about: "an rrset of the site is on no server",
        recipe: |site, a| answer(site, a, 0, Vec::new(), &servers(site, a.get("name"))?),
    },
    Kind {
        name: "record-extra",
        arguments: &[("name", "surprise.infra.samakia.net"), ("type", "A"), ("value", "192.168.11.200")],
        about: "every server has an rrset that the site does not state",
        recipe: |site, a| changed(site, a, &servers(site, a.get("name"))?),
    },
    Kind {
        name: "record-ttl",
        arguments: &[("name", "dns.infra.samakia.net"), ("type", "A"), ("ttl", "300")],
        about: "an rrset has another TTL on every server",
        recipe: |site, a| {
            let (_, zone) = zone_of(site, a.get("name"))?;
            let is = |rrset: &&fabric_model::site::Rrset| {
                rrset.name.as_str() == a.get("name") && rrset.rrtype.as_str() == a.get("type")
            };
            let values = zone.rrsets.iter().find(is).map(|rrset| rrset.values.clone()).unwrap_or_default();
            answer(site, a, a.number("ttl")?, values, &servers(site, a.get("name"))?)
        },
    },
    Kind {
        name: "serial-stale",
        arguments: &[("zone", "infra.samakia.net")],
        about: "the secondary servers have an older copy of a zone",
        recipe: |site, a| {
            let steps: Result<Vec<Step>, LabError> = secondaries(site, a.get("zone"))?
                .iter()
                .map(|server| stale(site, a.get("zone"), server))
                .collect();
            Ok(steps?.into())
        },
    },
    Kind {
        name: "vrrp-dropped",
        arguments: &[],
        about: "the bridges drop VRRP, so that both edges hold both VIPs",
        recipe: |site, _| {
            let rules =
                "chain lost { type filter hook forward priority 0; ip protocol vrrp drop; }\n".to_owned();
            let until = held(&node::vips(site), &node::of_role(site, "edge"));
            Ok(Recipe { steps: vec![Step::Switch { rules }], until })
        },
    },
    Kind {
        name: "gateway-moved",
        arguments: &[],
        about: "the VLAN's gateway VIP is on the other edge than the front door",
        recipe: |site, _| moved(site, &["dns-gateway"]),
    },
    Kind {
        name: "vips-moved",
        arguments: &[],
        about: "both VIPs are on the edge that should be the backup",
        recipe: |site, _| moved(site, &["dns", "dns-gateway"]),
    },
    Kind {
        name: "masquerade-subnet",
        arguments: &[EDGE, ("subnet", "10.10.140.0/24")],
        about: "an edge masquerades another subnet than the plane's",
        recipe: |site, a| {
            filter(site, a, &Filter { masquerade: Some(a.get("subnet").to_owned()), ..Filter::default() })
        },
    },
    Kind {
        name: "isolation-broken",
        arguments: &[EDGE],
        about: "an edge forwards from the LAN into the VLAN",
        recipe: |site, a| filter(site, a, &forward("iifname eth0 oifname eth1 accept")),
    },
    Kind {
        name: "egress-dropped",
        arguments: &[EDGE],
        about: "an edge drops what the VLAN sends out",
        recipe: |site, a| filter(site, a, &forward("iifname eth1 oifname eth0 drop")),
    },
    Kind {
        name: "forwarding-off",
        arguments: &[EDGE],
        about: "net.ipv4.ip_forward is 0",
        recipe: |_, a| Ok(vec![sysctl(a.get("node"), "net.ipv4.ip_forward")].into()),
    },
    Kind {
        name: "nonlocal-bind-off",
        arguments: &[EDGE],
        about: "net.ipv4.ip_nonlocal_bind is 0",
        recipe: |_, a| Ok(vec![sysctl(a.get("node"), "net.ipv4.ip_nonlocal_bind")].into()),
    },
    Kind {
        name: "internet-down",
        arguments: &[],
        about: "the LAN's router has no link, so nothing gets out and no name is resolved",
        recipe: |site, _| {
            Ok(with_fresh_recursion(
                site,
                vec![Step::Unplug { node: INTERNET.to_owned(), link: LAN_LINK.to_owned() }],
            ))
        },
    },
    Kind {
        name: "stray-address",
        arguments: &[EDGE, ("link", "eth0"), ("address", "192.168.11.77/24")],
        about: "an interface carries an address that the site does not know",
        recipe: |_, a| {
            let at = format!("{} dev {}", a.get("address"), a.get("link"));
            // Taking back an address that is not there is no failure.
            let undo = format!("ip address del {at} 2>/dev/null || true");
            Ok(vec![shell(a.get("node"), &format!("ip address add {at}"), &undo)].into())
        },
    },
    Kind {
        name: "root-login-open",
        arguments: &[EDGE],
        about: "sshd lets root in with the operator's key",
        recipe: |_, a| Ok(vec![sshd(a, hardening("yes", "root samakia", "no", "yes"))].into()),
    },
    Kind {
        name: "password-offered",
        arguments: &[EDGE],
        about: "sshd offers password authentication",
        recipe: |_, a| Ok(vec![sshd(a, hardening("no", "samakia", "yes", "yes"))].into()),
    },
    Kind {
        name: "operator-refused",
        arguments: &[EDGE],
        about: "sshd lets the operator's account in no more",
        recipe: |_, a| Ok(vec![sshd(a, hardening("no", "nobody", "no", "yes"))].into()),
    },
    Kind {
        name: "forwarding-refused",
        arguments: &[EDGE],
        about: "sshd refuses to forward connections",
        recipe: |_, a| Ok(vec![sshd(a, hardening("no", "samakia", "no", "no"))].into()),
    },
    Kind {
        name: "host-key-changed",
        arguments: &[EDGE],
        about: "sshd shows another host key than the pinned one",
        recipe: |_, a| {
            let (key, spare) = ("/etc/ssh/ssh_host_ed25519_key", "/root/host-key-before-the-fault");
            let apply = format!(
                "test -e {spare} || cp -p {key} {spare}; cp -p {key}.pub {spare}.pub; rm -f {key} {key}.pub; \
                 ssh-keygen -q -t ed25519 -N '' -f {key}; {}",
                restart("ssh")
            );
            let undo = format!(
                "if test -e {spare}; then mv {spare}.pub {key}.pub; mv {spare} {key}; fi; {}",
                restart("ssh")
            );
            Ok(vec![shell(a.get("node"), &apply, &undo)].into())
        },
    },
    Kind {
        name: "observe-only",
        arguments: &[],
        about: "every node's sshd writes down what the operator asks to run, and refuses whatever does not only read",
        recipe: |site, _| {
            let keys = "/home/samakia/.ssh/authorized_keys";
            let option = observe_only::key_option();
            let forced = |(node, _)| {
                // The option contains no `|`; a key that has it already keeps it once.
                let apply = format!(
                    "install -m 0666 /dev/null {}; grep -q '^command=' {keys} || sed -i 's|^|{option}|' {keys}",
                    observe_only::RECORD
                );
                shell(node, &apply, &format!("sed -i 's|^{option}||' {keys}"))
            };
            Ok(node::hosts(site).map(forced).collect::<Vec<_>>().into())
        },
    },
    Kind {
        name: "sudo-refused",
        arguments: &[EDGE],
        about: "the operator has no sudo",
        recipe: |_, a| {
            Ok(vec![edit(a.get("node"), "/etc/sudoers.d/90-samakia", "# no rule\n".to_owned(), "")].into())
        },
    },
    Kind {
        name: "clock-wrong",
        arguments: &[EDGE, ("seconds", "3600")],
        about: "a host's clock is ahead, as far as `date` tells: containers share the kernel's clock",
        recipe: |_, a| {
            let seconds: u32 = a.number("seconds")?;
            let (date, real) = ("/usr/bin/date", "/usr/bin/date-before-the-fault");
            let apply = format!(
                "test -e {real} || mv {date} {real}; \
                 printf '#!/bin/sh\\nexec {real} --date=\"{seconds} seconds\" \"$@\"\\n' > {date}; chmod 0755 {date}"
            );
            let undo = format!("if test -e {real}; then mv {real} {date}; fi");
            Ok(vec![shell(a.get("node"), &apply, &undo)].into())
        },
    },
    Kind {
        name: "host-hung",
        arguments: &[EDGE],
        about: "every process is frozen while the kernel goes on answering",
        recipe: |site, a| {
            let node = a.get("node");
            let steps = vec![Step::Freeze { node: node.to_owned() }];
            // The frozen edge keeps its VIPs, and the other one takes them.
            let both = held(&node::vips(site), &node::of_role(site, "edge"));
            Ok(Recipe { steps, until: if node == FIRST_EDGE { both } else { Vec::new() } })
        },
    },
    Kind {
        name: "host-down",
        arguments: &[EDGE],
        about: "the host is off, and Proxmox says so",
        recipe: |site, a| {
            let node = a.get("node");
            let stopped = Step::Proxmox { fault: TwinFault::HostDown { host: node.to_owned() } };
            let steps = vec![Step::PowerOff { node: node.to_owned() }, stopped];
            Ok(Recipe {
                steps,
                until: if node == FIRST_EDGE { held(&node::vips(site), &others(site)) } else { Vec::new() },
            })
        },
    },
    Kind {
        name: "link-down",
        arguments: &[EDGE, ("link", "eth0")],
        about: "a cable is pulled",
        recipe: |site, a| {
            let (node, link) = (a.get("node"), a.get("link"));
            let steps = vec![Step::Unplug { node: node.to_owned(), link: link.to_owned() }];
            // No sync group: only the VIPs of the pulled cable move.
            let moved = held(&vips_on(site, link), &others(site));
            Ok(Recipe { steps, until: if node == FIRST_EDGE { moved } else { Vec::new() } })
        },
    },
    Kind {
        name: "tag-missing",
        arguments: &[BEHIND, ("tag", "role-auth")],
        about: "Proxmox: a container lacks a tag",
        recipe: |_, a| {
            proxmox(TwinFault::TagMissing { host: a.get("node").to_owned(), tag: a.get("tag").to_owned() })
        },
    },
    Kind {
        name: "tag-extra",
        arguments: &[BEHIND, ("tag", "temporary")],
        about: "Proxmox: a container has a tag too many",
        recipe: |_, a| {
            proxmox(TwinFault::TagExtra { host: a.get("node").to_owned(), tag: a.get("tag").to_owned() })
        },
    },
    Kind {
        name: "nic-changed",
        arguments: &[BEHIND, ("interface", "eth0"), ("property", "bridge"), ("value", "vmbr9")],
        about: "Proxmox: a container's interface has another bridge, hwaddr, ip or gw",
        recipe: |_, a| {
            proxmox(TwinFault::NicChanged {
                host: a.get("node").to_owned(),
                interface: a.get("interface").to_owned(),
                property: a.get("property").to_owned(),
                value: a.get("value").to_owned(),
            })
        },
    },
    Kind {
        name: "sdn-tag",
        arguments: &[("vnet", "vlandns"), ("tag", "101")],
        about: "Proxmox: a vnet has another VLAN tag, configured and running",
        recipe: |_, a| proxmox(TwinFault::SdnTag { vnet: a.get("vnet").to_owned(), tag: a.number("tag")? }),
    },
    Kind {
        name: "sdn-drift",
        arguments: &[("vnet", "vlandns"), ("view", "running"), ("part", "bridge"), ("value", "vmbr9")],
        about: "Proxmox: bridge, tag or gateway of a vnet's network differ in one view alone, configured or running",
        recipe: |_, a| {
            let part = match a.get("part") {
                "bridge" => DriftedPart::Bridge(a.get("value").to_owned()),
                "tag" => DriftedPart::Tag(a.number("value")?),
                "gateway" => DriftedPart::Gateway(a.number("value")?),
                other => return Err(LabError::Usage(format!("{other} is no part of a network that drifts"))),
            };
            let view = match a.get("view") {
                "configured" => DriftedView::Configured,
                "running" => DriftedView::Running,
                other => return Err(LabError::Usage(format!("{other} is no view that drifts"))),
            };
            proxmox(TwinFault::SdnDrift { vnet: a.get("vnet").to_owned(), view, part })
        },
    },
    Kind {
        name: "sdn-pending",
        arguments: &[("vnet", "vlandns")],
        about: "Proxmox: a change of a vnet was never applied",
        recipe: |_, a| proxmox(TwinFault::SdnPending { vnet: a.get("vnet").to_owned() }),
    },
    Kind {
        name: "node-zone-error",
        arguments: &[("node", "proxmox2"), ("zone", "zonedns")],
        about: "Proxmox: a node reports an error for an SDN zone",
        recipe: |_, a| {
            let (node, zone) = (a.get("node").to_owned(), a.get("zone").to_owned());
            proxmox(TwinFault::NodeZoneState { node, zone, state: "error".to_owned() })
        },
    },
    Kind {
        name: "node-offline",
        arguments: &[("node", "proxmox3")],
        about: "Proxmox: a node is off",
        recipe: |_, a| proxmox(TwinFault::NodeOffline { node: a.get("node").to_owned() }),
    },
    Kind {
        name: "quorum-lost",
        arguments: &[],
        about: "Proxmox: the cluster has no quorum",
        recipe: |_, _| proxmox(TwinFault::QuorumLost),
    },
    Kind {
        name: "token-without-rights",
        arguments: &[],
        about: "Proxmox: the token is known and may see nothing",
        recipe: |_, _| proxmox(TwinFault::TokenWithoutRights),
    },
    Kind {
        name: "token-unknown",
        arguments: &[],
        about: "Proxmox: the token is not known",
        recipe: |_, _| proxmox(TwinFault::TokenUnknown),
    },
    Kind {
        name: "tls-truncated",
        arguments: &[],
        about: "Proxmox: connections end in the middle of the TLS handshake",
        recipe: |_, _| Ok(vec![Step::TlsTruncated].into()),
    },
    Kind {
        name: "certificate-expired",
        arguments: &[],
        about: "Proxmox: the certificates are past their end",
        recipe: |_, _| proxmox(TwinFault::CertificateExpired),
    },
    Kind {
        name: "certificate-foreign",
        arguments: &[],
        about: "Proxmox: the certificates are signed by an authority that nobody named",
        recipe: |_, _| proxmox(TwinFault::CertificateForeign),
    },
];
