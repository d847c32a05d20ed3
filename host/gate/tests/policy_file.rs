//! What a policy file may say, and what is said of one that is wrong.

use fabric_gate::Policy;

const RULE: &str = "format = 1\n[[allow]]\nname = \"a\"\nenvironments = [\"lab\"]\nroles = [\"r\"]\n[allow.primitives]\n\"dns.query\" = [\"vip:dns\"]\n";

/// Every error of the text as `line: message`, with the hint.
fn errors(text: &str) -> Vec<(String, String)> {
    let found = Policy::parse("p.toml", text).expect_err("the planted error");
    found
        .into_iter()
        .map(|d| (format!("{}: {}", d.line, d.message), d.hint.expect("every error says what to do")))
        .collect()
}

#[track_caller]
fn refused(from: &str, to: &str, message: &str, hint: &str) {
    assert!(RULE.contains(from), "{from}");
    let found = errors(&RULE.replacen(from, to, 1));
    assert!(found.iter().any(|(m, h)| m.contains(message) && h.contains(hint)), "{found:#?}");
}

#[test]
fn the_rule_that_the_other_tests_spoil_is_good() {
    let policy = Policy::parse("p.toml", RULE).expect("a policy");
    let named: Vec<_> = policy.primitives().map(|(name, line)| (name.to_string(), line)).collect();
    assert_eq!(named, [("dns.query".to_owned(), 7)]);
}

#[test]
fn a_policy_that_grants_nothing_is_a_policy() {
    assert!(Policy::parse("p.toml", "format = 1\n").is_ok());
}

#[test]
fn an_unknown_key_is_an_error_with_the_key_that_was_meant() {
    refused("roles =", "role =", "5: unknown key `role`", "Write `roles`.");
    refused("[[allow]]", "[[alow]]", "unknown key `alow`", "Write `allow`.");
    refused("roles =", "colour = 1\nroles =", "5: unknown key `colour`", "the keys here are `name`,");
}

#[test]
fn a_missing_key_is_an_error_at_its_rule() {
    refused("name = \"a\"\n", "", "2: `name` is missing", "Add `name`");
    refused("roles = [\"r\"]\n", "", "2: `roles` is missing", "Add `roles`");
    refused("environments = [\"lab\"]\n", "", "2: `environments` is missing", "Add `environments`");
    refused("[allow.primitives]\n\"dns.query\" = [\"vip:dns\"]\n", "", "2: `primitives` is missing", "Add");
    refused("\"dns.query\" = [\"vip:dns\"]\n", "", "6: the rule names no primitives", "Name at least one");
}

#[test]
fn the_format_is_stated() {
    refused("format = 1\n", "", "1: `format` is missing", "Write `format = 1`");
    refused(
        "format = 1",
        "format = 2",
        "1: this format of the policy file is not known",
        "Write `format = 1`",
    );
}

#[test]
fn only_a_denial_may_name_primitives_by_star() {
    refused(
        "\"dns.query\"",
        "\"dns.*\"",
        "7: `dns.*` would grant primitives that are not named",
        "Name each",
    );
    refused("\"dns.query\"", "\"*\"", "7: `*` would grant primitives that are not named", "Name each");
    let denial = RULE.replace("allow", "deny");
    for name in ["*", "dns.*"] {
        assert!(Policy::parse("p.toml", &denial.replace("dns.query", name)).is_ok(), "{name}");
    }
    let policy = Policy::parse("p.toml", &denial.replace("dns.query", "dns.*")).expect("a policy");
    assert_eq!(policy.areas().collect::<Vec<_>>(), [("dns", 7)]);
    for name in ["d*.query", "*.query", "dns.q*", "**", "dns.**"] {
        assert!(Policy::parse("p.toml", &denial.replace("dns.query", name)).is_err(), "{name}");
    }
}

#[test]
fn a_bare_key_with_a_dot_is_told_about_quotes() {
    refused("\"dns.query\"", "dns.query", "7: `dns` is not a primitive", "in quotes");
}

#[test]
fn lists_are_of_strings_and_not_empty() {
    refused("[\"lab\"]", "[]", "4: `environments` is empty", "Name at least one");
    refused("[\"vip:dns\"]", "[]", "7: `dns.query` is empty", "Name at least one");
    refused(
        "[\"lab\"]",
        "\"lab\"",
        "4: `environments`: expected a list of strings, found string",
        "environments = [",
    );
    refused("[\"lab\"]", "[1]", "4: an entry of `environments` is not a string", "environments = [");
}

#[test]
fn a_star_within_the_name_of_an_environment_or_role_is_refused() {
    refused("[\"lab\"]", "[\"samakia-*\"]", "4: `samakia-*` is not a name", "Mend this entry");
    assert!(Policy::parse("p.toml", &RULE.replace("[\"lab\"]", "[\"*\"]")).is_ok());
}

#[test]
fn a_bad_pattern_is_found_on_its_own_line() {
    refused(
        "[\"vip:dns\"]",
        "[\n\"vip:dns\",\n\"vip:**\"]",
        "9: `vip:**` has two `*` in a row",
        "Mend this entry",
    );
    refused("vip:dns", "addr:10.0.0.5/24", "bits beyond its prefix; the network is `10.0.0.0/24`", "Mend");
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let found = errors(&format!("{RULE}[[deny_address]]\nname = \"a\"\nnetworks = [\"::1\"]\n"));
    assert_eq!(
        found.first().map(|(m, _)| m.as_str()),
        Some("9: the name `a` is taken by the rule on line 3")
    );
}

#[test]
fn a_single_table_in_the_place_of_a_list_is_refused() {
    refused("[[allow]]", "[allow]", "`allow` is not a list of tables", "Write `[[allow]]`.");
}

#[test]
fn broken_toml_has_a_line() {
    refused("roles = [\"r\"]", "roles = [\"r\"", "", "Mend the TOML syntax");
    refused("name = \"a\"", "name = \"a\"\nname = \"b\"", "4: duplicate key", "Mend the TOML syntax");
}

#[test]
fn where_the_syntax_is_broken_nothing_is_guessed_about_the_rest() {
    let found = errors("format = 2\n[[allow]\nnam = 1\n");
    assert!(found.iter().all(|(_, hint)| hint.contains("TOML syntax")), "{found:#?}");
}

#[test]
fn all_errors_are_told_at_once_and_in_order() {
    let spoilt = RULE.replace("name =", "nam =").replace("vip:", "lan:").replace("format = 1", "format = 3");
    let lines: Vec<String> =
        errors(&spoilt).iter().map(|(m, _)| m.split(':').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(lines, ["1", "2", "3", "7"]);
}
