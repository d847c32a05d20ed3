//! The ways round the gate.

use std::net::IpAddr;

use fabric_model::Code;
use fabric_model::check::Status;
use fabric_model::exit::Exit;
use fabric_twin::TwinFault;

use crate::bench::{Case, case};

pub(crate) const ASK: &str =
    r#"check("ask", || { dns::query(#{ server: "vip:dns", name: "infra.samakia.net", type: "SOA" }); });"#;
const CONNECT_TO_A_NAME: &str =
    r#"check("connect", || { tcp::connect(#{ target: "name:evil.infra.samakia.net", port: 80 }); });"#;

/// A grant that helps none of the bypasses.
const OTHER: &str = r#""host.clock" = ["host:*"]"#;

pub(crate) const NO_METADATA: &str =
    "[[deny_address]]\nname = \"metadata\"\nnetworks = [\"169.254.0.0/16\"]\n";

/// Faults after which `evil.infra.samakia.net` leads to this address, on all its servers.
pub(crate) fn leading(address: &str) -> Vec<TwinFault> {
    let on = |host: &str| TwinFault::RecordChanged {
        host: host.to_owned(),
        zone: "infra.samakia.net".to_owned(),
        name: "evil.infra.samakia.net".to_owned(),
        rrtype: "A".to_owned(),
        values: vec![address.to_owned()],
    };
    ["dns-auth-1", "dns-auth-2"].map(on).into()
}

