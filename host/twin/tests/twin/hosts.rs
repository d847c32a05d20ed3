//! Facts of hosts, as the real parsers read what the twin's programs print.

use fabric_twin::{Twin, TwinFault};
use fabric_wire::WireError;
use fabric_wire::ssh::{self, CommandOutput, ReadCommand};

use crate::samakia::{deadline, host, site, twin};

async fn read(twin: &Twin, name: &str, command: ReadCommand) -> Result<CommandOutput, WireError> {
    twin.seams().ssh.read(&host(&site(), name), &command, deadline()).await
}

async fn addresses(twin: &Twin, name: &str, interface: &str) -> Vec<String> {
    let output = read(twin, name, ReadCommand::Addresses).await.expect("an output");
    let interfaces = ssh::addresses(&output).expect("interfaces");
    let found = interfaces.iter().find(|found| found.name == interface).expect("the interface");
    found.addresses.iter().map(|address| address.address.to_string()).collect()
}

async fn unit(twin: &Twin, name: &str, unit: &str) -> ssh::UnitState {
    let command = ReadCommand::UnitShow { unit: unit.parse().expect("a name") };
    ssh::unit_state(&read(twin, name, command).await.expect("an output")).expect("a state")
}

#[tokio::test]
async fn every_unit_and_parameter_of_the_site_is_as_the_site_says() {
    let (site, twin) = (site(), twin());
    for (name, host) in &site.hosts {
        if host.interfaces.iter().all(|nic| nic.address.is_none()) {
            continue;
        }
        for (declared, expected) in &host.units {
            let state = unit(&twin, name.as_str(), declared.as_str()).await;
            assert_eq!(state.id, format!("{declared}.service"));
            assert_eq!((state.load_state.as_str(), state.active_state.as_str()), ("loaded", "active"));
            assert_eq!(state.sub_state, expected.sub_state.as_str(), "{name} {declared}");
            let restart = expected.restart.as_ref().map_or("no", |policy| policy.as_str());
            assert_eq!(state.restart.as_deref(), Some(restart), "{name} {declared}");
        }
        for (key, value) in &host.sysctl {
            let output = read(&twin, name.as_str(), ReadCommand::Sysctl { key: key.clone() }).await;
            assert_eq!(ssh::sysctl(&output.expect("an output")).as_ref(), Ok(value), "{name} {key}");
        }
    }
}

#[tokio::test]
async fn a_stopped_or_disabled_unit_shows() {
    let twin = twin();
    let (host, name) = ("dns-edge-1".to_owned(), "dnsdist.service".to_owned());
    twin.inject(TwinFault::DaemonStopped { host: host.clone(), unit: name.clone() }).expect("it exists");
    let state = unit(&twin, "dns-edge-1", "dnsdist").await;
    assert_eq!((state.active_state.as_str(), state.sub_state.as_str()), ("inactive", "dead"));
    assert_eq!(state.unit_file_state.as_deref(), Some("enabled"));
    twin.inject(TwinFault::UnitDisabled { host, unit: name }).expect("it exists");
    let state = unit(&twin, "dns-edge-1", "dnsdist").await;
    assert_eq!(state.unit_file_state.as_deref(), Some("disabled"));
    let sockets = read(&twin, "dns-edge-1", ReadCommand::Sockets).await.expect("an output");
    assert!(ssh::sockets(&sockets).expect("tables").iter().all(|socket| socket.port != 53));
}

#[tokio::test]
async fn vips_are_on_the_strongest_live_member_unless_a_fault_says_otherwise() {
    let twin = twin();
    assert_eq!(
        addresses(&twin, "dns-edge-1", "eth0").await,
        ["192.168.11.111", "192.168.11.100", "fe80::be24:11ff:fead:49a1"]
    );
    assert_eq!(addresses(&twin, "dns-edge-2", "eth1").await, ["10.10.100.12", "fe80::be24:11ff:fead:49b2"]);
    let moved = TwinFault::VipMoved { vip: "dns-gateway".into(), host: "dns-edge-2".into() };
    twin.inject(moved.clone()).expect("it exists");
    assert!(addresses(&twin, "dns-edge-2", "eth1").await.contains(&"10.10.100.1".to_owned()));
    assert!(!addresses(&twin, "dns-edge-1", "eth1").await.contains(&"10.10.100.1".to_owned()));
    assert!(addresses(&twin, "dns-edge-1", "eth0").await.contains(&"192.168.11.100".to_owned()));
    twin.heal(&moved);
    twin.inject(TwinFault::SecondVipHolder { vip: "dns".into() }).expect("it exists");
    for edge in ["dns-edge-1", "dns-edge-2"] {
        assert!(addresses(&twin, edge, "eth0").await.contains(&"192.168.11.100".to_owned()), "{edge}");
    }
    assert!(!addresses(&twin, "dns-edge-2", "eth1").await.contains(&"10.10.100.1".to_owned()));
}

