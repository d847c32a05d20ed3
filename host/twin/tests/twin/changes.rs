//! What changing commands do to the model, and what they leave of it.

use std::time::Duration;

use fabric_model::RemotePath;
use fabric_twin::{Hold, Moment, Operations, Twin, TwinFault};
use fabric_wire::WireError;
use fabric_wire::nft;
use fabric_wire::seam::Route;
use fabric_wire::ssh::{ChangeCommand, CommandOutput, ReadCommand, Restore};
use fabric_wire::tcp::{self, State};

use crate::samakia::{deadline, host, site, still_twin};

/// A change that must end well.
pub(crate) async fn change(twin: &Twin, name: &str, command: ChangeCommand, input: &[u8]) {
    let output = tried(twin, name, command, input).await.expect("an output");
    assert_eq!(output.status, 0, "{}", String::from_utf8_lossy(&output.stderr));
}

/// A ruleset that is staged and loaded, which must end well.
pub(crate) async fn load(twin: &Twin, name: &str, ruleset: &[u8]) {
    let path: RemotePath = "/run/fabric-test.new.nft".parse().expect("a path");
    let root = || "root".parse().expect("a name");
    let stage = ChangeCommand::FileStage { path: path.clone(), owner: root(), group: root(), mode: 0o600 };
    change(twin, name, stage, ruleset).await;
    change(twin, name, ChangeCommand::NftCheck { path: path.clone() }, b"").await;
    change(twin, name, ChangeCommand::NftLoad { path }, b"").await;
}

async fn tried(
    twin: &Twin,
    name: &str,
    command: ChangeCommand,
    input: &[u8],
) -> Result<CommandOutput, WireError> {
    twin.writing().ssh.change(&host(&site(), name), &command, input, deadline()).await
}

async fn sysctl(twin: &Twin, name: &str) -> String {
    let read = ReadCommand::Sysctl { key: "net.ipv4.ip_forward".parse().expect("a key") };
    let output = twin.seams().ssh.read(&host(&site(), name), &read, deadline()).await.expect("an output");
    String::from_utf8(output.stdout).expect("text")
}

fn set(value: &str) -> ChangeCommand {
    let key = "net.ipv4.ip_forward".parse().expect("a key");
    ChangeCommand::SysctlSet { key, value: value.parse().expect("a word") }
}

#[tokio::test]
async fn changes_outlive_faults_that_come_and_go() {
    let twin = still_twin();
    change(&twin, "dns-edge-1", set("0"), b"").await;
    let fault = TwinFault::SysctlValue {
        host: "dns-edge-2".into(),
        key: "net.ipv4.ip_forward".into(),
        value: "0".into(),
    };
    twin.inject(fault.clone()).expect("it exists");
    assert_eq!(
        (sysctl(&twin, "dns-edge-1").await, sysctl(&twin, "dns-edge-2").await),
        ("0\n".into(), "0\n".into())
    );
    twin.heal(&fault);
    assert_eq!(
        (sysctl(&twin, "dns-edge-1").await, sysctl(&twin, "dns-edge-2").await),
        ("0\n".into(), "1\n".into())
    );
    let made = twin.changes();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].target.as_str(), made[0].status), ("dns-edge-1", 0));
}

#[tokio::test]
async fn what_was_refused_does_not_happen_when_its_reason_goes() {
    let twin = still_twin();
    let fault = TwinFault::SudoRefused { host: "dns-edge-1".into() };
    twin.inject(fault.clone()).expect("it exists");
    assert_eq!(tried(&twin, "dns-edge-1", set("0"), b"").await.expect("an output").status, 1);
    twin.heal(&fault);
    assert_eq!(sysctl(&twin, "dns-edge-1").await, "1\n");
}

