//! Who reaches whom, and what a failure looks like.

use std::net::SocketAddr;

use fabric_twin::{Twin, TwinFault};
use fabric_wire::seam::Route;
use fabric_wire::ssh::ReadCommand;
use fabric_wire::tcp::{self, State};
use fabric_wire::{BoxStream, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::samakia::{deadline, host, site, twin};

async fn open(twin: &Twin, via: Option<&str>, to: &str) -> Result<BoxStream, WireError> {
    let to: SocketAddr = to.parse().expect("an address");
    let route = via.map_or(Route::Direct, |name| Route::Via(host(&site(), name)));
    twin.seams().open(&route, to, deadline()).await
}

async fn state(twin: &Twin, via: Option<&str>, to: &str) -> Result<State, WireError> {
    let to: SocketAddr = to.parse().expect("an address");
    let route = via.map_or(Route::Direct, |name| Route::Via(host(&site(), name)));
    tcp::connect(&twin.seams(), &route, to, deadline()).await.map(|connected| connected.state)
}

async fn path(twin: &Twin, name: &str) -> Result<Vec<String>, WireError> {
    let output = twin.seams().ssh.read(&host(&site(), name), &ReadCommand::Clock, deadline()).await?;
    Ok(output.path)
}

#[tokio::test]
async fn the_lan_sees_what_the_rulesets_let_in() {
    let twin = twin();
    let unreachable = |outcome: &Result<State, WireError>| matches!(outcome, Err(WireError::Unreachable(_)));
    for (to, expected) in [
        ("192.168.11.111:22", State::Open),
        ("192.168.11.111:53", State::Timeout),
        ("192.168.11.100:53", State::Open),
        ("192.168.11.100:80", State::Timeout),
        ("10.10.100.11:22", State::Open),
        ("10.10.100.12:22", State::Open),
        ("10.10.100.1:53", State::Timeout),
        ("10.10.100.21:22", State::Timeout),
        ("10.10.100.22:53", State::Timeout),
        ("192.168.11.21:8006", State::Open),
        ("192.168.11.21:443", State::Refused),
    ] {
        assert_eq!(state(&twin, None, to).await, Ok(expected), "{to}");
    }
    assert!(unreachable(&state(&twin, None, "198.51.100.10:80").await), "the runner has no way out");
    assert!(unreachable(&state(&twin, None, "192.168.11.77:22").await), "nobody has that address");
}

#[tokio::test]
async fn the_vlan_gets_out_only_while_the_gateway_routes_and_translates() {
    let twin = twin();
    let out = || async { state(&twin, Some("dns-auth-1"), "198.51.100.10:80").await };
    assert_eq!(out().await, Ok(State::Open));
    let subnet = "10.10.140.0/24".parse().expect("a network");
    for fault in [
        TwinFault::ForwardingOff { host: "dns-edge-1".into() },
        TwinFault::MasqueradeSubnet { host: "dns-edge-1".into(), subnet },
        TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: "nftables".into() },
    ] {
        twin.inject(fault.clone()).expect("it exists");
        assert_eq!(out().await, Ok(State::Timeout), "{fault:?}");
        twin.heal(&fault);
    }
    let lost = TwinFault::EgressBroken { host: "dns-auth-1".into() };
    twin.inject(lost.clone()).expect("it exists");
    assert_eq!(out().await, Ok(State::Refused), "sshd tells no route and refused alike");
    twin.heal(&lost);
    // With the gateway on the other edge, the first one's ruleset no longer matters.
    twin.inject(TwinFault::ForwardingOff { host: "dns-edge-1".into() }).expect("it exists");
    twin.inject(TwinFault::VipMoved { vip: "dns-gateway".into(), host: "dns-edge-2".into() })
        .expect("it exists");
    assert_eq!(out().await, Ok(State::Open));
}

#[tokio::test]
async fn broken_isolation_opens_that_node_alone() {
    let twin = twin();
    twin.inject(TwinFault::IsolationBroken { host: "dns-auth-1".into() }).expect("it exists");
    assert_eq!(state(&twin, None, "10.10.100.21:53").await, Ok(State::Open));
    assert_eq!(state(&twin, None, "10.10.100.21:54").await, Ok(State::Refused));
    assert_eq!(state(&twin, None, "10.10.100.22:53").await, Ok(State::Timeout));
}

