//! Answers of a DNS server, as a datagram, over TCP, and to a transfer of a zone.

use fabric_wire::dns::{self, Answer, DnsName, Record, RrType, Transport};
use fabric_wire::seam::Route;

use super::choice;
use crate::outside::{Outside, PEER, deadline, wait};

/// Where the answer comes from by the first byte; the rest is the answer, over TCP with its length in front of each message. An rrset
/// has the asked name and type alone, and its lists are sorted.
pub fn run(bytes: &[u8]) {
    let (way, answer) = choice(bytes);
    let Ok(name) = "www.infra.example".parse::<DnsName>() else { return };
    let seams = Outside::answering(answer);
    match way % 3 {
        0 => hold(wait(dns::query(
            &seams,
            &Route::Direct,
            PEER,
            &name,
            RrType::A,
            Transport::UdpOnce,
            deadline(),
        ))),
        1 => {
            hold(wait(dns::query(&seams, &Route::Direct, PEER, &name, RrType::A, Transport::Tcp, deadline())))
        }
        _ => {
            if let Ok(zone) = wait(dns::transfer(&seams, &Route::Direct, PEER, &name, deadline())) {
                assert!(zone.records.iter().all(sound));
            }
        }
    }
}

fn hold(answer: Result<Answer, fabric_wire::WireError>) {
    let Ok(answer) = answer else { return };
    assert!(answer.rrset.iter().all(|record| record.name == "www.infra.example." && record.rrtype == "A"));
    assert!(answer.rrset.iter().all(|record| answer.answers.contains(record)));
    assert!(answer.answers.is_sorted() && answer.authority.is_sorted());
    assert!(answer.answers.iter().chain(&answer.authority).all(sound));
}

/// What a record is shown as goes into reports: no line end and no escape of a terminal.
fn sound(record: &Record) -> bool {
    let plain = |text: &str| !text.chars().any(char::is_control);
    plain(&record.name) && plain(&record.value) && plain(&record.rrtype)
}