#[tokio::test]
async fn a_lockout_cuts_new_connections_and_the_timer_takes_it_back_while_nobody_asks() {
    let twin = still_twin();
    let (seams, edge) = (twin.seams(), host(&site(), "dns-edge-1"));
    let read = seams.ssh.read(&edge, &ReadCommand::NftText, deadline()).await.expect("an output");
    let old = [b"flush ruleset\n".as_slice(), &read.stdout].concat();
    let path: RemotePath = "/run/fabric-old.nft".parse().expect("a path");
    let root = || "root".parse().expect("a name");
    let stage = ChangeCommand::FileStage { path: path.clone(), owner: root(), group: root(), mode: 0o600 };
    change(&twin, "dns-edge-1", stage, &old).await;
    let timer = "fabric-lockout".parse().expect("a name");
    let arm = ChangeCommand::TimerArm { timer, seconds: 30, restore: Restore::NftLoad { path } };
    change(&twin, "dns-edge-1", arm, b"").await;
    let lockout = b"flush ruleset\ntable inet filter { chain input { type filter hook input priority 0; policy drop;\nct state established accept\n } }\n";
    load(&twin, "dns-edge-1", lockout).await;
    let asked = async || seams.ssh.read(&edge, &ReadCommand::Clock, deadline()).await;
    assert!(asked().await.is_ok(), "the session that stands goes on");
    twin.writing().ssh.forget(&edge).await.expect("nothing to go wrong");
    assert_eq!(asked().await, Err(WireError::Timeout), "a new one does not begin");
    twin.advance(Duration::from_secs(29));
    assert_eq!(asked().await.map(drop), Err(WireError::Timeout));
    twin.advance(Duration::from_secs(2));
    assert!(asked().await.is_ok());
    let after = seams.ssh.read(&edge, &ReadCommand::NftText, deadline()).await.expect("an output");
    assert_eq!(after.stdout, read.stdout);
}

#[tokio::test]
async fn a_held_change_is_made_or_not_as_the_moment_says() {
    for (moment, expected) in [(Moment::After, "0\n"), (Moment::Before, "1\n")] {
        let twin = still_twin();
        twin.hold(Hold { nth: 1, among: Operations::Changes, moment });
        assert_eq!(sysctl(&twin, "dns-edge-1").await, "1\n", "reading is no change");
        let changing = tokio::spawn({
            let twin = twin.clone();
            async move { tried(&twin, "dns-edge-1", set("0"), b"").await }
        });
        twin.held().await;
        assert_eq!(sysctl(&twin, "dns-edge-1").await, expected, "{moment:?}");
        // The caller is gone.
        changing.abort();
        assert!(changing.await.expect_err("it was aborted").is_cancelled());
        twin.release();
        assert_eq!(sysctl(&twin, "dns-edge-1").await, expected, "{moment:?}");
        assert_eq!(twin.operations(Operations::Changes), 1);
    }
}

#[tokio::test]
async fn a_network_that_is_refused_is_unreachable_for_every_operation() {
    let twin = still_twin();
    twin.refuse_network(true);
    let cut = tried(&twin, "dns-edge-1", set("0"), b"").await;
    assert!(matches!(cut, Err(WireError::Unreachable(_))), "{cut:?}");
    twin.refuse_network(false);
    assert_eq!(sysctl(&twin, "dns-edge-1").await, "1\n");
}

#[tokio::test]
async fn what_the_renderer_writes_is_loaded_and_filters_as_it_says() {
    let inbound = serde_json::from_value(serde_json::json!({
        "control": ["192.168.11.0/24"], "ssh_port": 22, "vrrp_peers": ["192.168.11.111", "192.168.11.112"],
        "services": [{"protocol": "tcp", "ports": [53], "at": "192.168.11.100"}],
    }));
    let way_out = serde_json::from_value(serde_json::json!({
        "subnet": "10.10.100.0/24", "inside": "eth1", "outside": "eth0",
    }));
    let ruleset = nft::profile::edge(&inbound.expect("a profile"), &way_out.expect("a way out"));
    let script = nft::script(&ruleset.expect("a ruleset"));
    let twin = still_twin();
    load(&twin, "dns-edge-1", script.as_bytes()).await;
    for (to, expected) in [
        ("192.168.11.111:22", State::Open),
        ("192.168.11.100:53", State::Open),
        ("192.168.11.111:80", State::Timeout),
    ] {
        let to = to.parse().expect("an address");
        let found = tcp::connect(&twin.seams(), &Route::Direct, to, deadline()).await.expect("an outcome");
        assert_eq!(found.state, expected, "{to}");
    }
}
