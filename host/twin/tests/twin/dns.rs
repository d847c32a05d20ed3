//! DNS through the twin's seams, with messages of the real codec.

use std::net::SocketAddr;

use crate::samakia::{self, deadline, host, twin};
use fabric_twin::TwinFault;
use fabric_wire::seam::Route;
use fabric_wire::{Seams, WireError};
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const VIP: &str = "192.168.11.100:53";

fn question(name: &str, rrtype: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = 4711;
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), rrtype));
    message.set_edns(Edns::new());
    message.to_vec().expect("a message")
}

async fn over_udp(seams: &Seams, to: &str, name: &str, rrtype: RecordType) -> Result<Message, WireError> {
    let to: SocketAddr = to.parse().expect("an address");
    let answer = seams.datagram.exchange(to, &question(name, rrtype), deadline()).await?;
    Ok(Message::from_vec(&answer).expect("a message"))
}

async fn over_tcp(
    seams: &Seams,
    route: &Route,
    to: &str,
    name: &str,
    rrtype: RecordType,
) -> Result<Message, WireError> {
    let mut stream = seams.open(route, to.parse().expect("an address"), deadline()).await?;
    let request = question(name, rrtype);
    stream.write_u16(request.len() as u16).await.expect("room in the buffer");
    stream.write_all(&request).await.expect("room in the buffer");
    let length = stream.read_u16().await.map_err(|_| WireError::Closed)?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.map_err(|_| WireError::Closed)?;
    Ok(Message::from_vec(&answer).expect("a message"))
}

fn values(message: &Message) -> Vec<String> {
    let mut values: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
    values.sort();
    values
}

#[tokio::test]
async fn every_record_of_the_site_is_served_on_the_vip_over_both_transports() {
    let (site, twin) = (samakia::site(), twin());
    let seams = twin.seams();
    for rrset in site.zones.values().flat_map(|zone| &zone.rrsets) {
        let (name, rrtype) = (format!("{}.", rrset.name), rrset.rrtype.as_str().parse().expect("a type"));
        let mut expected = rrset.values.clone();
        expected.sort();
        let udp = over_udp(&seams, VIP, &name, rrtype).await.expect("an answer");
        assert_eq!((values(&udp), udp.metadata.id), (expected.clone(), 4711), "{name}");
        assert!(udp.metadata.authoritative && !udp.metadata.recursion_available, "{name}");
        let tcp = over_tcp(&seams, &Route::Direct, VIP, &name, rrtype).await.expect("an answer");
        assert_eq!(values(&tcp), expected, "{name}");
    }
}

