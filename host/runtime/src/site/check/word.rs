//! Words that others than fabric read: tags, SDN ids, MAC addresses, VLAN tags.

use fabric_model::site::{Sdn, Site};

use super::super::report::Report;

/// The values of a VLAN tag (IEEE 802.1Q, 0 and 4095 are reserved).
const VLAN_TAGS: std::ops::RangeInclusive<u16> = 1..=4094;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    for (name, environment) in &site.environments {
        tag(report, &["environments", name.as_str(), "tag"], environment.tag.as_str());
    }
    for (name, plane) in &site.planes {
        tag(report, &["planes", name.as_str()], name.as_str());
        if let Some(sdn) = &plane.sdn {
            sdn_words(report, name.as_str(), sdn);
        }
    }
    for (name, host) in &site.hosts {
        tag(report, &["hosts", name.as_str(), "role"], host.role.as_str());
        for (index, interface) in host.interfaces.iter().enumerate() {
            let path = ["hosts", name.as_str(), "interfaces", &index.to_string(), "mac"];
            mac(report, &path, &interface.mac);
        }
    }
    let (account, token) = site.proxmox.token_id.split_once('!').unwrap_or_default();
    let (user, realm) = account.split_once('@').unwrap_or_default();
    if [user, realm, token].iter().any(|part| part.is_empty()) {
        let message = format!("`{}` is not the id of an API token", site.proxmox.token_id);
        report.at(&["proxmox", "token_id"], message, "Write it as `user@realm!name`.");
    }
}

/// A container's tags are `<key>-<value>` joined by `;`, so a value may not hold what Proxmox refuses or a reader would split.
fn tag(report: &mut Report<'_>, path: &[&str], word: &str) {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if word.is_empty() || !word.bytes().all(fits) {
        let message = format!("`{word}` cannot be the value of a tag");
        report.at(path, message, "Use lower-case letters, digits, `_` and `-`.");
    }
}

/// Proxmox VE names a bridge after a vnet and bounds both ids to 8 characters.
fn sdn_words(report: &mut Report<'_>, plane: &str, sdn: &Sdn) {
    for (key, id) in [("zone", &sdn.zone), ("vnet", &sdn.vnet)] {
        let id = id.as_str();
        let head = id.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !head || !(2..=8).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let message = format!("`{id}` cannot be the id of an SDN {key}");
            let hint = "Use 2 to 8 letters and digits, beginning with a letter, as Proxmox VE requires.";
            report.at(&["planes", plane, "sdn", key], message, hint);
        }
    }
    if !VLAN_TAGS.contains(&sdn.tag) {
        let message = format!("{} is not a VLAN tag", sdn.tag);
        report.at(&["planes", plane, "sdn", "tag"], message, "Use a tag from 1 to 4094.");
    }
}

fn mac(report: &mut Report<'_>, path: &[&str], text: &str) {
    let octet = |o: &str| o.len() == 2 && o.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    if text.split(':').count() != 6 || !text.split(':').all(octet) {
        let message = format!("`{text}` is not a MAC address");
        report.at(path, message, "Write six octets in upper-case hexadecimal, such as `BC:24:11:AD:49:A1`.");
        return;
    }
    // The lowest bit of the first octet marks a group address (IEEE 802), which no interface can have as its own.
    let group = text.get(..2).and_then(|o| u8::from_str_radix(o, 16).ok()).is_some_and(|o| o & 1 == 1);
    if group {
        let message = format!("`{text}` is a multicast address");
        report.at(path, message, "Use an address whose first octet is even.");
    }
}
