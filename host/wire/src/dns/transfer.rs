//! A zone transfer (RFC 5936), for comparing what two servers hold.

use std::net::SocketAddr;

use fabric_model::Digest;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record as WireRecord, RecordType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::{Question, internet, rcode, serial};
use super::query::{receive, send};
use super::{DnsName, Record};
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::seam::{Route, Seams};

/// The most records of a zone that are taken. Zones of a site have tens.
pub const RECORD_LIMIT: usize = 10_000;

/// The most bytes of a zone that are taken, over all messages.
pub const TRANSFER_LIMIT: usize = 4 << 20;

/// A whole zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Zone {
    /// The zone's name, lower case, with the final dot.
    pub name: String,
    /// The serial of its SOA.
    pub serial: u32,
    /// Every record once, the SOA included, in canonical order: by name (RFC 4034, 6.1), type number and value.
    pub records: Vec<Record>,
    /// SHA-256 over the records in that order, each written as `name TTL IN type value` and ended by a line feed. Two servers
    /// with equal digests hold the same zone.
    pub digest: Digest,
}

/// Asks `server` for the whole of `zone` over TCP.
///
/// # Errors
/// Those of the seams; [`WireError::Permission`] when the server refuses or does not hold the zone;
/// [`WireError::TooLarge`] and [`WireError::TooMany`] beyond the limits; [`WireError::Garbage`] for anything that is not a zone
/// between two equal SOA records.
pub async fn transfer(
    seams: &Seams,
    route: &Route,
    server: SocketAddr,
    zone: &DnsName,
    deadline: Deadline,
) -> Result<Zone, WireError> {
    let question = Question::transfer(zone, seams.entropy.as_ref())?;
    let exchange = async {
        let mut stream = seams.open(route, server, deadline).await?;
        send(&mut stream, &question.encode()?).await?;
        let mut incoming = Incoming::new(zone);
        while !incoming.is_whole() {
            let bytes = receive(&mut stream).await?;
            incoming.take(question.read(&bytes)?, bytes.len())?;
        }
        incoming.into_zone()
    };
    deadline.bound(exchange).await
}

/// What has come of a zone so far.
struct Incoming<'a> {
    zone: &'a DnsName,
    records: Vec<WireRecord>,
    bytes: usize,
    closed: bool,
}

impl<'a> Incoming<'a> {
    fn new(zone: &'a DnsName) -> Self {
        Self { zone, records: Vec::new(), bytes: 0, closed: false }
    }

    fn is_whole(&self) -> bool {
        self.closed
    }

    fn take(&mut self, message: Message, size: usize) -> Result<(), WireError> {
        self.accept_rcode(message.metadata.response_code)?;
        self.bytes += size;
        if self.bytes > TRANSFER_LIMIT {
            return Err(WireError::TooLarge { limit: TRANSFER_LIMIT });
        }
        if message.answers.is_empty() {
            // Without this, a server could keep the exchange going with messages that hold nothing.
            return garbage("a message of the transfer holds no record");
        }
        for record in message.answers {
            self.push(record)?;
        }
        Ok(())
    }

    fn accept_rcode(&self, code: ResponseCode) -> Result<(), WireError> {
        match code {
            ResponseCode::NoError => Ok(()),
            ResponseCode::Refused | ResponseCode::NotAuth => Err(WireError::Permission(format!(
                "the server answers {} to the transfer of `{}`",
                rcode(code),
                self.zone
            ))),
            other => {
                garbage(&format!("the server answers {} to the transfer of `{}`", rcode(other), self.zone))
            }
        }
    }

    fn push(&mut self, record: WireRecord) -> Result<(), WireError> {
        if self.closed {
            return garbage("records follow the closing SOA");
        }
        if !self.zone.to_wire().zone_of(&record.name) {
            return garbage("a record lies outside the zone");
        }
        let is_apex_soa = record.record_type() == RecordType::SOA && record.name == self.zone.to_wire();
        match self.records.first() {
            None if !is_apex_soa => return garbage("the transfer does not begin with the zone's SOA"),
            Some(opening) if is_apex_soa => {
                // TTLs of the two may differ on the way through a cache-like server; the data may not.
                self.closed = opening.data == record.data;
                return if self.closed {
                    Ok(())
                } else {
                    garbage("the transfer ends with another SOA than it began with")
                };
            }
            _ => self.records.push(record),
        }
        if self.records.len() > RECORD_LIMIT {
            return Err(WireError::TooMany { items: "records", limit: RECORD_LIMIT });
        }
        Ok(())
    }

    fn into_zone(self) -> Result<Zone, WireError> {
        let serial = self.records.first().and_then(serial);
        let serial = serial.ok_or_else(|| WireError::Garbage("the transfer has no SOA".into()))?;
        let mut keyed = Vec::with_capacity(self.records.len());
        for wire in self.records {
            let key = (wire.name.to_lowercase(), u16::from(wire.record_type()));
            keyed.push((key, internet(&wire)?));
        }
        keyed.sort();
        let mut records: Vec<Record> = keyed.into_iter().map(|(_, record)| record).collect();
        records.dedup();
        let lines: String = records.iter().map(line).collect();
        Ok(Zone { name: self.zone.to_string(), serial, records, digest: Digest::of(lines.as_bytes()) })
    }
}

fn line(record: &Record) -> String {
    format!("{} {} IN {} {}\n", record.name, record.ttl, record.rrtype, record.value)
}

fn garbage<T>(what: &str) -> Result<T, WireError> {
    Err(WireError::Garbage(what.to_owned()))
}
