//! What a guard row may say, and what is said of one that is wrong.

use fabric_gate::Policy;
use fabric_model::Class;

use super::scene::{POLICY, line, policy, slug};

#[track_caller]
fn refused(from: &str, to: &str, message: &str, hint: &str) {
    assert!(POLICY.contains(from), "{from}");
    let found = Policy::parse("p.toml", &POLICY.replacen(from, to, 1)).expect_err("the planted error");
    let said = found.iter().any(|d| {
        format!("{}: {}", d.line, d.message).contains(message)
            && d.hint.as_ref().is_some_and(|h| h.contains(hint))
    });
    assert!(said, "{found:#?}");
}

#[test]
fn a_requirement_that_is_misspelt_is_an_error_and_no_row_without_it() {
    refused("reason_min", "reason_mim", "8: unknown key `reason_mim`", "Write `reason_min`");
    refused("max_minutes = 60", "max = 60", "9: unknown key `max`", "the keys here are");
    refused(
        "window = { max_minutes = 60 }",
        "window = {}",
        "9: `max_minutes` is missing",
        "Add `max_minutes`",
    );
    refused("window = { max_minutes = 60 }", "window = 60", "9: `window` is not a table", "max_minutes = 60");
    refused("count = 1, ", "", "11: `count` is missing", "Add `count`");
    refused(", roles = [\"approver\"]", "", "11: `roles` is missing", "Add `roles`");
    refused("ci = \"allow\"", "ci = \"yes\"", "`ci` has no such value", "ci = \"deny\"");
    refused(
        "boundary = \"enforced\"",
        "boundary = true",
        "`boundary` has no such value",
        "boundary = \"advisory\"",
    );
    refused("changes_per_run = 3", "changes_a_run = 3", "unknown key `changes_a_run`", "the keys here are");
    refused("\"gameday\", ", "\"acceptance\", ", "`acceptance` is not a kind of script", "Mend this entry");
    refused("kinds = [\"gameday\", \"operation\"]", "kinds = []", "`kinds` is empty", "Name at least one");
}

#[test]
fn a_number_is_one_that_limits_something() {
    for bad in ["0", "-1", "1.5", "\"60\"", "0x10", "99999999999", "1000001"] {
        refused(
            "max_minutes = 60",
            &format!("max_minutes = {bad}"),
            "9: `max_minutes` is not such a number",
            "from 1 to",
        );
    }
}

#[test]
fn a_guard_says_what_it_is_about() {
    refused(
        "[guard.primitives]\n\"*\" = [\"host:*\", \"guest:*\"]\n",
        "",
        "3: `primitives` is missing",
        "Add",
    );
    refused("environments = [\"lab\", \"twin\"]\n", "", "`environments` is missing", "Add");
    refused(
        "name = \"stand-ins\"",
        "name = \"production\"",
        "the name `production` is taken",
        "a name of its own",
    );
}

#[test]
fn an_environment_has_one_authority() {
    let second =
        format!("{POLICY}\n[[authority]]\nname = \"b\"\nenvironments = [\"samakia-dns\"]\nfolder = \"x\"\n");
    let found = Policy::parse("p.toml", &second).expect_err("the planted error");
    assert!(found[0].message.contains("`samakia-dns` has an authority already"), "{found:#?}");
    refused(
        "folder = \"/srv/fabric/authority\"",
        "folder = \"\"",
        "`folder` is not a path",
        "absolute or relative",
    );
    let authority = policy().authority(&slug("samakia-dns")).expect("it has one");
    assert_eq!(
        (authority.folder.as_str(), authority.rule.line),
        ("/srv/fabric/authority", line("[[authority]]"))
    );
    assert!(policy().authority(&slug("samakia-dev")).is_none());
}

#[test]
fn every_primitive_of_a_guard_is_listed_for_comparison() {
    let policy = policy();
    let named: Vec<String> = policy.primitives().map(|(name, _)| name.to_string()).collect();
    assert_eq!(named, ["unit.stop"]);
    assert_eq!(policy.areas().map(|(area, _)| area).collect::<Vec<_>>(), ["proxmox"]);
}

#[test]
fn what_holds_for_a_call_is_explained() {
    let primitive = "proxmox.guest_stop".parse().expect("a primitive");
    let resource = "guest:prod-1".parse().expect("a resource");
    let policy = policy();
    let explain = |class, environment: &str| {
        policy.explain(&primitive, class, &resource, &slug(environment), &[slug("operator")])
    };
    let explained = explain(Class::Change, "samakia-prod");
    let rows: Vec<&str> = explained.guards.iter().map(|(rule, _)| rule.name.as_str()).collect();
    assert_eq!(rows, ["production", "guests"]);
    assert!(explained.open && explained.allowed.is_none());
    let words = explained.guards[0].1.join("\n");
    for says in [
        "not in CI",
        "12 characters",
        "60 minutes",
        "1 approval(s)",
        "enforced",
        "at most 3 changes in a run",
    ] {
        assert!(words.contains(says), "{says}: {words}");
    }
    assert!(!explain(Class::Destroy, "samakia-prod").open, "no row names it in full");
    assert!(explain(Class::Observe, "samakia-prod").guards.is_empty(), "observing is not guarded");
    assert!(!explain(Class::Change, "samakia-minio").open);
}
