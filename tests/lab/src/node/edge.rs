//! A DNS edge: keepalived for the two VIPs, dnsdist on the front door, unbound behind it, nftables for the way in and out.

use fabric_model::site::Site;

use super::{Root, address, of_role, sdn, vip, vlan_address};
use crate::error::LabError;

/// The VIPs of the pair: front door and gateway of the VLAN.
const VIPS: [&str; 2] = ["dns", "dns-gateway"];

pub(super) fn configure(root: &Root, site: &Site, name: &str) -> Result<(), LabError> {
    root.file("etc/sysctl.d/60-edge.conf", "net.ipv4.ip_forward = 1\nnet.ipv4.ip_nonlocal_bind = 1\n")?;
    root.file("etc/keepalived/keepalived.conf", &keepalived(site, name, &[])?)?;
    root.file("etc/nftables.conf", &nftables(site, &Filter::default())?)?;
    root.file("etc/dnsdist/dnsdist.conf", &dnsdist(site)?)?;
    root.file("etc/unbound/unbound.conf.d/samakia.conf", UNBOUND)?;
    root.file("etc/resolv.conf", "nameserver 127.0.0.1\n")?;
    root.script("systemctl --quiet enable keepalived nftables dnsdist unbound")
}

/// keepalived's configuration for `name`; `priorities` overrides those of the site, by VIP.
pub(crate) fn keepalived(site: &Site, name: &str, priorities: &[(&str, u8)]) -> Result<String, LabError> {
    let mut text = format!("global_defs {{\n  router_id {name}\n  enable_script_security\n}}\n");
    for vip_name in VIPS {
        let vip = vip(site, vip_name)?;
        let link = vip.interface.as_str();
        let own = address(site, name, link)?;
        let overridden = priorities.iter().find(|(vip, _)| *vip == vip_name).map(|(_, priority)| *priority);
        let configured = vip.members.iter().find(|(member, _)| member.as_str() == name).map(|(_, p)| *p);
        let priority = overridden
            .or(configured)
            .ok_or_else(|| LabError::Site(format!("{name} is no member of vip {vip_name}")))?;
        let highest = vip.members.values().max() == configured.as_ref();
        let state = if highest { "MASTER" } else { "BACKUP" };
        text += &format!(
            "vrrp_instance {vip_name} {{\n  state {state}\n  interface {link}\n  virtual_router_id {}\n  priority {priority}\n  \
             advert_int 1\n  unicast_src_ip {own}\n  unicast_peer {{\n",
            vip.vrid
        );
        for member in vip.members.keys().filter(|member| member.as_str() != name) {
            text += &format!("    {}\n", address(site, member.as_str(), link)?);
        }
        text += &format!("  }}\n  virtual_ipaddress {{\n    {} dev {link}\n  }}\n}}\n", vip.address);
    }
    Ok(text)
}

/// What faults change in the edge's ruleset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// The subnet that is masqueraded instead of the plane's.
    pub(crate) masquerade: Option<String>,
    /// A rule at the head of the forward chain.
    pub(crate) forward: Option<String>,
}

/// The edge's whole ruleset.
pub(crate) fn nftables(site: &Site, filter: &Filter) -> Result<String, LabError> {
    let front = vip(site, "dns")?.address.addr();
    let lan = site.site.lan.network;
    let subnet = sdn(site)?.subnet.to_string();
    let masqueraded = filter.masquerade.as_ref().unwrap_or(&subnet);
    let head = filter.forward.as_ref().map(|rule| format!("    {rule}\n")).unwrap_or_default();
    let mut peers = Vec::new();
    for edge in of_role(site, "edge") {
        for link in ["eth0", "eth1"] {
            peers.push(address(site, edge, link)?.to_string());
        }
    }
    let peers = peers.join(", ");
    Ok(format!(
        "#!/usr/sbin/nft -f\n\
         flush ruleset\n\
         table inet filter {{\n\
         \x20 chain input {{\n\
         \x20   type filter hook input priority filter; policy drop;\n\
         \x20   iif lo accept\n\
         \x20   ct state established,related accept\n\
         \x20   ip protocol vrrp ip saddr {{ {peers} }} accept\n\
         \x20   ip saddr {lan} tcp dport 22 accept\n\
         \x20   ip daddr {front} udp dport 53 accept\n\
         \x20   ip daddr {front} tcp dport 53 accept\n\
         \x20 }}\n\
         \x20 chain forward {{\n\
         \x20   type filter hook forward priority filter; policy drop;\n\
         {head}\
         \x20   ct state established,related accept\n\
         \x20   iifname eth1 oifname eth0 ip saddr {subnet} accept\n\
         \x20 }}\n\
         \x20 chain output {{\n\
         \x20   type filter hook output priority filter; policy accept;\n\
         \x20 }}\n\
         }}\n\
         table ip nat {{\n\
         \x20 chain postrouting {{\n\
         \x20   type nat hook postrouting priority srcnat; policy accept;\n\
         \x20   oifname eth0 ip saddr {masqueraded} masquerade\n\
         \x20 }}\n\
         }}\n"
    ))
}

