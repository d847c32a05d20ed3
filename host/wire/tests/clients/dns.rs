//! The DNS client against scripted servers.

use std::time::Duration;

use crate::peers::{Answering, World, peer, seams, soon, via};
use fabric_wire::dns::{self, Answer, DnsName, RrType, Transport};
use fabric_wire::seam::Route;
use fabric_wire::{Deadline, WireError};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

fn zone() -> DnsName {
    "infra.example".parse().expect("a name")
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

fn a(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A::new(10, 0, 0, last)))
}

fn soa(serial: u32) -> Record {
    let data = SOA::new(name("a.invalid"), name("b.invalid"), serial, 10_800, 3_600, 604_800, 3_600);
    Record::from_rdata(name("infra.example"), 60, RData::SOA(data))
}

/// The answer to a question as an honest server would begin it.
fn reply(request: &[u8]) -> Message {
    let question = Message::from_vec(request).expect("a question");
    let mut message = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.recursion_desired = question.metadata.recursion_desired;
    message.metadata.authoritative = true;
    message.add_queries(question.queries);
    message
}

fn with_answers(request: &[u8], answers: Vec<Record>) -> Vec<u8> {
    let mut message = reply(request);
    message.add_answers(answers);
    message.to_vec().expect("encodable")
}

fn now<F>(answer: F) -> Answering
where
    F: FnOnce(&[u8]) -> Vec<u8> + Send + 'static,
{
    Box::new(move |request| Some((Duration::ZERO, Ok(answer(request)))))
}

fn silence() -> Answering {
    Box::new(|_| None)
}

async fn ask(world: &std::sync::Arc<World>) -> Result<Answer, WireError> {
    let host = "www.infra.example".parse().expect("a name");
    dns::query(&seams(world), &Route::Direct, peer(), &host, RrType::A, Transport::Udp, soon()).await
}

#[tokio::test(start_paused = true)]
async fn the_rrset_holds_the_asked_name_and_type_alone() {
    let world = World::of_datagrams(vec![now(|request| {
        let alias = RData::CNAME(CNAME(name("www.infra.example")));
        let alias = Record::from_rdata(name("x.infra.example"), 60, alias);
        with_answers(
            request,
            vec![a("WWW.infra.example", 2), alias, a("other.example", 9), a("www.infra.example", 1)],
        )
    })]);
    let answer = ask(&world).await.expect("an answer");
    let values: Vec<(&str, &str)> =
        answer.rrset.iter().map(|r| (r.name.as_str(), r.value.as_str())).collect();
    assert_eq!(values, [("www.infra.example.", "10.0.0.1"), ("www.infra.example.", "10.0.0.2")]);
    assert_eq!(answer.answers.len(), 4);
    assert_eq!((answer.rcode.as_str(), answer.serial), ("NOERROR", None));
    assert!(answer.flags.aa && answer.flags.rd && !answer.flags.tc);
}

