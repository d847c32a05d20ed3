//! Whose approvals count.

use fabric_gate::Situation;
use fabric_model::{Code, Digest};

use super::scene::{
    APPROVER, EXECUTOR, SECOND, approval, decide, line, met, minutes, principal, refused, slug, touch, window,
};

const COMMAND: &str = "fabric approve";

/// One change of a guest of production: it falls under two rows, one of which wants two approvals.
fn two_rows() -> Situation {
    let mut situation = met();
    situation.touches = vec![touch("proxmox.guest_stop", "guest:prod-1", "samakia-prod")];
    situation.approvals = vec![approval(APPROVER, "approver", "a1"), approval(SECOND, "security", "a2")];
    situation
}

#[test]
fn a_plan_that_nobody_approved_is_refused_with_the_command_that_approves_it() {
    let mut situation = met();
    situation.approvals.clear();
    let fault = refused(&situation, Code::GuardApproval, Some(line("approvals")), COMMAND);
    assert!(fault.message.contains("0 of 1 approvals by `approver`"), "{fault:?}");
    let command = format!(
        "fabric approve {} --environment samakia-prod --executor {EXECUTOR} --window-start 2026-05-04T03:00:00Z \
         --window-end 2026-05-04T04:00:00Z --reason TEXT",
        Digest::of(b"plan")
    );
    assert!(fault.hints.concat().contains(&command), "{fault:?}");
}

#[test]
fn an_approval_by_the_executor_himself_is_refused() {
    let mut situation = met();
    situation.approvals = vec![approval(EXECUTOR, "approver", "a1")];
    let fault = refused(&situation, Code::GuardApprovalOwn, Some(line("approvals")), "Somebody else");
    assert!(fault.message.contains("the executor himself"), "{fault:?}");
}

#[test]
fn an_approval_for_another_plan_environment_executor_or_window_is_refused() {
    let mut other = approval(APPROVER, "approver", "a1");
    other.plan = Digest::of(b"another plan");
    let mut elsewhere = approval(APPROVER, "approver", "a1");
    elsewhere.environments = vec![slug("samakia-dns")];
    let mut somebody = approval(APPROVER, "approver", "a1");
    somebody.executor = SECOND.to_owned();
    let mut later = approval(APPROVER, "approver", "a1");
    later.window = Some(fabric_gate::Window { start: window().start, end: window().end + minutes(1) });
    let mut always = approval(APPROVER, "approver", "a1");
    always.window = None;
    for (wrong, says) in [
        (other, "is for the plan"),
        (elsewhere, "not for environment `samakia-prod`"),
        (somebody, "to execute"),
        (later, "is for the window"),
        (always, "is for no window"),
    ] {
        let mut situation = met();
        situation.approvals = vec![wrong];
        let fault = refused(&situation, Code::GuardApprovalOther, Some(line("approvals")), COMMAND);
        assert!(fault.message.contains(says), "{fault:?}");
    }
}

#[test]
fn an_approval_covers_every_environment_of_the_plan() {
    let mut situation = met();
    situation.touches.push(touch("unit.stop", "host:dns-edge-1/keepalived", "samakia-dns"));
    refused(
        &situation,
        Code::GuardApprovalOther,
        None,
        "--environment samakia-dns --environment samakia-prod",
    );
    situation.approvals[0].environments.push(slug("samakia-dns"));
    assert!(decide(&situation).is_met());
}

#[test]
fn an_approval_ends() {
    let mut situation = met();
    situation.approvals[0].expires = situation.now;
    refused(&situation, Code::GuardApprovalExpired, Some(line("approvals")), COMMAND);
    // Whoever approves may shorten what the policy says, and not lengthen it.
    situation.approvals[0].expires = situation.now + minutes(60 * 24 * 365 * 99);
    situation.approvals[0].made = situation.now - minutes(239);
    assert!(decide(&situation).is_met());
    situation.approvals[0].made = situation.now - minutes(240);
    refused(&situation, Code::GuardApprovalExpired, None, COMMAND);
    situation.approvals[0].made = situation.now + minutes(6);
    let fault = refused(&situation, Code::GuardApprovalExpired, None, COMMAND);
    assert!(fault.message.contains("does not begin before"), "{fault:?}");
}

#[test]
fn an_approval_is_used_once() {
    let mut situation = met();
    situation.approvals[0].used = true;
    let fault = refused(&situation, Code::GuardApprovalUsed, Some(line("approvals")), COMMAND);
    assert!(fault.message.contains(APPROVER), "{fault:?}");
}

#[test]
fn a_role_that_the_trust_file_does_not_give_counts_nothing() {
    let mut situation = met();
    situation.approvals[0].approver = principal(APPROVER, &["site-dev"]);
    let fault = refused(&situation, Code::GuardApproval, Some(line("approvals")), COMMAND);
    assert!(fault.message.contains("does not give"), "{fault:?}");
    situation.approvals[0] = approval(APPROVER, "security", "a1");
    let fault = refused(&situation, Code::GuardApproval, None, COMMAND);
    assert!(fault.message.contains("0 of 1"), "a role that the row does not ask for: {fault:?}");
}

#[test]
fn what_is_not_signed_by_somebody_trusted_counts_nothing() {
    let mut situation = met();
    situation.approvals.clear();
    situation.unsound = vec![format!("{APPROVER}.json: the signature does not verify")];
    let fault =
        refused(&situation, Code::GuardApproval, Some(line("approvals")), "Find out who put it there");
    assert!(fault.message.contains("does not verify"), "{fault:?}");
    situation.approvals = vec![approval(SECOND, "approver", "a2")];
    assert!(decide(&situation).is_met(), "it does not spoil what is good");
}

#[test]
fn two_approvals_are_two_principals() {
    let mut situation = two_rows();
    let decision = decide(&situation);
    assert!(decision.is_met(), "{:#?}", decision.refused);
    let mut nonces: Vec<&str> = decision.consumed.iter().map(|one| one.nonce.as_str()).collect();
    nonces.sort_unstable();
    assert_eq!(nonces, ["a1", "a2"], "each is used up once, however many rows it counts for");
    situation.approvals = vec![approval(APPROVER, "approver", "a1"), approval(APPROVER, "approver", "a2")];
    let fault = refused(&situation, Code::GuardApproval, Some(line("approvals = { count = 2")), COMMAND);
    assert!(fault.message.contains("1 of 2 approvals"), "{fault:?}");
}

#[test]
fn one_key_does_not_count_in_two_roles() {
    let mut situation = two_rows();
    situation.approvals = vec![approval(APPROVER, "approver", "a1"), approval(APPROVER, "security", "a2")];
    let decision = decide(&situation);
    assert!(!decision.is_met() && decision.consumed.is_empty());
    for fault in &decision.refused {
        assert_eq!(fault.code, Code::GuardApprovalOwn, "{fault:?}");
        assert!(fault.message.contains("stands in two roles"), "{fault:?}");
        assert!(fault.hints.concat().contains(COMMAND), "{fault:?}");
    }
}
