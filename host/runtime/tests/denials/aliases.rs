//! The ways round a deny rule and round the site's own names: other names and addresses for the same thing.

use fabric_model::Code;
use fabric_model::check::Status;
use fabric_model::exit::Exit;

use crate::bench::{Case, case};
use crate::bypasses::leading;

const DENIED: &str = "[[deny]]\nname = \"hands-off\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n[deny.primitives]\n\"*\" = [\"vip:minio\", \"host:dns-edge-1\", \"via:dns-edge-1\"]\n";

const NAMES: &[&str] = &[r#""tcp.connect" = ["name:*"]"#, r#""dns.query" = ["vip:dns"]"#];

/// The site's own records say where its VIP is.
pub(crate) fn a_denied_vip_is_denied_under_its_dns_name() {
    let body = r#"check("c", || { tcp::connect(#{ target: "name:minio.infra.samakia.net", port: 443 }); });"#;
    let told = case(NAMES, body, NAMES).rules(DENIED).run();
    let denial = told.denied_after(Code::DeniedByRule, 1);
    assert!(denial.message.contains("which is `vip:minio`"), "{denial}");
    assert!(told.contacts.iter().all(|to| to.port() == 53), "{:?}", told.contacts);
    assert_eq!(told.status(), Status::Error);
}

pub(crate) fn a_denied_host_is_denied_by_its_address() {
    let everywhere = &[r#""tcp.connect" = ["addr:0.0.0.0/0", "addr:::/0", "host:*", "host:*/*"]"#];
    for address in ["192.168.11.111", "10.10.100.11", "::ffff:10.10.100.11"] {
        let body =
            format!(r#"check("c", || {{ tcp::connect(#{{ target: "addr:{address}", port: 22 }}); }});"#);
        let told = case(everywhere, body.leak(), everywhere).rules(DENIED).run();
        let denial = told.check_denied(Code::DeniedByRule);
        assert!(denial.message.contains("which is `host:dns-edge-1`"), "{denial}");
    }
}

/// The host behind it is granted, and so is another jump host: none of them makes the denied one fit to pass through.
pub(crate) fn a_denied_host_is_not_passed_through() {
    let body = r#"check("c", || { host::clock(#{ host: "dns-auth-1" }); });"#;
    let needs = &[r#""host.clock" = ["host:dns-*"]"#];
    for denied in ["host:dns-edge-1", "via:dns-edge-1", "host:dns-edge-1/eth0"] {
        let rules =
            DENIED.replace(r#""vip:minio", "host:dns-edge-1", "via:dns-edge-1""#, &format!("{denied:?}"));
        let told = case(needs, body, needs).rules(rules.leak()).run();
        let denial = told.check_denied(Code::DeniedByRule);
        assert!(denial.message.contains(&format!("which is `{denied}`")), "{denied}: {denial}");
    }
}

/// A rule for an address holds for whatever leads there: the site's own name, and a name of somebody else's.
pub(crate) fn a_denied_address_is_denied_under_every_name() {
    let rules = "[[deny]]\nname = \"hands-off\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n[deny.primitives]\n\"tcp.*\" = [\"addr:192.168.11.111\", \"addr:192.0.2.0/24\"]\n";
    let lines = &[r#""tcp.connect" = ["host:*", "name:*"]"#, r#""dns.query" = ["vip:dns"]"#];
    for (target, before) in [("host:dns-edge-1", 0), ("name:evil.infra.samakia.net", 1)] {
        let body = format!(r#"check("c", || {{ tcp::connect(#{{ target: "{target}", port: 22 }}); }});"#);
        let told =
            Case { faults: leading("192.0.2.7"), ..case(lines, body.leak(), lines).rules(rules) }.run();
        let denial = told.denied_after(Code::DeniedByRule, before);
        assert!(denial.message.contains("which is `addr:192."), "{denial}");
    }
}

pub(crate) fn a_rule_for_another_environment_denies_no_alias() {
    let needs = &[r#""host.clock" = ["host:dns-*"]"#];
    let body = r#"check("c", || { host::clock(#{ host: "dns-auth-1" }); });"#;
    let rules = DENIED.replace("environments = [\"*\"]", "environments = [\"samakia-minio\"]");
    let told = case(needs, body, needs).rules(rules.leak()).run();
    assert_eq!(told.finished.exit, Exit::Done, "{:?}", told.finished.denials);
}

/// Whoever can change a record could otherwise lead the run anywhere in the site.
pub(crate) fn a_name_is_no_way_into_the_site() {
    let body = r#"check("c", || { tcp::connect(#{ target: "name:evil.infra.samakia.net", port: 443 }); });"#;
    for (address, name) in [
        ("192.168.11.111", "host:dns-edge-1"),
        ("10.10.100.21", "host:dns-auth-1"),
        ("192.168.11.22", "node:proxmox2"),
    ] {
        let told = Case { faults: leading(address), ..case(NAMES, body, NAMES) }.run();
        let denial = told.denied_after(Code::DeniedAddress, 1);
        assert!(denial.message.contains(&format!("leads to {address}, the site's `{name}`")), "{denial}");
        assert!(told.contacts.iter().all(|to| to.port() == 53), "{:?}", told.contacts);
    }
}

pub(crate) fn an_address_is_no_way_into_the_site() {
    let everywhere = &[r#""tcp.connect" = ["addr:0.0.0.0/0"]"#];
    let body = r#"check("c", || { tcp::connect(#{ target: "addr:192.168.11.100", port: 53 }); });"#;
    let denial = case(everywhere, body, everywhere).run();
    let denial = denial.check_denied(Code::DeniedAddress);
    assert!(denial.hints.iter().any(|hint| hint.starts_with("Ask for `vip:dns` by this name")), "{denial:?}");
}

/// The positive control: with the site's own name declared and granted as well, the name and the address lead there.
pub(crate) fn a_name_leads_to_what_is_granted_by_its_own_name() {
    let lines = &[
        r#""tcp.connect" = ["addr:10.0.0.0/8", "name:*", "host:dns-auth-1"]"#,
        r#""dns.query" = ["vip:dns"]"#,
    ];
    for target in ["name:evil.infra.samakia.net", "addr:10.10.100.21"] {
        let body = format!(r#"check("c", || {{ tcp::connect(#{{ target: "{target}", port: 53 }}); }});"#);
        let told = Case { faults: leading("10.10.100.21"), ..case(lines, body.leak(), lines) }.run();
        assert!(told.finished.denials.is_empty(), "{:?}", told.finished.denials);
    }
}