#[tokio::test]
async fn the_outside_serves_a_page() {
    let mut stream = open(&twin(), Some("dns-auth-2"), "198.51.100.10:80").await.expect("a way out");
    let request = b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("room in the buffer");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("example\n"), "{page}");
}

#[tokio::test]
async fn jump_hosts_are_tried_in_order() {
    let twin = twin();
    assert_eq!(path(&twin, "dns-edge-1").await, Ok(vec![]));
    assert_eq!(path(&twin, "dns-auth-1").await, Ok(vec!["dns-edge-1".into()]));
    for fault in [
        TwinFault::HostDown { host: "dns-edge-1".into() },
        TwinFault::HostHung { host: "dns-edge-1".into() },
        TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: "ssh".into() },
        TwinFault::ForwardingRefused { host: "dns-edge-1".into() },
        TwinFault::NodeOffline { node: "proxmox1".into() },
    ] {
        twin.inject(fault.clone()).expect("it exists");
        assert_eq!(path(&twin, "dns-auth-1").await, Ok(vec!["dns-edge-2".into()]), "{fault:?}");
        assert!(twin.heal(&fault));
    }
    for edge in ["dns-edge-1", "dns-edge-2"] {
        twin.inject(TwinFault::HostDown { host: edge.into() }).expect("it exists");
    }
    let error = path(&twin, "dns-auth-1").await.expect_err("both are down");
    assert!(matches!(&error, WireError::Unreachable(why) if why.contains("dns-edge-2")), "{error}");
}

#[tokio::test]
async fn a_wrong_key_ends_the_attempt_and_names_the_host() {
    for (wrong, asked) in
        [("dns-edge-1", "dns-edge-1"), ("dns-edge-1", "dns-auth-1"), ("dns-auth-1", "dns-auth-1")]
    {
        let twin = twin();
        twin.inject(TwinFault::WrongHostKey { host: wrong.into() }).expect("it exists");
        match path(&twin, asked).await {
            Err(WireError::HostKey { host, .. }) => assert_eq!(host, wrong),
            other => panic!("{asked}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_frozen_host_accepts_and_stays_silent_without_waiting() {
    let twin = twin();
    twin.inject(TwinFault::HostHung { host: "dns-auth-1".into() }).expect("it exists");
    assert_eq!(path(&twin, "dns-auth-1").await, Err(WireError::Timeout));
    let mut stream = open(&twin, Some("dns-auth-2"), "10.10.100.21:53").await.expect("the kernel accepts");
    stream.write_all(b"anything").await.expect("the kernel takes it");
    let error = stream.read_u8().await.expect_err("silence");
    assert_eq!(WireError::from_io(&error), WireError::Timeout);
}

#[tokio::test]
async fn a_host_that_refuses_to_forward_says_so() {
    let twin = twin();
    twin.inject(TwinFault::ForwardingRefused { host: "dns-edge-2".into() }).expect("it exists");
    let refused = Err(WireError::ForwardingRefused { host: "dns-edge-2".into() });
    assert_eq!(state(&twin, Some("dns-edge-2"), "10.10.100.21:53").await, refused);
}

#[tokio::test]
async fn another_account_is_not_let_in() {
    let mut edge = host(&site(), "dns-edge-1");
    edge.user = "root".parse().expect("a name");
    let outcome = twin().seams().ssh.read(&edge, &ReadCommand::Clock, deadline()).await;
    assert!(matches!(outcome, Err(WireError::Authentication(_))), "{outcome:?}");
}

#[test]
fn the_seed_decides_the_randomness() {
    let draw = |seed| {
        let mut bytes = [0; 20];
        Twin::new(&site(), seed).seams().entropy.fill(&mut bytes).expect("randomness");
        bytes
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[tokio::test]
async fn a_deadline_that_is_over_is_a_timeout() {
    let over = fabric_wire::Deadline::after(std::time::Duration::ZERO);
    let twin = twin();
    let edge = host(&site(), "dns-edge-1");
    let seams = twin.seams();
    assert_eq!(seams.ssh.read(&edge, &ReadCommand::Clock, over).await, Err(WireError::Timeout));
    assert_eq!(seams.dial.dial(edge.address, over).await.err(), Some(WireError::Timeout));
    assert_eq!(seams.datagram.exchange(edge.address, b"", over).await, Err(WireError::Timeout));
}
