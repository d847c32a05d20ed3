//! Copies of zones on the authoritative servers.

use std::net::{Ipv4Addr, Ipv6Addr};

use fabric_model::site::{Site, Zone};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::state::State;

/// The serial of every zone in good order.
pub(crate) const SERIAL: u32 = 1;

/// One server's copy of a zone.
#[derive(Clone, Debug)]
pub(crate) struct ZoneCopy {
    pub(crate) serial: u32,
    /// The name of the primary server, with final dot.
    pub(crate) primary: String,
    /// Who may transfer the zone: the other servers' addresses.
    pub(crate) transfer_to: Vec<Ipv4Addr>,
    pub(crate) rrsets: Vec<RecordSet>,
}

/// All records of one name and type.
#[derive(Clone, Debug)]
pub(crate) struct RecordSet {
    pub(crate) name: String,
    pub(crate) rrtype: String,
    pub(crate) ttl: u32,
    pub(crate) values: Vec<String>,
}

/// Puts a copy of each zone on each of its servers.
pub(crate) fn place_copies(site: &Site, state: &mut State) {
    for (name, zone) in &site.zones {
        let servers: Vec<&str> =
            std::iter::once(&zone.primary).chain(&zone.secondaries).map(|server| server.as_str()).collect();
        for server in &servers {
            let peers = servers
                .iter()
                .filter(|peer| *peer != server)
                .filter_map(|peer| state.hosts.get(*peer))
                .flat_map(|peer| peer.nics.iter().filter_map(|nic| nic.address))
                .map(|address| address.addr())
                .collect();
            let copy = ZoneCopy {
                serial: SERIAL,
                primary: primary_name(name.as_str(), zone),
                transfer_to: peers,
                rrsets: record_sets(zone),
            };
            if let Some(host) = state.hosts.get_mut(*server) {
                host.zones.insert(name.to_string(), copy);
            }
        }
    }
}

/// The first NS of the apex that begins with the primary's host name; else the host name inside the zone.
fn primary_name(name: &str, zone: &Zone) -> String {
    let label = format!("{}.", zone.primary);
    zone.rrsets
        .iter()
        .filter(|rrset| rrset.rrtype == *"NS" && rrset.name == *name)
        .flat_map(|rrset| &rrset.values)
        .find(|value| value.starts_with(&label))
        .cloned()
        .unwrap_or_else(|| format!("{label}{name}."))
}

fn record_sets(zone: &Zone) -> Vec<RecordSet> {
    zone.rrsets
        .iter()
        .map(|rrset| RecordSet {
            name: rrset.name.to_string(),
            rrtype: rrset.rrtype.to_string(),
            ttl: rrset.ttl,
            values: rrset.values.clone(),
        })
        .collect()
}

/// Every record of the copy but the SOA.
pub(crate) fn records(copy: &ZoneCopy) -> Vec<Record> {
    copy.rrsets
        .iter()
        .flat_map(|set| set.values.iter().filter_map(|value| record(&set.name, set.ttl, &set.rrtype, value)))
        .collect()
}

/// The zone's SOA with the timers that PowerDNS writes for a new zone.
pub(crate) fn soa(zone: &str, copy: &ZoneCopy) -> Option<Record> {
    let name = Name::from_ascii(format!("{zone}.")).ok()?;
    let mname = Name::from_ascii(&copy.primary).ok()?;
    let rname = Name::from_ascii(format!("hostmaster.{zone}.")).ok()?;
    let data = SOA::new(mname, rname, copy.serial, 10_800, 3_600, 604_800, 3_600);
    Some(Record::from_rdata(name, 3_600, RData::SOA(data)))
}

/// A record from its presentation format; none for a type that no site uses, or a value that is none of that type.
pub(crate) fn record(name: &str, ttl: u32, rrtype: &str, value: &str) -> Option<Record> {
    let owner = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).ok()?;
    let target = || Name::from_ascii(value).ok();
    let data = match rrtype {
        "A" => RData::A(A(value.parse::<Ipv4Addr>().ok()?)),
        "AAAA" => RData::AAAA(AAAA(value.parse::<Ipv6Addr>().ok()?)),
        "CNAME" => RData::CNAME(CNAME(target()?)),
        "NS" => RData::NS(NS(target()?)),
        "PTR" => RData::PTR(PTR(target()?)),
        "TXT" => RData::TXT(TXT::new(vec![value.trim_matches('"').to_owned()])),
        "MX" => {
            let (preference, exchange) = value.split_once(' ')?;
            RData::MX(MX::new(preference.parse().ok()?, Name::from_ascii(exchange.trim()).ok()?))
        }
        _ => return None,
    };
    Some(Record::from_rdata(owner, ttl, data))
}

/// Whether a record answers a question about that type.
pub(crate) fn answers(record: &Record, wanted: RecordType) -> bool {
    wanted == RecordType::ANY || record.record_type() == wanted
}
