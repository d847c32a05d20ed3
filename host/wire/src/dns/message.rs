//! Messages: the question that is asked, and what may count as its answer.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record as WireRecord, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::{Answer, DnsName, Flags, Record, RrType, present};
use crate::error::WireError;
use crate::seam::Entropy;

/// The largest UDP answer that is asked for, in bytes: it crosses every path unfragmented (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// A question with its id.
pub(super) struct Question {
    id: u16,
    query: Query,
}

impl Question {
    /// A question for data.
    pub(super) fn data(name: &DnsName, rrtype: RrType, entropy: &dyn Entropy) -> Result<Self, WireError> {
        Self::new(name, rrtype.wire(), entropy)
    }

    /// A question for a whole zone (RFC 5936).
    pub(super) fn transfer(zone: &DnsName, entropy: &dyn Entropy) -> Result<Self, WireError> {
        Self::new(zone, RecordType::AXFR, entropy)
    }

    fn new(name: &DnsName, rrtype: RecordType, entropy: &dyn Entropy) -> Result<Self, WireError> {
        // The id is the only thing that an off-path attacker must guess beside the port.
        let mut id = [0; 2];
        entropy.fill(&mut id)?;
        Ok(Self { id: u16::from_be_bytes(id), query: Query::query(name.to_wire(), rrtype) })
    }

    /// The question's bytes. A zone transfer desires no recursion and carries no EDNS.
    pub(super) fn encode(&self) -> Result<Vec<u8>, WireError> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.add_query(self.query.clone());
        if self.query.query_type() != RecordType::AXFR {
            message.metadata.recursion_desired = true;
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD);
            message.set_edns(edns);
        }
        message.to_vec().map_err(|e| WireError::Garbage(format!("the question cannot be written: {e}")))
    }

    /// Reads a message that answers this question.
    ///
    /// # Errors
    /// [`WireError::Garbage`] for bytes that are no message, or a message that answers something else.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Message, WireError> {
        let mut decoder = BinDecoder::new(bytes);
        let message = Message::read(&mut decoder).map_err(|e| WireError::Garbage(e.to_string()))?;
        let wrong = |what: &str| Err(WireError::Garbage(what.to_owned()));
        if !decoder.is_empty() {
            return wrong("there are bytes behind the end of the message");
        }
        if message.metadata.id != self.id {
            return wrong("the message has another id than the question");
        }
        if message.metadata.message_type != MessageType::Response || message.metadata.op_code != OpCode::Query
        {
            return wrong("the message is no answer to a query");
        }
        if !self.is_repeated_in(&message) {
            return wrong("the message answers another question");
        }
        Ok(message)
    }

    fn is_repeated_in(&self, message: &Message) -> bool {
        match message.queries.as_slice() {
            // Names compare without regard to case, as RFC 4343 has it.
            [query] => {
                query.name() == self.query.name()
                    && query.query_type() == self.query.query_type()
                    && query.query_class() == DNSClass::IN
            }
            // Servers that could not read the question cannot repeat it, and the later messages of a transfer need not.
            [] => {
                matches!(message.metadata.response_code, ResponseCode::FormErr | ResponseCode::NotImp)
                    || self.query.query_type() == RecordType::AXFR
            }
            _ => false,
        }
    }

    /// What a message that [`Self::read`] let through says.
    pub(super) fn answer(
        &self,
        message: &Message,
        size: usize,
        round_trip_ms: u64,
    ) -> Result<Answer, WireError> {
        let asked = |record: &&WireRecord| {
            &record.name == self.query.name() && record.record_type() == self.query.query_type()
        };
        let rrset: Vec<WireRecord> = message.answers.iter().filter(asked).cloned().collect();
        let header = &message.metadata;
        Ok(Answer {
            rcode: rcode(header.response_code),
            flags: Flags {
                aa: header.authoritative,
                tc: header.truncation,
                rd: header.recursion_desired,
                ra: header.recursion_available,
                ad: header.authentic_data,
            },
            rrset: sorted(&rrset)?,
            answers: sorted(&message.answers)?,
            authority: sorted(&message.authorities)?,
            serial: message.answers.iter().chain(&message.authorities).find_map(serial),
            size,
            round_trip_ms,
        })
    }
}

/// The serial, where the record is an SOA.
pub(super) fn serial(record: &WireRecord) -> Option<u32> {
    match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    }
}

/// The record as text.
///
/// # Errors
/// [`WireError::Garbage`] when it is not of the class IN.
pub(super) fn internet(record: &WireRecord) -> Result<Record, WireError> {
    if record.dns_class == DNSClass::IN {
        present::record(record)
    } else {
        Err(WireError::Garbage(format!("a record of the class {}", record.dns_class)))
    }
}

fn sorted(records: &[WireRecord]) -> Result<Vec<Record>, WireError> {
    let mut records = records.iter().map(internet).collect::<Result<Vec<_>, _>>()?;
    records.sort();
    Ok(records)
}

/// The names of the IANA registry; 16 is BADVERS, since an answer without TSIG cannot be BADSIG.
pub(super) fn rcode(code: ResponseCode) -> String {
    let number = u16::from(code);
    let name = match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        _ => return format!("RCODE{number}"),
    };
    name.to_owned()
}