#[tokio::test]
async fn foreign_names_are_resolved_by_the_recursor() {
    let answer = over_udp(&twin().seams(), VIP, "example.com.", RecordType::A).await.expect("an answer");
    assert_eq!(values(&answer), ["198.51.100.10"]);
    assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    let absent =
        over_udp(&twin().seams(), VIP, "nothing.example.com.", RecordType::A).await.expect("an answer");
    assert_eq!(absent.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn absent_names_come_with_the_soa() {
    let seams = twin().seams();
    let absent = over_udp(&seams, VIP, "nope.infra.samakia.net.", RecordType::A).await.expect("an answer");
    assert_eq!(absent.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(absent.authorities.len(), 1);
    let no_data = over_udp(&seams, VIP, "dns.infra.samakia.net.", RecordType::AAAA).await.expect("an answer");
    assert_eq!((no_data.metadata.response_code, no_data.answers.len()), (ResponseCode::NoError, 0));
}

#[tokio::test]
async fn zones_are_transferred_to_the_other_server_only() {
    let seams = twin().seams();
    let site = samakia::site();
    for (through, server) in [("dns-auth-2", "10.10.100.21:53"), ("dns-auth-1", "10.10.100.22:53")] {
        let route = Route::Via(host(&site, through));
        let zone = over_tcp(&seams, &route, server, "infra.samakia.net.", RecordType::AXFR).await;
        let zone = zone.expect("a transfer");
        // Nine records of the site between two SOAs.
        assert_eq!(zone.answers.len(), 11, "{through}");
        let foreign =
            over_tcp(&seams, &route, server, "example.com.", RecordType::A).await.expect("an answer");
        assert_eq!(foreign.metadata.response_code, ResponseCode::Refused);
    }
    let edge = Route::Via(host(&site, "dns-edge-1"));
    let refused = over_tcp(&seams, &edge, "10.10.100.21:53", "internal.", RecordType::AXFR).await;
    assert_eq!(refused.expect("an answer").metadata.response_code, ResponseCode::Refused);
    let through_vip = over_tcp(&seams, &Route::Direct, VIP, "internal.", RecordType::AXFR).await;
    assert_eq!(through_vip.expect("an answer").metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn a_stopped_dnsdist_refuses_and_a_dead_edge_hands_over() {
    let twin = twin();
    let stopped = TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: "dnsdist".into() };
    twin.inject(stopped.clone()).expect("the unit exists");
    let ask = || async { over_udp(&twin.seams(), VIP, "dns.infra.samakia.net.", RecordType::A).await };
    assert_eq!(ask().await.err(), Some(WireError::Refused));
    assert!(twin.heal(&stopped));
    assert!(ask().await.is_ok());
    for fault in [
        TwinFault::HostDown { host: "dns-edge-1".into() },
        TwinFault::HostHung { host: "dns-edge-1".into() },
        TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: "keepalived".into() },
    ] {
        twin.inject(fault.clone()).expect("the host exists");
        assert_eq!(values(&ask().await.expect("the peer answers")), ["192.168.11.100"], "{fault:?}");
        assert!(twin.heal(&fault));
    }
}

#[tokio::test]
async fn a_stopped_recursor_or_a_broken_way_out_ends_recursion_alone() {
    let twin = twin();
    let seams = twin.seams();
    let stopped = TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: "unbound".into() };
    twin.inject(stopped.clone()).expect("the unit exists");
    let foreign = over_udp(&seams, VIP, "example.com.", RecordType::A).await;
    assert_eq!(foreign.err(), Some(WireError::Timeout));
    assert!(over_udp(&seams, VIP, "db.internal.shared.", RecordType::A).await.is_ok());
    twin.heal(&stopped);
    twin.inject(TwinFault::EgressBroken { host: "dns-edge-1".into() }).expect("the host exists");
    let foreign = over_udp(&seams, VIP, "example.com.", RecordType::A).await.expect("an answer");
    assert_eq!(foreign.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_changed_record_and_a_stale_serial_show_on_that_server_alone() {
    let (site, twin) = (samakia::site(), twin());
    let zone = "infra.samakia.net";
    twin.inject(TwinFault::RecordChanged {
        host: "dns-auth-2".into(),
        zone: zone.into(),
        name: "minio.infra.samakia.net".into(),
        rrtype: "A".into(),
        values: vec!["192.168.11.199".into()],
    })
    .expect("the zone exists");
    twin.inject(TwinFault::SerialStale { host: "dns-auth-2".into(), zone: zone.into() }).expect("it exists");
    let seams = twin.seams();
    let edge = Route::Via(host(&site, "dns-edge-1"));
    let mut serials = Vec::new();
    for (server, address) in [("10.10.100.21:53", "192.168.11.101"), ("10.10.100.22:53", "192.168.11.199")] {
        let answer = over_tcp(&seams, &edge, server, "minio.infra.samakia.net.", RecordType::A).await;
        assert_eq!(values(&answer.expect("an answer")), [address]);
        let soa = over_tcp(&seams, &edge, server, "infra.samakia.net.", RecordType::SOA).await;
        serials.push(values(&soa.expect("an answer")));
    }
    assert_ne!(serials.first(), serials.last());
}

#[tokio::test]
async fn garbage_is_garbage() {
    let twin = twin();
    twin.inject(TwinFault::GarbageDns { host: "dns-edge-1".into() }).expect("the host exists");
    let to = VIP.parse().expect("an address");
    let request = question("dns.infra.samakia.net.", RecordType::A);
    let answer = twin.seams().datagram.exchange(to, &request, deadline()).await.expect("bytes");
    assert!(Message::from_vec(&answer).is_err());
}

#[tokio::test]
async fn the_pool_goes_on_without_a_server_that_is_gone_or_answers_rubbish() {
    let name = "dns.infra.samakia.net.";
    for fault in [
        TwinFault::GarbageDns { host: "dns-auth-1".into() },
        TwinFault::HostHung { host: "dns-auth-1".into() },
        TwinFault::DaemonStopped { host: "dns-auth-1".into(), unit: "pdns".into() },
    ] {
        let twin = twin();
        twin.inject(fault.clone()).expect("the host exists");
        let answer = over_udp(&twin.seams(), VIP, name, RecordType::A).await.expect("the other answers");
        assert_eq!(values(&answer), ["192.168.11.100"], "{fault:?}");
        twin.inject(TwinFault::HostDown { host: "dns-auth-2".into() }).expect("the host exists");
        let silent = over_udp(&twin.seams(), VIP, name, RecordType::A).await;
        assert_eq!(silent.err(), Some(WireError::Timeout), "{fault:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_message_gets_formerr_under_its_id() {
    let to = VIP.parse().expect("an address");
    let broken = [0x12, 0x34, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xff];
    let answer = twin().seams().datagram.exchange(to, &broken, deadline()).await.expect("bytes");
    let answer = Message::from_vec(&answer).expect("a message");
    assert_eq!((answer.metadata.id, answer.metadata.response_code), (0x1234, ResponseCode::FormErr));
}