/// dnsdist's whole configuration.
pub(crate) fn dnsdist(site: &Site) -> Result<String, LabError> {
    let front = vip(site, "dns")?.address.addr();
    let mut text = format!(
        "setLocal(\"{front}:53\")\nsetACL({{\"{}\", \"{}\", \"127.0.0.0/8\"}})\n",
        site.site.lan.network,
        sdn(site)?.subnet
    );
    for auth in of_role(site, "auth") {
        text += &format!("newServer({{address=\"{}:53\", pool=\"auth\"}})\n", vlan_address(site, auth)?);
    }
    text += "newServer({address=\"127.0.0.1:5353\", pool=\"recursor\"})\n";
    let zones: Vec<String> = site.zones.keys().map(|zone| format!("\"{}\"", zone.as_str())).collect();
    text += &format!("addAction({{{}}}, PoolAction(\"auth\"))\n", zones.join(", "));
    text += "addAction(AllRule(), PoolAction(\"recursor\"))\n";
    Ok(text)
}

/// The image has no trust anchor: the lab's root zone is not signed.
const UNBOUND: &str = "server:
  interface: 127.0.0.1
  port: 5353
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  hide-identity: yes
  hide-version: yes
  harden-glue: yes
  harden-dnssec-stripped: yes
  harden-referral-path: yes
  qname-minimisation: yes
";

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        toml::from_str(include_str!("../../../../fabric.toml")).expect("the repo's site file is one")
    }

    #[test]
    fn the_pair_differs_in_state_priority_and_sides() {
        let (first, second) =
            (keepalived(&site(), "dns-edge-1", &[]), keepalived(&site(), "dns-edge-2", &[]));
        let (first, second) = (first.expect("a configuration"), second.expect("a configuration"));
        assert_eq!(first.matches("state MASTER\n").count(), 2);
        assert_eq!(second.matches("state BACKUP\n").count(), 2);
        assert!(first.contains("priority 150") && second.contains("priority 100"));
        assert!(first.contains("unicast_src_ip 10.10.100.11") && first.contains("    10.10.100.12\n"));
    }

    #[test]
    fn a_raised_priority_is_that_of_the_named_vip_alone() {
        let text = keepalived(&site(), "dns-edge-2", &[("dns-gateway", 200)]).expect("a configuration");
        assert_eq!((text.matches("priority 200").count(), text.matches("priority 100").count()), (1, 1));
    }

    #[test]
    fn a_host_outside_the_pair_is_refused() {
        assert!(keepalived(&site(), "minio-edge-1", &[]).is_err());
    }

    #[test]
    fn faults_change_their_rule_and_no_other() {
        let golden = nftables(&site(), &Filter::default()).expect("a ruleset");
        let other = Filter { masquerade: Some("10.10.140.0/24".to_owned()), ..Filter::default() };
        let changed = nftables(&site(), &other).expect("a ruleset");
        let differing: Vec<&str> = golden
            .lines()
            .zip(changed.lines())
            .filter(|(a, b)| a != b)
            .map(|(_, line)| line.trim())
            .collect();
        assert_eq!(differing, ["oifname eth0 ip saddr 10.10.140.0/24 masquerade"]);
    }
}
