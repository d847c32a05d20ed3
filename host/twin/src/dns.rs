//! The DNS daemons: dnsdist and unbound on the edges, PowerDNS behind them, one name server for the internet. Messages in,
//! messages out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fabric_model::site::Protocol;
use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::net::{INTERNET_HOST, Landing, Origin, Service};
use crate::state::{HostState, State};
use crate::zone::{self, ZoneCopy};

/// The payload size that the daemons announce (DNS flag day 2020).
const PAYLOAD: u16 = 1232;
/// The TTL of what the internet's name server says.
const INTERNET_TTL: u32 = 300;

/// The name server of the internet: zone data of the played root and of `example.com`.
const INTERNET: [(&str, &str, &str); 5] = [
    ("", "NS", "a.root-servers.net."),
    ("a.root-servers.net", "A", "198.51.100.10"),
    ("example.com", "NS", "a.root-servers.net."),
    ("example.com", "A", "198.51.100.10"),
    ("www.example.com", "CNAME", "example.com."),
];

/// The answers to one request, in order; more than one only for a transfer. None where the daemon stays silent.
pub(crate) fn answer(
    state: &State,
    landing: &Landing,
    protocol: Protocol,
    request: &[u8],
) -> Option<Vec<Vec<u8>>> {
    let query = match Message::from_vec(request) {
        Ok(query) if query.queries.len() == 1 => query,
        _ => return malformed(request),
    };
    if let Service::Daemon { host, .. } = &landing.service
        && state.hosts.get(host).is_some_and(|host| host.garbage_dns)
    {
        return Some(vec![b"\x00garbage: this is no DNS message\xff\xff".to_vec()]);
    }
    let reply = match &landing.service {
        Service::Daemon { host, unit } if unit == "dnsdist" => {
            balance(state, host, landing.source, protocol, &query)?
        }
        Service::Daemon { host, unit } if unit == "unbound" => recurse(state, host, &query),
        Service::Daemon { host, unit } if unit == "pdns" => {
            authoritative(state.hosts.get(host)?, landing.source, protocol, &query)
        }
        Service::Root => internet(&query),
        _ => return None,
    };
    Some(encode(vec![reply], &query, protocol))
}

/// Whether the landing is a DNS daemon.
pub(crate) fn speaks_dns(service: &Service) -> bool {
    match service {
        Service::Root => true,
        Service::Daemon { unit, .. } => ["dnsdist", "unbound", "pdns"].contains(&unit.as_str()),
        _ => false,
    }
}

/// FORMERR under the request's id, as far as there is one.
fn malformed(request: &[u8]) -> Option<Vec<Vec<u8>>> {
    let id = u16::from_be_bytes([*request.first()?, *request.get(1)?]);
    let whole = request.len() >= 12;
    let message = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
    whole.then(|| message.to_vec().ok().map(|bytes| vec![bytes]))?
}

fn encode(replies: Vec<Message>, query: &Message, protocol: Protocol) -> Vec<Vec<u8>> {
    let limit = match (protocol, &query.edns) {
        (Protocol::Tcp, _) => usize::from(u16::MAX),
        (Protocol::Udp, Some(edns)) => usize::from(edns.max_payload().clamp(512, PAYLOAD)),
        (Protocol::Udp, None) => 512,
    };
    replies
        .into_iter()
        .filter_map(|mut reply| {
            if query.edns.is_some() {
                let mut edns = Edns::new();
                edns.set_max_payload(PAYLOAD);
                reply.set_edns(edns);
            }
            let bytes = reply.to_vec().ok()?;
            if bytes.len() <= limit { Some(bytes) } else { reply.truncate().to_vec().ok() }
        })
        .collect()
}

/// dnsdist: an access list, a table of suffixes, two pools. A pool without a live server answers nothing.
fn balance(
    state: &State,
    edge: &str,
    source: Ipv4Addr,
    protocol: Protocol,
    query: &Message,
) -> Option<Message> {
    if !allowed(state, edge, source) {
        return None;
    }
    let question = query.queries.first()?;
    let servers = servers_for(state, question.name());
    if servers.is_empty() {
        return state.hosts.get(edge)?.runs("unbound").then(|| recurse(state, edge, query));
    }
    let from = Origin::Host(edge.to_owned());
    servers.iter().find_map(|address| {
        let landing = state.connect(&from, SocketAddr::new(IpAddr::V4(*address), 53), protocol).ok()?;
        let Service::Daemon { host, .. } = &landing.service else { return None };
        // The health check takes a server that answers rubbish out of the pool.
        let server = state.hosts.get(host).filter(|server| !server.garbage_dns)?;
        Some(authoritative(server, landing.source, protocol, query))
    })
}

/// The access list: the LAN, the edge's own VLAN, loopback.
fn allowed(state: &State, edge: &str, source: Ipv4Addr) -> bool {
    let near = state.hosts.get(edge).is_some_and(|host| host.on_link(source).is_some());
    source.is_loopback() || near || state.is_local(edge, source)
}

