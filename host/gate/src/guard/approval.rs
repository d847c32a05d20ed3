//! Whose approvals count, and why the others do not.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use fabric_model::{Code, Fault, Slug};

use super::decide::minutes;
use super::refusal;
use super::row::ApprovalRule;
use super::situation::{Approval, Situation};
use super::window::shown;
use crate::gate::Principal;
use crate::policy::RuleRef;

/// How far the clock of whoever approved may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(300);

/// An approval that counted: it is used up before the first change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Who approved.
    pub approver: Principal,
    /// In which role.
    pub role: Slug,
    /// The nonce that is used up.
    pub nonce: String,
}

/// The approvals that meet a rule.
///
/// # Errors
/// When they are too few: why each of the others does not count, and how many are missing beside them.
pub(super) fn count(
    situation: &Situation,
    rule: &ApprovalRule,
    environments: &[Slug],
    at: &RuleRef,
) -> Result<Vec<Counted>, Vec<Fault>> {
    let mut counted: Vec<Counted> = Vec::new();
    let mut refused: Vec<Fault> = Vec::new();
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    for approval in &situation.approvals {
        let key = approval.approver.fingerprint.as_str();
        match flaw(approval, situation, rule, environments) {
            Some((code, why)) => {
                refused.push(refusal::approval(code, key, &why, situation, environments, at))
            }
            None if !rule.roles.contains(&approval.role) => {}
            None if !keys.insert(key) => {}
            None => counted.push(Counted {
                approver: approval.approver.clone(),
                role: approval.role.clone(),
                nonce: approval.nonce.clone(),
            }),
        }
    }
    let needed = usize::try_from(rule.count).unwrap_or(usize::MAX);
    if counted.len() >= needed {
        return Ok(counted);
    }
    refused.extend(situation.unsound.iter().map(|file| refusal::unsound(file, situation, environments, at)));
    if counted.len() + refused.len() < needed {
        refused.push(refusal::too_few(counted.len(), rule, situation, environments, at));
    }
    Err(refused)
}

/// Why an approval does not count for this run, if it does not.
fn flaw(
    approval: &Approval,
    situation: &Situation,
    rule: &ApprovalRule,
    environments: &[Slug],
) -> Option<(Code, String)> {
    let Approval { approver, role, .. } = approval;
    if approver.fingerprint == situation.executor.fingerprint {
        return Some((Code::GuardApprovalOwn, "is that of the executor himself".to_owned()));
    }
    let other = situation.approvals.iter().find(|other| {
        other.approver.fingerprint == approver.fingerprint
            && other.role != *role
            && other.plan == approval.plan
    });
    if let Some(other) = other {
        return Some((
            Code::GuardApprovalOwn,
            format!("stands in two roles, `{role}` and `{}`: one key counts in one", other.role),
        ));
    }
    if !approver.roles.contains(role) {
        return Some((
            Code::GuardApproval,
            format!("was given as `{role}`, a role that the trust file does not give its signer"),
        ));
    }
    if let Some(why) = meant_otherwise(approval, situation, environments) {
        return Some((Code::GuardApprovalOther, why));
    }
    if approval.used {
        return Some((Code::GuardApprovalUsed, "was used before".to_owned()));
    }
    let until = approval.expires.min(ends(approval.made, rule.max_minutes));
    if situation.now >= until {
        return Some((Code::GuardApprovalExpired, format!("ended at {}", shown(until))));
    }
    if approval.made > situation.now + AHEAD {
        return Some((Code::GuardApprovalExpired, format!("does not begin before {}", shown(approval.made))));
    }
    None
}

/// What an approval was given for, where that is not this run.
fn meant_otherwise(approval: &Approval, situation: &Situation, environments: &[Slug]) -> Option<String> {
    if approval.plan != situation.plan {
        return Some(format!("is for the plan {}", approval.plan));
    }
    if let Some(missing) = environments.iter().find(|name| !approval.environments.contains(name)) {
        return Some(format!("is not for environment `{missing}`"));
    }
    if approval.executor != situation.executor.fingerprint {
        return Some(format!("is for {} to execute", approval.executor));
    }
    if approval.window != situation.window {
        return Some(match approval.window {
            Some(window) => format!("is for the window {window}"),
            None => "is for no window".to_owned(),
        });
    }
    None
}

fn ends(made: SystemTime, after: u32) -> SystemTime {
    made.checked_add(minutes(after)).unwrap_or(made)
}