/// The positive control: the same bench sees a run that is allowed pass, and sees where it went.
pub(crate) fn what_is_declared_and_granted_goes_through() {
    let told = case(&[r#""dns.query" = ["vip:dns"]"#], ASK, &[r#""dns.query" = ["vip:dns"]"#]).run();
    assert_eq!(told.finished.exit, Exit::Done, "{:?}", told.finished.worker);
    assert_eq!(told.status(), Status::Pass);
    assert_eq!(told.events("call_granted").len(), 1);
    assert_eq!(told.contacts.len(), 1);
    assert!(told.finished.denials.is_empty() && told.events("call_denied").is_empty());
}

pub(crate) fn an_undeclared_primitive_is_denied() {
    let granted = [r#""dns.query" = ["vip:dns"]"#];
    case(&[r#""host.clock" = ["host:dns-*"]"#], ASK, &granted).run().check_denied(Code::DeniedUndeclared);
}

pub(crate) fn an_undeclared_resource_is_denied() {
    let granted = [r#""dns.query" = ["vip:dns"]"#];
    case(&[r#""dns.query" = ["host:*"]"#], ASK, &granted).run().check_denied(Code::DeniedUndeclared);
}

pub(crate) fn an_ungranted_resource_is_denied() {
    let granted = [r#""dns.query" = ["host:*"]"#, r#""tcp.connect" = ["vip:dns"]"#];
    case(&[r#""dns.query" = ["vip:*"]"#], ASK, &granted).run().check_denied(Code::DeniedResource);
}

pub(crate) fn an_ungranted_part_of_a_host_is_denied() {
    let body = r#"check("unit", || { unit::state(#{ host: "dns-edge-1", unit: "ssh" }); });"#;
    let granted = [r#""unit.state" = ["host:dns-edge-1", "host:dns-edge-1/keepalived"]"#];
    case(&[r#""unit.state" = ["host:*/*"]"#], body, &granted).run().check_denied(Code::DeniedResource);
}

/// Declared and granted, and still stronger than what the script says of itself.
pub(crate) fn a_change_is_beyond_the_reach_of_a_script_that_observes() {
    let body = r#"check("stop", || { unit::stop(#{ host: "dns-edge-1", unit: "keepalived" }); });"#;
    const STOP: &[&str] = &[r#""unit.stop" = ["host:dns-edge-1/keepalived"]"#];
    case(STOP, body, STOP).run().check_denied(Code::DeniedUndeclared);
}

pub(crate) fn a_deny_rule_beats_an_allow_rule() {
    let rules = "[[deny]]\nname = \"no-dns\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n[deny.primitives]\n\"dns.*\" = [\"vip:dns\"]\n";
    let told =
        case(&[r#""dns.query" = ["vip:dns"]"#], ASK, &[r#""dns.query" = ["vip:dns"]"#]).rules(rules).run();
    told.check_denied(Code::DeniedByRule);
}

pub(crate) fn a_grant_for_another_environment_is_none() {
    for environment in ["lab", "samakia", "samakia-dns"] {
        let granted = case(&[r#""dns.query" = ["vip:dns"]"#], ASK, &[r#""dns.query" = ["vip:dns"]"#]);
        Case { environment, ..granted }.run().check_denied(Code::DeniedResource);
    }
}

pub(crate) fn a_grant_for_another_role_is_none() {
    let granted = case(&[r#""dns.query" = ["vip:dns"]"#], ASK, &[r#""dns.query" = ["vip:dns"]"#]);
    Case { role: "operator", ..granted }.run().check_denied(Code::DeniedResource);
}

/// The target is granted; nothing is sent through the host, and nothing to it.
pub(crate) fn a_host_to_go_through_needs_a_grant_of_its_own() {
    let body = r#"check("through", || {
        dns::query(#{ server: "host:dns-auth-1", name: "infra.samakia.net", type: "SOA", transport: "tcp", via: "dns-edge-1" });
    });"#;
    let needs = &[r#""dns.query" = ["host:dns-*", "via:dns-*"]"#];
    let told = case(needs, body, &[r#""dns.query" = ["host:*"]"#]).run();
    assert!(told.check_denied(Code::DeniedResource).message.contains("via:dns-edge-1"));
}

pub(crate) fn a_name_is_not_resolved_without_a_grant() {
    let needs = &[r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    let told = case(needs, CONNECT_TO_A_NAME, &[r#""tcp.connect" = ["name:*"]"#]).run();
    let denial = told.check_denied(Code::DeniedResource);
    assert!(denial.message.contains("`dns.query` on `vip:dns`"), "{denial}");
}

pub(crate) fn a_name_is_not_resolved_undeclared() {
    let granted = [r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    let told = case(&[r#""tcp.connect" = ["name:*"]"#], CONNECT_TO_A_NAME, &granted).run();
    let denial = told.check_denied(Code::DeniedUndeclared);
    assert!(denial.message.contains("`dns.query` on `vip:dns`"), "{denial}");
}

/// The name's own servers say that it is the metadata service of a cloud. Only the question to the resolver is sent.
pub(crate) fn a_name_that_leads_to_a_denied_address_is_denied() {
    let lines = [r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    let needs = &[r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    let bypass = case(needs, CONNECT_TO_A_NAME, &lines).rules(NO_METADATA);
    let told = Case { faults: leading("169.254.169.254"), ..bypass }.run();
    let denial = told.denied_after(Code::DeniedAddress, 1);
    assert!(denial.message.contains("leads to 169.254.169.254"), "{denial}");
    assert_eq!(told.status(), Status::Error);
    let target: IpAddr = "169.254.169.254".parse().expect("an address");
    assert!(!told.contacts.is_empty() && told.contacts.iter().all(|to| to.port() == 53 && to.ip() != target));
}

pub(crate) fn an_address_written_as_ipv6_is_the_same_address() {
    let everywhere = [r#""tcp.connect" = ["addr:0.0.0.0/0", "addr:::/0"]"#];
    let needs = &[r#""tcp.connect" = ["addr:0.0.0.0/0", "addr:::/0"]"#];
    for body in [
        r#"check("c", || { tcp::connect(#{ target: "addr:169.254.169.254", port: 80 }); });"#,
        r#"check("c", || { tcp::connect(#{ target: "addr:::ffff:169.254.169.254", port: 80 }); });"#,
        r#"check("c", || { tcp::connect(#{ target: "addr:::ffff:a9fe:a9fe", port: 80 }); });"#,
        r#"check("c", || { tcp::connect(#{ target: "addr:0:0:0:0:0:FFFF:A9FE:A9FE", port: 80 }); });"#,
    ] {
        case(needs, body, &everywhere).rules(NO_METADATA).run().check_denied(Code::DeniedAddress);
    }
}

pub(crate) fn an_address_called_a_name_is_denied() {
    let body = r#"check("c", || { tcp::connect(#{ target: "name:169.254.169.254", port: 80 }); });"#;
    let granted = [r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    let needs = &[r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    case(needs, body, &granted).run().check_denied(Code::DeniedResource);
}

pub(crate) fn a_site_name_at_a_denied_address_is_denied() {
    let rules = "[[deny_address]]\nname = \"lan\"\nnetworks = [\"192.168.11.0/24\"]\n";
    let told =
        case(&[r#""dns.query" = ["vip:dns"]"#], ASK, &[r#""dns.query" = ["vip:dns"]"#]).rules(rules).run();
    told.check_denied(Code::DeniedAddress);
}

/// The host itself may be reached; the edges that lead to it may not.
pub(crate) fn a_jump_host_at_a_denied_address_is_denied() {
    let rules = "[[deny_address]]\nname = \"lan\"\nnetworks = [\"192.168.11.0/24\"]\n";
    let body = r#"check("clock", || { host::clock(#{ host: "dns-auth-1" }); });"#;
    let told =
        case(&[r#""host.clock" = ["host:*"]"#], body, &[r#""host.clock" = ["host:*"]"#]).rules(rules).run();
    told.check_denied(Code::DeniedAddress);
}

pub(crate) fn an_api_at_a_denied_address_is_denied() {
    let rules = "[[deny_address]]\nname = \"third\"\nnetworks = [\"192.168.11.23\"]\n";
    let body = r#"check("nodes", || { proxmox::cluster_status(#{ cluster: "samakia" }); });"#;
    let line = r#""proxmox.cluster_status" = ["cluster:samakia"]"#;
    case(&[r#""proxmox.cluster_status" = ["cluster:samakia"]"#], body, &[line])
        .rules(rules)
        .run()
        .check_denied(Code::DeniedAddress);
}

pub(crate) fn a_caught_denial_is_still_a_denial() {
    let body = r#"check("quiet", || {
        try { dns::query(#{ server: "vip:dns", name: "infra.samakia.net", type: "SOA" }); } catch (e) { }
        true
    });"#;
    case(&[r#""dns.query" = ["vip:dns"]"#], body, &[OTHER]).run().check_denied(Code::DeniedResource);
}

pub(crate) fn a_denial_outside_any_check_ends_the_run_as_denied() {
    for body in [
        r#"dns::query(#{ server: "vip:dns", name: "infra.samakia.net", type: "SOA" });"#,
        r#"try { dns::query(#{ server: "vip:dns", name: "infra.samakia.net", type: "SOA" }); } catch (e) { }"#,
    ] {
        case(&[r#""dns.query" = ["vip:dns"]"#], body, &[OTHER]).run().denied(Code::DeniedResource);
    }
}

pub(crate) fn a_denial_ends_a_poll_at_once() {
    let body = r#"check("poll", || {
        poll_until(#{ timeout_ms: 5000, every_ms: 10 }, || {
            dns::query(#{ server: "vip:dns", name: "infra.samakia.net", type: "SOA" }).rcode == "NOERROR"
        });
    });"#;
    let told = case(&[r#""dns.query" = ["vip:dns"]"#], body, &[OTHER]).run();
    told.check_denied(Code::DeniedResource);
    assert_eq!(told.events("call_requested").len(), 1);
}

pub(crate) fn a_denial_in_a_branch_counts() {
    let body = r#"check("branches", || {
        par(["dns-auth-1"], |server| {
            try { dns::query(#{ server: "host:" + server, name: "infra.samakia.net", type: "SOA" }); } catch (e) { }
        });
    });"#;
    let told = case(&[r#""dns.query" = ["host:dns-auth-*"]"#], body, &[r#""dns.query" = ["vip:dns"]"#]).run();
    told.denied(Code::DeniedResource);
}
