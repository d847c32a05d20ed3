//! Who holds a VIP, and when, after something happened to its holder.

use std::time::Duration;

use fabric_twin::Twin;
use fabric_wire::seam::Route;
use fabric_wire::ssh::{self, ChangeCommand, ReadCommand, Signal};
use fabric_wire::tcp::{self, State};

use crate::changes::{change, load};
use crate::samakia::{deadline, host, site, still_twin};

/// Three adverts and the skew of priority 100, from above, and a little less than it.
const TAKEN_OVER: Duration = Duration::from_millis(3_650);
const NOT_YET: Duration = Duration::from_millis(3_500);

async fn holders(twin: &Twin, vip: &str, interface: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for edge in ["dns-edge-1", "dns-edge-2"] {
        let read = twin.seams().ssh.read(&host(&site(), edge), &ReadCommand::Addresses, deadline()).await;
        let Ok(output) = read else { continue };
        let interfaces = ssh::addresses(&output).expect("interfaces");
        let leg = interfaces.iter().find(|found| found.name == interface).expect("the interface");
        if leg.addresses.iter().any(|address| address.address.to_string() == vip) {
            found.push(edge);
        }
    }
    found
}

async fn lan(twin: &Twin) -> Vec<&'static str> {
    holders(twin, "192.168.11.100", "eth0").await
}

async fn vlan(twin: &Twin) -> Vec<&'static str> {
    holders(twin, "10.10.100.1", "eth1").await
}

async fn served(twin: &Twin) -> State {
    let vip = "192.168.11.100:53".parse().expect("an address");
    tcp::connect(&twin.seams(), &Route::Direct, vip, deadline()).await.expect("an outcome").state
}

fn keepalived() -> fabric_model::Slug {
    "keepalived.service".parse().expect("a name")
}

#[tokio::test]
async fn an_orderly_stop_hands_the_vips_over_at_once_and_a_start_takes_them_back() {
    let twin = still_twin();
    change(&twin, "dns-edge-1", ChangeCommand::UnitStop { unit: keepalived() }, b"").await;
    assert_eq!((lan(&twin).await, vlan(&twin).await), (vec!["dns-edge-2"], vec!["dns-edge-2"]));
    assert_eq!(served(&twin).await, State::Open);
    change(&twin, "dns-edge-1", ChangeCommand::UnitStart { unit: keepalived() }, b"").await;
    assert_eq!(lan(&twin).await, ["dns-edge-2"], "it waits for one advert");
    twin.advance(Duration::from_millis(1_100));
    assert_eq!((lan(&twin).await, vlan(&twin).await), (vec!["dns-edge-1"], vec!["dns-edge-1"]));
}

#[tokio::test]
async fn a_crash_leaves_a_gap_until_the_peer_has_waited_long_enough() {
    let twin = still_twin();
    let kill = ChangeCommand::UnitKill { unit: keepalived(), signal: Signal::Kill };
    change(&twin, "dns-edge-1", kill, b"").await;
    twin.advance(NOT_YET);
    assert!(lan(&twin).await.is_empty());
    assert_eq!(served(&twin).await, State::Timeout);
    twin.advance(TAKEN_OVER - NOT_YET);
    assert_eq!(lan(&twin).await, ["dns-edge-2"]);
    assert_eq!(served(&twin).await, State::Open);
}

#[tokio::test]
async fn a_hung_keepalived_loses_its_vips_and_takes_them_back_when_it_goes_on() {
    let twin = still_twin();
    let signal = |signal| ChangeCommand::UnitKill { unit: keepalived(), signal };
    change(&twin, "dns-edge-1", signal(Signal::Stop), b"").await;
    twin.advance(TAKEN_OVER);
    assert_eq!(lan(&twin).await, ["dns-edge-2"]);
    change(&twin, "dns-edge-1", signal(Signal::Cont), b"").await;
    twin.advance(Duration::from_millis(1_100));
    assert_eq!(lan(&twin).await, ["dns-edge-1"]);
}

#[tokio::test]
async fn a_leg_that_is_down_moves_the_vips_of_that_leg_alone() {
    let twin = still_twin();
    let edge = host(&site(), "dns-edge-1");
    let link = ChangeCommand::LinkSet { interface: "eth0".parse().expect("a name"), up: false };
    let cut = twin.writing().ssh.change(&edge, &link, b"", deadline()).await;
    assert!(cut.is_err(), "the session went over that leg: {cut:?}");
    assert_eq!(served(&twin).await, State::Timeout);
    twin.advance(TAKEN_OVER);
    assert_eq!(served(&twin).await, State::Open);
    assert_eq!(lan(&twin).await, ["dns-edge-2"]);
    assert!(vlan(&twin).await.is_empty(), "the first still has it, and nobody can ask the first");
    let through = Route::Via(host(&site(), "dns-auth-1"));
    let out = "198.51.100.10:80".parse().expect("an address");
    let found = tcp::connect(&twin.seams(), &through, out, deadline()).await.expect("an outcome");
    assert_ne!(found.state, State::Open, "the gateway of the VLAN has no way out");
}

#[tokio::test]
async fn vrrp_that_is_dropped_gives_two_holders_until_it_passes_again() {
    let twin = still_twin();
    let deaf = b"table inet deaf { chain input { type filter hook input priority -10; policy accept; meta l4proto 112 drop; } }\n";
    load(&twin, "dns-edge-2", deaf).await;
    twin.advance(TAKEN_OVER);
    assert_eq!((lan(&twin).await.len(), vlan(&twin).await.len()), (2, 2));
    load(&twin, "dns-edge-2", b"delete table inet deaf\n").await;
    twin.advance(Duration::from_millis(1_100));
    assert_eq!((lan(&twin).await, vlan(&twin).await), (vec!["dns-edge-1"], vec!["dns-edge-1"]));
}

#[tokio::test]
async fn a_daemon_that_its_policy_brings_back_is_back_before_the_peer_notices() {
    let twin = still_twin();
    let unit: fabric_model::Slug = "dnsdist.service".parse().expect("a name");
    let kill = ChangeCommand::UnitKill { unit: unit.clone(), signal: Signal::Kill };
    change(&twin, "dns-edge-1", kill, b"").await;
    assert_eq!(served(&twin).await, State::Refused);
    twin.advance(Duration::from_millis(150));
    assert_eq!(served(&twin).await, State::Open);
    change(&twin, "dns-edge-1", ChangeCommand::UnitKill { unit: keepalived(), signal: Signal::Kill }, b"")
        .await;
    twin.advance(Duration::from_secs(10));
    let show = ReadCommand::UnitShow { unit: keepalived() };
    let output =
        twin.seams().ssh.read(&host(&site(), "dns-edge-1"), &show, deadline()).await.expect("output");
    let state = ssh::unit_state(&output).expect("a state");
    assert_eq!((state.active_state.as_str(), state.sub_state.as_str()), ("failed", "failed"));
}