/// The servers of the zone with the longest suffix of the name, the primary first.
fn servers_for(state: &State, name: &Name) -> Vec<Ipv4Addr> {
    let zones = state.hosts.values().flat_map(|host| host.zones.keys());
    let Some(zone) = zones.filter(|zone| is_under(name, zone)).max_by_key(|zone| zone.len()) else {
        return Vec::new();
    };
    let mut servers: Vec<(bool, Ipv4Addr)> = state
        .hosts
        .iter()
        .filter_map(|(host_name, host)| {
            let copy = host.zones.get(zone)?;
            let primary = copy.primary.starts_with(&format!("{host_name}."));
            let address = host.nics.iter().find_map(|nic| nic.address)?.addr();
            Some((!primary, address))
        })
        .collect();
    servers.sort();
    servers.into_iter().map(|(_, address)| address).collect()
}

/// unbound: asks the internet's name server.
fn recurse(state: &State, edge: &str, query: &Message) -> Message {
    let from = Origin::Host(edge.to_owned());
    let root = SocketAddr::new(IpAddr::V4(INTERNET_HOST), 53);
    let mut reply = match state.connect(&from, root, Protocol::Udp) {
        Ok(_) => internet(query),
        Err(_) => reply_to(query, ResponseCode::ServFail),
    };
    reply.metadata.authoritative = false;
    reply.metadata.recursion_available = true;
    reply
}

fn internet(query: &Message) -> Message {
    let records: Vec<Record> = INTERNET
        .iter()
        .filter_map(|(name, rrtype, value)| zone::record(name, INTERNET_TTL, rrtype, value))
        .collect();
    let mut reply = reply_to(query, ResponseCode::NoError);
    reply.metadata.authoritative = true;
    if let Some(question) = query.queries.first() {
        let known = select(&records, question.name(), question.query_type(), &Name::root(), &mut reply);
        if !known {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
    }
    reply
}

/// PowerDNS: authoritative data of its copies, REFUSED for all else.
fn authoritative(host: &HostState, source: Ipv4Addr, protocol: Protocol, query: &Message) -> Message {
    let Some(question) = query.queries.first() else { return reply_to(query, ResponseCode::FormErr) };
    let zone = host.zones.iter().filter(|(zone, _)| is_under(question.name(), zone));
    let Some((zone, copy)) = zone.max_by_key(|(zone, _)| zone.len()) else {
        return reply_to(query, ResponseCode::Refused);
    };
    let Some(soa) = zone::soa(zone, copy) else { return reply_to(query, ResponseCode::ServFail) };
    if question.query_type() == RecordType::AXFR {
        let permitted = protocol == Protocol::Tcp && copy.transfer_to.contains(&source);
        return if permitted { transfer(query, copy, &soa) } else { reply_to(query, ResponseCode::Refused) };
    }
    let mut records = zone::records(copy);
    records.push(soa.clone());
    let mut reply = reply_to(query, ResponseCode::NoError);
    reply.metadata.authoritative = true;
    let known = select(&records, question.name(), question.query_type(), &soa.name, &mut reply);
    if !known {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    if reply.answers.is_empty() {
        reply.add_authority(soa);
    }
    reply
}

/// A whole zone between two copies of its SOA (RFC 5936, 2.2).
fn transfer(query: &Message, copy: &ZoneCopy, soa: &Record) -> Message {
    let mut reply = reply_to(query, ResponseCode::NoError);
    reply.metadata.authoritative = true;
    reply.add_answer(soa.clone());
    reply.add_answers(zone::records(copy));
    reply.add_answer(soa.clone());
    reply
}

/// Adds what answers the question, following aliases inside the zone. Gives whether the name exists.
fn select(records: &[Record], name: &Name, wanted: RecordType, apex: &Name, reply: &mut Message) -> bool {
    let of_name: Vec<&Record> = records.iter().filter(|record| record.name == *name).collect();
    let alias = of_name.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if wanted != RecordType::CNAME => Some((*record, target.0.clone())),
        _ => None,
    });
    if let Some((record, target)) = alias {
        reply.add_answer(record.clone());
        // Zones here hold no alias of an alias, so one step ends.
        if apex.zone_of(&target) && target != *name {
            let found = records.iter().filter(|other| other.name == target && zone::answers(other, wanted));
            reply.add_answers(found.cloned().collect::<Vec<_>>());
        }
        return true;
    }
    let found = of_name.iter().filter(|record| zone::answers(record, wanted));
    reply.add_answers(found.map(|record| (*record).clone()).collect::<Vec<_>>());
    // A name with names below it exists, without data (RFC 8020).
    !of_name.is_empty() || records.iter().any(|record| name.zone_of(&record.name))
}

fn reply_to(query: &Message, code: ResponseCode) -> Message {
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.add_queries(query.queries.iter().cloned());
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.response_code = code;
    reply
}

fn is_under(name: &Name, zone: &str) -> bool {
    Name::from_ascii(format!("{zone}.")).is_ok_and(|zone| zone.zone_of(name))
}
