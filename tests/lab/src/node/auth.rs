//! An authoritative server: PowerDNS over SQLite. The zones are of kind primary and secondary with a real SOA, so that NOTIFY
//! and transfers replicate them; a zone as `create-zone` leaves it is native, has serial 0, and never does.

use fabric_model::site::{Site, Zone};

use super::{Root, of_role, vlan_address};
use crate::error::LabError;

/// The server's database, inside the node.
pub(crate) const DATABASE: &str = "/var/lib/powerdns/pdns.sqlite3";

/// The serial of every zone after `up`.
pub(crate) const SERIAL: u32 = 10;

pub(super) fn configure(root: &Root, site: &Site, name: &str) -> Result<(), LabError> {
    let mut script = format!(
        "rm -f /etc/powerdns/pdns.d/bind.conf {DATABASE}\n\
         sqlite3 {DATABASE} < /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql\n"
    );
    root.file("etc/powerdns/pdns.d/zz-samakia.conf", &server(site, name)?)?;
    for (zone_name, zone) in &site.zones {
        let zone_name = zone_name.as_str();
        if zone.primary.as_str() == name {
            let path = format!("root/{zone_name}.zone");
            root.file(&path, &zone_file(zone_name, zone))?;
            script += &format!(
                "pdnsutil load-zone {zone_name} /{path} >/dev/null 2>&1\npdnsutil set-kind {zone_name} primary >/dev/null 2>&1\nrm /{path}\n"
            );
        } else if zone.secondaries.iter().any(|secondary| secondary.as_str() == name) {
            let primary = vlan_address(site, zone.primary.as_str())?;
            script += &format!("pdnsutil create-secondary-zone {zone_name} {primary} >/dev/null 2>&1\n");
        }
    }
    script += &format!("chown pdns:pdns {DATABASE}\nchmod 0640 {DATABASE}\nsystemctl --quiet enable pdns\n");
    root.file("etc/resolv.conf", &format!("nameserver {}\n", super::vip(site, "dns")?.address.addr()))?;
    root.script(&script)
}

fn server(site: &Site, name: &str) -> Result<String, LabError> {
    let own = vlan_address(site, name)?;
    let primary = site.zones.values().any(|zone| zone.primary.as_str() == name);
    // Besides its peer, the server itself may transfer: replication is proved by comparing whole zones, and the lab asks for
    // them from one server.
    let mut transfers = Vec::new();
    let mut peers = Vec::new();
    for server in of_role(site, "auth") {
        let address = vlan_address(site, server)?.to_string();
        if server != name {
            peers.push(address.clone());
        }
        transfers.push(address);
    }
    let (transfers, peers) = (transfers.join(","), peers.join(","));
    let kind = if primary {
        format!("primary=yes\nalso-notify={peers}\n")
    } else {
        format!("secondary=yes\nallow-notify-from={peers}\n")
    };
    Ok(format!(
        "launch=gsqlite3\ngsqlite3-database={DATABASE}\nlocal-address={own}\nwebserver=no\nversion-string=anonymous\n\
         allow-axfr-ips={transfers}\n{kind}"
    ))
}

/// The zone as the site states it, with a SOA that names the primary.
fn zone_file(name: &str, zone: &Zone) -> String {
    let primary = format!("{}.", zone.primary.as_str());
    let is_server =
        |rrset: &&fabric_model::site::Rrset| rrset.rrtype.as_str() == "NS" && rrset.name.as_str() == name;
    let servers = zone.rrsets.iter().filter(is_server).flat_map(|rrset| &rrset.values);
    let own = servers.clone().find(|server| server.starts_with(&primary)).or_else(|| servers.clone().next());
    let mname = own.cloned().unwrap_or(primary);
    let mut text = format!("{name}. 60 IN SOA {mname} hostmaster.{name}. {SERIAL} 10800 3600 604800 60\n");
    for rrset in &zone.rrsets {
        for value in &rrset.values {
            text += &format!("{}. {} IN {} {value}\n", rrset.name.as_str(), rrset.ttl, rrset.rrtype.as_str());
        }
    }
    text
}