#[tokio::test]
async fn the_masquerade_rule_is_the_subnet_out_of_the_lan_leg() {
    let twin = twin();
    let conditions = |output: CommandOutput| {
        let ruleset = ssh::nft_ruleset(&output).expect("a ruleset");
        let rules = ruleset.rules.into_iter().filter(|rule| rule.hook.as_deref() == Some("postrouting"));
        let rules: Vec<_> = rules.collect();
        assert_eq!(rules.len(), 1);
        let rule = rules.into_iter().next().expect("one rule");
        assert_eq!((rule.chain_type.as_deref(), rule.other.len()), (Some("nat"), 0));
        assert_eq!(rule.statements.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["masquerade"]);
        rule.matches
            .into_iter()
            .map(|m| format!("{} {} {}", m.left, m.op, m.right.join(",")))
            .collect::<Vec<_>>()
    };
    let output = read(&twin, "dns-edge-1", ReadCommand::NftRuleset).await.expect("an output");
    assert_eq!(conditions(output), ["oifname == eth0", "ip saddr == 10.10.100.0/24"]);
    let subnet = "10.10.140.0/24".parse().expect("a network");
    twin.inject(TwinFault::MasqueradeSubnet { host: "dns-edge-1".into(), subnet }).expect("it exists");
    let output = read(&twin, "dns-edge-1", ReadCommand::NftRuleset).await.expect("an output");
    assert_eq!(conditions(output), ["oifname == eth0", "ip saddr == 10.10.140.0/24"]);
}

#[tokio::test]
async fn dns_listens_on_the_vip_on_edges_and_on_the_own_address_behind_them() {
    let twin = twin();
    for (name, address) in [("dns-edge-2", "192.168.11.100"), ("dns-auth-1", "10.10.100.21")] {
        let output = read(&twin, name, ReadCommand::Sockets).await.expect("an output");
        let sockets = ssh::sockets(&output).expect("tables");
        let dns: Vec<String> = sockets
            .iter()
            .filter(|socket| socket.port == 53)
            .map(|socket| format!("{:?} {}", socket.protocol, socket.address))
            .collect();
        assert_eq!(dns, [format!("Tcp {address}"), format!("Udp {address}")], "{name}");
    }
}

#[tokio::test]
async fn what_is_not_installed_is_not_found() {
    // The argv is what counts: the twin runs no program that the real hosts lack.
    let twin = twin();
    let key = "net.ipv4.no_such".parse().expect("a name");
    let output = read(&twin, "dns-edge-1", ReadCommand::Sysctl { key }).await.expect("an output");
    assert_eq!(output.status, 1);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "sysctl: cannot stat /proc/sys/net/ipv4/no_such: No such file or directory\n"
    );
}

#[tokio::test]
async fn ssh_policy_faults_show_in_the_probe() {
    let twin = twin();
    let edge = host(&site(), "dns-edge-1");
    let probe = |user: &'static str| {
        let (twin, edge) = (&twin, &edge);
        async move {
            let seams = twin.seams();
            seams.ssh.probe_authentication(edge, user, deadline()).await.expect("an outcome")
        }
    };
    assert!(!probe("root").await.accepted);
    assert!(!probe("nobody").await.accepted);
    twin.inject(TwinFault::RootLoginOpen { host: "dns-edge-1".into() }).expect("it exists");
    assert!(probe("root").await.accepted);
    twin.inject(TwinFault::PasswordOffered { host: "dns-edge-1".into() }).expect("it exists");
    assert_eq!(probe("samakia").await.methods, ["publickey", "password"]);
}

fn record(name: &str, values: &[&str]) -> TwinFault {
    TwinFault::RecordChanged {
        host: "dns-auth-2".into(),
        zone: "internal".into(),
        name: name.into(),
        rrtype: "A".into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

#[test]
fn a_fault_about_nothing_is_refused() {
    let twin = twin();
    let unknown = || "nobody".to_owned();
    for fault in [
        TwinFault::HostDown { host: unknown() },
        TwinFault::DaemonStopped { host: "dns-edge-1".into(), unit: unknown() },
        TwinFault::SecondVipHolder { vip: unknown() },
        TwinFault::VipMoved { vip: "dns".into(), host: "dns-auth-1".into() },
        TwinFault::SerialStale { host: "dns-edge-1".into(), zone: "internal".into() },
        TwinFault::TagMissing { host: "dns-edge-1".into(), tag: unknown() },
        TwinFault::SdnTag { vnet: unknown(), tag: 1 },
        TwinFault::NodeZoneState { node: "proxmox1".into(), zone: unknown(), state: "error".into() },
        TwinFault::NodeZoneState { node: "proxmox1".into(), zone: "zonedns".into(), state: unknown() },
        record("db.internal.shared", &["10.0.0.1"]),
        record("db.internal", &["no address"]),
        record("never-was.internal", &[]),
        TwinFault::NodeOffline { node: unknown() },
        TwinFault::SysctlValue { host: "dns-edge-1".into(), key: unknown(), value: "1".into() },
    ] {
        assert!(twin.inject(fault.clone()).is_err(), "{fault:?}");
    }
    assert!(!twin.heal(&TwinFault::QuorumLost), "it was never planted");
}

#[test]
fn a_fault_is_written_as_a_table_with_its_name() {
    let fault: TwinFault =
        toml::from_str("fault = \"masquerade-subnet\"\nhost = \"dns-edge-1\"\nsubnet = \"10.0.0.0/8\"\n")
            .expect("a fault");
    assert!(matches!(fault, TwinFault::MasqueradeSubnet { .. }));
    let unknown = toml::from_str::<TwinFault>(
        "fault = \"host-down\"
host = \"dns-edge-1\"
why = 1
",
    );
    assert!(unknown.is_err(), "unknown fields are refused");
}
