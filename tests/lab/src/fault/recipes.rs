//! What recurring parts of faults are made of.

use fabric_model::site::Site;
use fabric_twin::TwinFault;

use super::kind::{Arguments, Recipe};
use super::records::{Answer, zone_of};
use super::step::{Step, Until};
use crate::error::LabError;
use crate::node::{self, FIRST_EDGE, Filter, keepalived, nftables};

/// A shell line in a node and the one that takes it back.
pub(super) fn shell(node: &str, apply: &str, undo: &str) -> Step {
    Step::Shell { node: node.to_owned(), apply: apply.to_owned(), undo: undo.to_owned() }
}

/// Another text for a file, and the shell line that makes it count.
pub(super) fn edit(node: &str, path: &str, text: String, then: &str) -> Step {
    Step::Edit { node: node.to_owned(), path: path.to_owned(), text, then: then.to_owned() }
}

/// The shell line that starts a unit, however often it was started within the last seconds.
pub(super) fn start(unit: &str) -> String {
    if_known(unit, &format!("systemctl reset-failed {unit} || true; systemctl start {unit}"))
}

/// The shell line that restarts a unit, however often it was started within the last seconds.
pub(super) fn restart(unit: &str) -> String {
    if_known(unit, &format!("systemctl reset-failed {unit} || true; systemctl restart {unit}"))
}

/// The shell line that makes a unit start at boot.
pub(super) fn enable(unit: &str) -> String {
    if_known(unit, &format!("systemctl --quiet enable {unit}"))
}

/// Of a unit that does not exist nothing was changed, so there is nothing to take back.
fn if_known(unit: &str, line: &str) -> String {
    format!("if systemctl cat {unit} >/dev/null 2>&1; then {line}; fi")
}

/// A fault between unbound and the world: unbound forgets what it knows after the fault and again after its healing.
pub(super) fn with_fresh_recursion(site: &Site, broken: Vec<Step>) -> Recipe {
    let edges = node::of_role(site, "edge");
    let mut steps: Vec<Step> = edges.iter().map(|edge| shell(edge, "", &restart("unbound"))).collect();
    steps.extend(broken);
    steps.extend(edges.iter().map(|edge| shell(edge, &restart("unbound"), "")));
    steps.into()
}

/// Garbage on port 53 of a node's addresses, in place of its DNS server.
pub(super) fn garbage(node: &str, unit: &str, addresses: Vec<String>) -> Vec<Step> {
    let stopped = shell(node, &format!("systemctl stop {unit}"), &start(unit));
    vec![stopped, Step::Garbage { node: node.to_owned(), addresses }]
}

/// The rrset that the arguments name, with other values on `servers`.
pub(super) fn answer(
    site: &Site,
    a: &Arguments,
    ttl: u32,
    values: Vec<String>,
    servers: &[&str],
) -> Result<Recipe, LabError> {
    let answer = Answer { name: a.get("name"), rrtype: a.get("type"), ttl, values };
    Ok(answer.on(site, servers)?.into())
}

/// The same with the value that the arguments give and the TTL of the site's records.
pub(super) fn changed(site: &Site, a: &Arguments, servers: &[&str]) -> Result<Recipe, LabError> {
    answer(site, a, 60, vec![a.get("value").to_owned()], servers)
}

/// All servers of the zone that holds `name`.
pub(super) fn servers<'site>(site: &'site Site, name: &str) -> Result<Vec<&'site str>, LabError> {
    let (_, zone) = zone_of(site, name)?;
    Ok([zone.primary.as_str()].into_iter().chain(zone.secondaries.iter().map(|name| name.as_str())).collect())
}

/// The secondary servers of the zone that holds `name`.
pub(super) fn secondaries<'site>(site: &'site Site, name: &str) -> Result<Vec<&'site str>, LabError> {
    let (_, zone) = zone_of(site, name)?;
    Ok(zone.secondaries.iter().map(|name| name.as_str()).collect())
}

/// The edges that hold the VIPs only when the first one does not.
pub(super) fn others(site: &Site) -> Vec<&str> {
    node::of_role(site, "edge").into_iter().filter(|edge| *edge != FIRST_EDGE).collect()
}

/// The VIPs on the edges' interface `link`, with prefix length.
pub(super) fn vips_on(site: &Site, link: &str) -> Vec<String> {
    let of_plane = site.vips.values().filter(|vip| vip.group.as_str() == node::PLANE);
    of_plane.filter(|vip| vip.interface.as_str() == link).map(|vip| vip.address.to_string()).collect()
}

/// Waits until exactly `holders` have each of `vips`.
pub(super) fn held(vips: &[String], holders: &[&str]) -> Vec<Until> {
    let holders: Vec<String> = holders.iter().map(|&holder| holder.to_owned()).collect();
    vips.iter().map(|vip| Until::Held { vip: vip.clone(), holders: holders.clone() }).collect()
}

/// The other edges take these VIPs by a priority above that of the first one.
pub(super) fn moved(site: &Site, vips: &[&str]) -> Result<Recipe, LabError> {
    const ABOVE: u8 = 200;
    let priorities: Vec<(&str, u8)> = vips.iter().map(|&vip| (vip, ABOVE)).collect();
    let others = others(site);
    let mut recipe = Recipe::default();
    for edge in &others {
        let text = keepalived(site, edge, &priorities)?;
        recipe.steps.push(edit(edge, "/etc/keepalived/keepalived.conf", text, "systemctl reload keepalived"));
    }
    for vip in vips {
        recipe.until.extend(held(&[node::vip(site, vip)?.address.to_string()], &others));
    }
    Ok(recipe)
}

/// Another ruleset on an edge.
pub(super) fn filter(site: &Site, a: &Arguments, filter: &Filter) -> Result<Recipe, LabError> {
    let path = "/etc/nftables.conf";
    Ok(vec![edit(a.get("node"), path, nftables(site, filter)?, &format!("nft -f {path}"))].into())
}

/// A rule at the head of the forward chain.
pub(super) fn forward(rule: &str) -> Filter {
    Filter { forward: Some(rule.to_owned()), ..Filter::default() }
}

/// A kernel parameter that is 1 in the plane, set to 0.
pub(super) fn sysctl(node: &str, key: &str) -> Step {
    shell(node, &format!("sysctl -q -w {key}=0"), &format!("sysctl -q -w {key}=1"))
}

/// Another hardening of sshd.
pub(super) fn sshd(a: &Arguments, text: String) -> Step {
    edit(a.get("node"), "/etc/ssh/sshd_config.d/50-samakia-hardening.conf", text, &restart("ssh"))
}

/// A fault of the served cluster.
pub(super) fn proxmox(fault: TwinFault) -> Result<Recipe, LabError> {
    Ok(vec![Step::Proxmox { fault }].into())
}
