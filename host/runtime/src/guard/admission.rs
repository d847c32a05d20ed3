//! What the guards let a run do, and what they are still asked while it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use fabric_evidence::event::RuleRecord;
use fabric_evidence::{Event, Fingerprint, Principal, Stamp, Trust};
use fabric_gate::{Decision, Freeze, Next, Window, target_of};
use fabric_model::{Code, Fault, Resource, Slug, Stage};

use super::approvals::record;
use super::authority::Authority;
use super::budget::Booking;
use super::freezes;

/// What the guards let a run do.
pub(crate) struct Admission {
    decision: Decision,
    authorities: BTreeMap<Slug, Authority>,
    /// In a rehearsal, that of every environment.
    rehearsal: Option<Authority>,
    reason: Option<String>,
    window: Option<Window>,
    proof: String,
    trust: Trust,
    run_id: Slug,
    /// Environments and targets of the changes so far.
    made: Mutex<Vec<(Slug, String)>>,
}

impl Admission {
    pub(super) fn new(
        decision: Decision,
        authorities: BTreeMap<Slug, Authority>,
        rehearsal: Option<Authority>,
        (reason, window, proof): (Option<String>, Option<Window>, String),
        trust: Trust,
        run_id: Slug,
    ) -> Self {
        let made = Mutex::default();
        Self { decision, authorities, rehearsal, reason, window, proof, trust, run_id, made }
    }

    /// Who approved, each in the role in which it counted.
    pub(crate) fn approvals(&self) -> Vec<Principal> {
        let approvals = self.decision.consumed.iter().filter_map(|one| {
            let fingerprint: Fingerprint = one.approver.fingerprint.parse().ok()?;
            Some(Principal { fingerprint, roles: vec![one.role.clone()] })
        });
        approvals.collect()
    }

    /// Uses up the approvals, before the first change. Gives the event that says which guards were met.
    ///
    /// # Errors
    /// `guard.approval_used` when another run was faster, `guard.authority` when it cannot be brought to the disk.
    pub(crate) fn begin(&self) -> Result<Event, Fault> {
        let mut authorities: Vec<&Authority> = Vec::new();
        for authority in self.authorities.values() {
            if !authorities.contains(&authority) {
                authorities.push(authority);
            }
        }
        for one in &self.decision.consumed {
            let nonce: Slug = one.nonce.parse().map_err(|_| {
                Fault::new(
                    Code::BugInternal,
                    Stage::Gate,
                    "an approval counted without a nonce that is a name",
                )
            })?;
            authorities.iter().try_for_each(|authority| authority.use_up(&nonce, &self.run_id))?;
        }
        let rules = self.decision.met.iter().map(|rule| RuleRecord {
            file: rule.file.clone(),
            line: u32::try_from(rule.line).unwrap_or(u32::MAX),
        });
        Ok(Event::GuardsMet {
            rules: rules.collect(),
            reason: self.reason.clone(),
            window: self.window.map(record),
            proof: Some(self.proof.clone()),
        })
    }

    /// Whether one more change may be made now, on this resource of this environment; and books it.
    ///
    /// # Errors
    /// `guard.window_closed`, `guard.frozen`, `guard.budget`, or `guard.authority` where that cannot be found out any more.
    pub(crate) fn still(&self, now: SystemTime, environment: &Slug, resource: &str) -> Result<(), Fault> {
        let authority = self.authority(environment).ok_or_else(|| {
            let message = format!("environment `{environment}` is not one that the plan touches");
            Fault::new(Code::GuardEnvironment, Stage::Gate, message)
                .hint("Make a new plan with `fabric run`; its guards are asked for each environment that it touches.")
        })?;
        let target =
            resource.parse::<Resource>().map_or_else(|_| resource.to_owned(), |named| target_of(&named));
        let frozen = freezes::frozen(authority, environment, &self.trust, now)?;
        let freezes: Vec<Freeze> = frozen.into_iter().map(|frozen| frozen.freeze).collect();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let booking = Booking { at: Stamp::of(now), run_id: self.run_id.clone(), target: target.clone() };
        authority.book(environment, &booking, |recent| {
            self.decision.still(&Next {
                now,
                environment,
                target: &target,
                made: &made,
                recent,
                freezes: &freezes,
            })
        })?;
        made.push((environment.clone(), target));
        Ok(())
    }

    /// Whether what the run has changed may stand a while longer. What cannot be found out stops nothing here: the next change asks
    /// again, and is refused then.
    ///
    /// # Errors
    /// `guard.window_closed` or `guard.frozen`.
    pub(crate) fn lasts(&self, now: SystemTime) -> Result<(), Fault> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let environments: BTreeSet<&Slug> = made.iter().map(|(environment, _)| environment).collect();
        for environment in environments {
            let frozen = self.authority(environment).map(|authority| {
                freezes::frozen(authority, environment, &self.trust, now).unwrap_or_default()
            });
            let freezes: Vec<Freeze> =
                frozen.unwrap_or_default().into_iter().map(|frozen| frozen.freeze).collect();
            self.decision.lasts(now, environment, &freezes)?;
        }
        Ok(())
    }

    fn authority(&self, environment: &Slug) -> Option<&Authority> {
        self.authorities.get(environment).or(self.rehearsal.as_ref())
    }
}
