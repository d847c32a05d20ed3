//! Hosts: what they refer to, and how they are reached.

use fabric_model::Slug;
use fabric_model::site::{Host, Site};

use super::super::report::Report;
use super::declared;
use super::once::Once;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    let mut macs = Once::new(
        "MAC address",
        "Give the interface an unused one: with a shared MAC address a switch sends each host's frames to either.",
    );
    let mut vmids = Once::new("VM id", "Give the container an unused VM id.");
    for (name, host) in &site.hosts {
        let at = |key| ["hosts", name.as_str(), key];
        declared(report, &at("plane"), "plane", &host.plane, &site.planes);
        declared(report, &at("node"), "Proxmox node", &host.node, &site.proxmox.nodes);
        vmids.claim(report, &at("vmid"), host.vmid, format!("host `{name}`"));
        environment(site, report, name, host);
        jump(site, report, name, host);
        let mut interfaces = Once::new("interface name", "Number the interfaces of a host.");
        for (index, interface) in host.interfaces.iter().enumerate() {
            let index = index.to_string();
            let at = |key| ["hosts", name.as_str(), "interfaces", &index, key];
            let owner = format!("host `{name}`, {}", interface.name);
            macs.claim(report, &at("mac"), interface.mac.to_uppercase(), owner);
            interfaces.claim(report, &at("name"), &interface.name, "another interface of this host");
        }
        interfaces.settle(report);
    }
    macs.settle(report);
    vmids.settle(report);
}

fn environment(site: &Site, report: &mut Report<'_>, name: &Slug, host: &Host) {
    let path = ["hosts", name.as_str(), "environment"];
    if !declared(report, &path, "environment", &host.environment, &site.environments) {
        return;
    }
    let Some(environment) = site.environments.get(&host.environment) else { return };
    let (first, last) = environment.vmids;
    if first <= last && !(first..=last).contains(&host.vmid) {
        let message =
            format!("VM id {} is outside {first} to {last}, the range of `{}`", host.vmid, host.environment);
        let hint = "Use a VM id of the environment's range, or name the right environment.";
        report.at(&["hosts", name.as_str(), "vmid"], message, hint);
    }
}

fn jump(site: &Site, report: &mut Report<'_>, name: &Slug, host: &Host) {
    for (index, jump) in host.jump.iter().enumerate() {
        let path = ["hosts", name.as_str(), "jump", &index.to_string()];
        if !declared(report, &path, "host", jump, &site.hosts) {
            continue;
        }
        if leads_to(site, jump, name) {
            let message = format!("`{name}` is reached through `{jump}`, which is reached through `{name}`");
            report.at(&path, message, "Name a jump host that is reached without this one.");
        } else if site.hosts.get(jump).is_some_and(|host| !host.forwards) {
            let message = format!("jump host `{jump}` does not forward connections");
            let hint =
                format!("Set `forwards = true` on `{jump}` if its sshd allows it, or name another one.");
            report.at(&path, message, hint);
        }
    }
}

/// Whether `goal` is `from` or one of the hosts on any way to it.
fn leads_to(site: &Site, from: &Slug, goal: &Slug) -> bool {
    let mut seen: Vec<&Slug> = Vec::new();
    let mut ahead = vec![from];
    while let Some(name) = ahead.pop() {
        if name == goal {
            return true;
        }
        if !seen.contains(&name) {
            seen.push(name);
            ahead.extend(site.hosts.get(name).into_iter().flat_map(|host| &host.jump));
        }
    }
    false
}