#[tokio::test(start_paused = true)]
async fn a_negative_answer_carries_the_soa() {
    let world = World::of_datagrams(vec![now(|request| {
        let mut message = reply(request);
        message.metadata.response_code = ResponseCode::NXDomain;
        message.add_authority(soa(7));
        message.to_vec().expect("encodable")
    })]);
    let answer = ask(&world).await.expect("an answer");
    assert_eq!((answer.rcode.as_str(), answer.serial), ("NXDOMAIN", Some(7)));
    assert_eq!(
        answer.authority.first().map(|record| record.value.as_str()),
        Some("a.invalid. b.invalid. 7 10800 3600 604800 3600")
    );
    assert!(answer.rrset.is_empty());
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_answer_something_else_are_passed_over() {
    let wrong_id = |request: &[u8]| {
        let mut message = reply(request);
        message.metadata.id ^= 1;
        message.to_vec().expect("encodable")
    };
    let wrong_name = |request: &[u8]| {
        let mut message = reply(request);
        message.queries.iter_mut().for_each(|query| query.name = name("evil.example"));
        message.to_vec().expect("encodable")
    };
    let right = |request: &[u8]| with_answers(request, vec![a("www.infra.example", 1)]);
    let world = World::of_datagrams(vec![now(wrong_id), now(wrong_name), now(right)]);
    assert_eq!(ask(&world).await.expect("the third is right").rrset.len(), 1);
    let world = World::of_datagrams(vec![now(wrong_id), silence(), silence()]);
    assert!(matches!(ask(&world).await, Err(WireError::Garbage(text)) if text.contains("another id")));
    let echo = |request: &[u8]| request.to_vec();
    let world = World::of_datagrams(vec![now(echo), now(echo), now(echo)]);
    assert!(matches!(ask(&world).await, Err(WireError::Garbage(text)) if text.contains("no answer")));
    let trailing = |request: &[u8]| [reply(request).to_vec().expect("encodable"), vec![0]].concat();
    let world = World::of_datagrams(vec![now(trailing)]);
    assert!(matches!(ask(&world).await, Err(WireError::Garbage(text)) if text.contains("behind the end")));
}

#[tokio::test(start_paused = true)]
async fn a_lost_datagram_is_sent_again_and_a_late_answer_still_counts() {
    let right = |request: &[u8]| with_answers(request, vec![a("www.infra.example", 1)]);
    let world = World::of_datagrams(vec![silence(), now(right)]);
    assert!(ask(&world).await.is_ok());
    assert_eq!(world.sent(), 2);
    let late = Box::new(move |request: &[u8]| Some((Duration::from_secs(8), Ok(right(request)))));
    let world = World::of_datagrams(vec![late]);
    let answer = ask(&world).await.expect("the first sending is answered late");
    assert_eq!(world.sent(), 3);
    assert_eq!(answer.round_trip_ms, 8_000);
}

#[tokio::test(start_paused = true)]
async fn silence_and_refusal_are_told_apart() {
    let world = World::of_datagrams(vec![]);
    assert_eq!(ask(&world).await, Err(WireError::Timeout));
    let refused = Box::new(|_: &[u8]| Some((Duration::ZERO, Err(WireError::Refused))));
    let world = World::of_datagrams(vec![refused]);
    assert_eq!(ask(&world).await, Err(WireError::Refused));
    assert_eq!(world.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_is_reported_and_not_asked_again_over_tcp() {
    let world = World::of_datagrams(vec![now(|request| {
        let mut message = reply(request);
        message.metadata.truncation = true;
        message.to_vec().expect("encodable")
    })]);
    assert!(ask(&world).await.expect("an answer").flags.tc);
    assert_eq!((world.sent(), world.dialled()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn through_a_host_tcp_goes_and_udp_does_not() {
    let world = World::of_streams(|_, mut stream| async move {
        let request = receive(&mut stream).await;
        send(&mut stream, &with_answers(&request, vec![a("infra.example", 1)])).await;
    });
    let ask = async |transport| {
        dns::query(&seams(&world), &via(), peer(), &zone(), RrType::A, transport, soon()).await
    };
    let error = ask(Transport::Udp).await.expect_err("SSH carries no UDP");
    assert!(error.to_string().contains("UDP cannot be forwarded"), "{error}");
    assert_eq!((world.sent(), world.forwarded()), (0, 0));
    assert_eq!(ask(Transport::Tcp).await.expect("an answer").rrset.len(), 1);
    assert_eq!((world.dialled(), world.forwarded()), (0, 1));
}

async fn receive(stream: &mut DuplexStream) -> Vec<u8> {
    let length = stream.read_u16().await.expect("a length");
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await.expect("a message");
    message
}

async fn send(stream: &mut DuplexStream, message: &[u8]) {
    let length = u16::try_from(message.len()).expect("short");
    // The client may have hung up already; that is what some tests are about.
    let _ = stream.write_all(&[&length.to_be_bytes(), message].concat()).await;
}

/// A server that answers a transfer with these messages, each a list of records, and then hangs.
async fn transfer(messages: Vec<Vec<Record>>) -> Result<dns::Zone, WireError> {
    let world = World::of_streams(move |_, mut stream| {
        let messages = messages.clone();
        async move {
            let request = receive(&mut stream).await;
            for records in messages {
                send(&mut stream, &with_answers(&request, records)).await;
            }
            std::future::pending::<()>().await;
        }
    });
    dns::transfer(&seams(&world), &Route::Direct, peer(), &zone(), soon()).await
}

#[tokio::test(start_paused = true)]
async fn equal_zones_have_equal_digests_however_they_are_sent() {
    let (x, y) = (a("x.infra.example", 1), a("Y.infra.example", 2));
    let one = transfer(vec![vec![soa(7), x.clone(), y.clone(), soa(7)]]).await.expect("a zone");
    let two =
        transfer(vec![vec![soa(7)], vec![y, x.clone()], vec![x.clone(), soa(7)]]).await.expect("a zone");
    assert_eq!(one, two);
    assert_eq!(one.serial, 7);
    let names: Vec<&str> = one.records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["infra.example.", "x.infra.example.", "y.infra.example."]);
    let changed = transfer(vec![vec![soa(7), x, a("y.infra.example", 3), soa(7)]]).await.expect("a zone");
    assert_ne!(one.digest, changed.digest);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_zone_between_two_equal_soas_is_garbage() {
    let x = a("x.infra.example", 1);
    for (messages, why) in [
        (vec![vec![x.clone(), soa(7)]], "does not begin"),
        (vec![vec![soa(7), x.clone(), soa(8)]], "another SOA"),
        (vec![vec![soa(7), soa(7), x.clone()]], "follow the closing SOA"),
        (vec![vec![soa(7), a("x.other.example", 1), soa(7)]], "outside the zone"),
        (vec![vec![soa(7)], vec![]], "no record"),
    ] {
        let error = transfer(messages).await.expect_err(why);
        assert!(matches!(&error, WireError::Garbage(text) if text.contains(why)), "{error}");
    }
    assert_eq!(transfer(vec![vec![soa(7), x]]).await, Err(WireError::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_end_is_cut_off() {
    let mut messages = vec![vec![soa(7)]];
    messages.extend(vec![vec![a("x.infra.example", 1); 1_000]; 10]);
    let error = transfer(messages).await.expect_err("too many records");
    assert_eq!(error, WireError::TooMany { items: "records", limit: dns::RECORD_LIMIT });
    let wide = hickory_proto::rr::rdata::TXT::from_bytes(vec![&[b'x'; 255]; 240]);
    let wide = Record::from_rdata(name("x.infra.example"), 60, RData::TXT(wide));
    let mut messages = vec![vec![soa(7)]];
    messages.extend(vec![vec![wide]; 80]);
    assert_eq!(transfer(messages).await, Err(WireError::TooLarge { limit: dns::TRANSFER_LIMIT }));
}

#[tokio::test(start_paused = true)]
async fn a_refused_transfer_is_a_missing_right() {
    for (code, word) in [(ResponseCode::Refused, "REFUSED"), (ResponseCode::NotAuth, "NOTAUTH")] {
        let world = World::of_streams(move |_, mut stream| async move {
            let mut message = reply(&receive(&mut stream).await);
            message.metadata.response_code = code;
            send(&mut stream, &message.to_vec().expect("encodable")).await;
        });
        let result = dns::transfer(&seams(&world), &Route::Direct, peer(), &zone(), soon()).await;
        assert!(matches!(result, Err(WireError::Permission(text)) if text.contains(word)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_is_closed_and_one_that_hangs_times_out() {
    let ask = async |world| {
        let tcp = Transport::Tcp;
        dns::query(&seams(&world), &Route::Direct, peer(), &zone(), RrType::SOA, tcp, soon()).await
    };
    let cut = World::of_streams(|_, mut stream| async move {
        receive(&mut stream).await;
        let _ = stream.write_all(&[0, 100, 1, 2, 3]).await;
    });
    assert_eq!(ask(cut).await, Err(WireError::Closed));
    let slow = World::of_streams(|_, mut stream| async move {
        let request = receive(&mut stream).await;
        let message = with_answers(&request, vec![soa(7)]);
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        for byte in length.into_iter().chain(message) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = stream.write_all(&[byte]).await;
        }
    });
    assert_eq!(ask(slow).await, Err(WireError::Timeout));
}

fn answer_of(bytes: Vec<u8>) -> Result<Answer, WireError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let world = World::of_datagrams(vec![now(move |_| bytes)]);
        let host = "www.infra.example".parse().expect("a name");
        let deadline = Deadline::after(Duration::from_secs(1));
        dns::query(&seams(&world), &Route::Direct, peer(), &host, RrType::A, Transport::Udp, deadline).await
    })
}

proptest! {
    #[test]
    fn no_datagram_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = answer_of(bytes);
    }

    #[test]
    fn no_damaged_answer_panics(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut message = Message::new(0x5a5a, MessageType::Response, OpCode::Query);
        let question = hickory_proto::op::Query::query(name("www.infra.example"), hickory_proto::rr::RecordType::A);
        message.add_query(question);
        message.add_answers([a("www.infra.example", 1), soa(7)]);
        let mut bytes = message.to_vec().expect("encodable");
        prop_assert!(answer_of(bytes.clone()).is_ok());
        let place = place.index(bytes.len());
        if let Some(slot) = bytes.get_mut(place) {
            *slot = byte;
        }
        let _ = answer_of(bytes);
    }
}
