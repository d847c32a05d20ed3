//! DNS zones: their servers, and rrsets that a server could load.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use fabric_model::Slug;
use fabric_model::site::{Rrset, Site, Zone};

use super::super::report::Report;
use super::declared;
use super::once::Once;

/// The largest time to live (RFC 2181, 8).
const TTL_LIMIT: u32 = i32::MAX as u32;

pub(super) fn check(site: &Site, report: &mut Report<'_>) {
    for (name, zone) in &site.zones {
        let at = |key| ["zones", name.as_str(), key];
        declared(report, &at("primary"), "host", &zone.primary, &site.hosts);
        declared(report, &at("vip"), "VIP", &zone.vip, &site.vips);
        let mut servers = Once::new("server", "Name each server of the zone once.");
        servers.claim(report, &at("primary"), &zone.primary, "this zone");
        for (index, secondary) in zone.secondaries.iter().enumerate() {
            let path = ["zones", name.as_str(), "secondaries", &index.to_string()];
            declared(report, &path, "host", secondary, &site.hosts);
            servers.claim(report, &path, secondary, "this zone");
        }
        servers.settle(report);
        rrsets(report, name, zone);
    }
}

fn rrsets(report: &mut Report<'_>, zone_name: &Slug, zone: &Zone) {
    let apex = zone_name.as_str().to_ascii_lowercase();
    let below = format!(".{apex}");
    let mut once = Once::new("rrset", "Put all values of a name and type into one rrset.");
    for (index, rrset) in zone.rrsets.iter().enumerate() {
        let index = index.to_string();
        let at = |key| ["zones", zone_name.as_str(), "rrsets", &index, key];
        let name = rrset.name.as_str().to_ascii_lowercase();
        if name != apex && !name.ends_with(&below) {
            let message = format!("`{}` is not in the zone `{zone_name}`", rrset.name);
            report.at(&at("name"), message, "Write the full name, without a final dot.");
        }
        let title = format!("{name} {}", rrset.rrtype);
        once.claim(report, &at("name"), title, "this zone");
        if rrset.ttl > TTL_LIMIT {
            let message = format!("{} is more than a time to live can be", rrset.ttl);
            report.at(&at("ttl"), message, "Use at most 2147483647 seconds.");
        }
        rrtype(report, &at("type"), rrset, zone, name == apex);
        values(report, &at("values"), rrset);
    }
    once.settle(report);
}

fn rrtype(report: &mut Report<'_>, path: &[&str], rrset: &Rrset, zone: &Zone, is_apex: bool) {
    let rrtype = rrset.rrtype.as_str();
    if rrtype.bytes().any(|b| b.is_ascii_lowercase()) {
        report.at(path, format!("`{rrtype}` is not a record type"), "Write record types in upper case.");
    }
    if rrtype == "SOA" {
        let hint = "Remove it: the servers keep the SOA, and the suites compare its serials.";
        report.at(path, "the SOA is not listed among the rrsets", hint);
    }
    if rrtype != "CNAME" {
        return;
    }
    // RFC 1034, 3.6.2: an alias has no other data; the apex always has an SOA.
    let beside = zone.rrsets.iter().any(|other| {
        other.name.as_str().eq_ignore_ascii_case(rrset.name.as_str()) && other.rrtype != rrset.rrtype
    });
    if beside || is_apex {
        let message = format!("`{}` has a CNAME beside other records", rrset.name);
        report.at(path, message, "Keep either the CNAME or the other records.");
    }
}

fn values(report: &mut Report<'_>, path: &[&str; 5], rrset: &Rrset) {
    if rrset.values.is_empty() {
        report.at(path, "the rrset has no values", "Add one, or remove the rrset.");
    }
    if rrset.rrtype == *"CNAME" && rrset.values.len() > 1 {
        report.at(path, "a CNAME has exactly one value", "Keep one of the values.");
    }
    let mut seen = BTreeSet::new();
    for (index, value) in rrset.values.iter().enumerate() {
        let [zones, zone, rrsets, rrset_index, values] = *path;
        let path = [zones, zone, rrsets, rrset_index, values, &index.to_string()];
        if !seen.insert(value.to_ascii_lowercase()) {
            report.at(&path, format!("`{value}` stands twice"), "Remove one of them.");
        }
        let wrong = match rrset.rrtype.as_str() {
            "A" if value.parse::<Ipv4Addr>().is_err() => ("an IPv4 address", "Write it as `192.0.2.1`."),
            "AAAA" if value.parse::<Ipv6Addr>().is_err() => ("an IPv6 address", "Write it as `2001:db8::1`."),
            "CNAME" | "NS" | "PTR" if !value.ends_with('.') => {
                ("a full name", "End it with a dot: without one, servers append the zone.")
            }
            _ => continue,
        };
        report.at(&path, format!("`{value}` is not {}", wrong.0), wrong.1);
    }
}
