//! A DNS client that asks one server one thing and says exactly what came back. It resolves nothing, follows nothing and never
//! falls back from UDP to TCP: a truncated answer is a finding.

mod message;
mod name;
mod present;
mod query;
mod rrtype;
mod transfer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use name::{DnsName, NotADnsName};
pub use query::query;
pub use rrtype::{NotAnRrType, RrType};
pub use transfer::{RECORD_LIMIT, TRANSFER_LIMIT, Zone, transfer};

/// What carries a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A datagram each way, sent again where none comes back; from this machine only.
    #[default]
    Udp,
    /// The same, sent once: for whoever measures how long nobody answers, which what is sent again would hide.
    UdpOnce,
    /// A TCP connection, which can also go through a host.
    Tcp,
}

/// One resource record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The owner's full name, lower case, with the final dot.
    pub name: String,
    /// The type: `A`, `CNAME`, or `TYPE65280` where it has no name.
    #[serde(rename = "type")]
    pub rrtype: String,
    /// Time to live in seconds, as the server gave it.
    pub ttl: u32,
    /// The data in presentation format (RFC 1035, 5.1): names are lower case with the final dot, texts are quoted, and types
    /// without a format of their own are written as RFC 3597 says (`\# 4 0a000001`).
    pub value: String,
}

/// The flags of an answer's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flags {
    /// The server is authoritative for the name.
    pub aa: bool,
    /// The answer was cut; over TCP it would be whole.
    pub tc: bool,
    /// Recursion was desired; it always is.
    pub rd: bool,
    /// The server offers recursion.
    pub ra: bool,
    /// The server says that it has validated the data (DNSSEC).
    pub ad: bool,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The response code: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` …, `RCODE3841` where it has no name.
    pub rcode: String,
    /// The header's flags.
    pub flags: Flags,
    /// The records of the answer section with the asked name and the asked type, sorted.
    pub rrset: Vec<Record>,
    /// The whole answer section, sorted: beside the rrset the aliases on the way to it.
    pub answers: Vec<Record>,
    /// The authority section, sorted. A negative answer carries the zone's SOA there.
    pub authority: Vec<Record>,
    /// The serial of the SOA in the answer section, else of the one in the authority section.
    pub serial: Option<u32>,
    /// The answer's size in bytes.
    pub size: usize,
    /// From the first sending to the answer, in milliseconds.
    pub round_trip_ms: u64,
}
