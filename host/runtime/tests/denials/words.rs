//! What a denial says: rule, file, line, and the exact line that would allow it.

use fabric_model::Code;
use fabric_model::exit::Exit;

use crate::bench::{Case, case};
use crate::bypasses::{ASK, NO_METADATA};

const NEEDS: &[&str] = &[r#""dns.query" = ["vip:dns"]"#];

fn ungranted() -> Case {
    case(NEEDS, ASK, &[r#""host.clock" = ["host:*"]"#, r#""dns.query" = ["host:dns-auth-*"]"#])
}

pub(crate) fn a_denial_names_the_line_of_the_policy() {
    let told = ungranted().run();
    let denial = told.check_denied(Code::DeniedResource);
    assert_eq!(denial.message, "`dns.query` on `vip:dns` in environment `twin` as `site-dev` is not granted");
    assert_eq!(
        denial.hints,
        [
            r#"In policy.toml, line 8, rule `probes`: `"dns.query" = ["host:dns-auth-*", "vip:dns"]` would grant it."#
        ]
    );
}

pub(crate) fn a_denial_names_the_line_of_the_script() {
    let told = case(&[r#""dns.query" = ["host:*"]"#], ASK, NEEDS).run();
    let denial = told.check_denied(Code::DeniedUndeclared);
    assert!(denial.message.ends_with("as `site-dev` is not declared by the script"), "{denial}");
    assert_eq!(denial.hints, [r#"In bypass.rhai, line 7, write `// "dns.query" = ["host:*", "vip:dns"]`."#]);
}

pub(crate) fn a_denial_by_rule_names_rule_file_and_line() {
    let rules = "[[deny]]\nname = \"no-dns\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n[deny.primitives]\n\"dns.query\" = [\"vip:*\"]\n";
    let told = case(NEEDS, ASK, NEEDS).rules(rules).run();
    let denial = told.check_denied(Code::DeniedByRule);
    assert!(denial.message.ends_with("is denied by rule `no-dns`"), "{denial}");
    assert_eq!(
        denial.hints,
        [
            "Rule `no-dns` (policy.toml:13) denies it whatever else is granted; ask the owner of the policy if it should not."
        ]
    );
}

pub(crate) fn a_denied_address_names_rule_file_and_line() {
    let body = r#"check("c", || { tcp::connect(#{ target: "addr:169.254.169.254", port: 80 }); });"#;
    let line = r#""tcp.connect" = ["addr:0.0.0.0/0"]"#;
    let told = case(&[r#""tcp.connect" = ["addr:0.0.0.0/0"]"#], body, &[line]).rules(NO_METADATA).run();
    let denial = told.check_denied(Code::DeniedAddress);
    assert!(
        denial.message.ends_with("leads to 169.254.169.254, which is denied by rule `metadata`"),
        "{denial}"
    );
    let hint = denial.hints.first().expect("a hint");
    assert!(hint.starts_with("Rule `metadata` (policy.toml:10) denies the address;"), "{hint}");
}

/// The line is taken out of the denial and put where the denial says; then the same run is let through.
pub(crate) fn the_line_that_a_denial_names_does_allow_it() {
    let told = ungranted().run();
    let hint = told.denial().hints.first().expect("a hint").clone();
    let line = hint.split('`').nth(3).expect("the line stands between the third and the fourth back quote");
    let grants = vec![r#""host.clock" = ["host:*"]"#.to_owned(), line.to_owned()];
    let told = Case { grants, ..ungranted() }.run();
    assert_eq!(told.finished.exit, Exit::Done, "{:?}", told.finished.denials);
}
