//! Asks every guard before a run changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fabric_evidence::event::RunHead;
use fabric_evidence::{Signer, Trust, canonical, plan as artifact, statement};
use fabric_gate::{Freeze, Policy, Principal, Situation, Touch, Window};
use fabric_model::plan::Plan;
use fabric_model::site::Realm;
use fabric_model::{Code, Confinement, Digest, Fault, Slug, Stage};
use serde::Serialize;

use super::admission::Admission;
use super::authority::Authority;
use super::ci::Ci;
use super::freezes;
use super::plans::FoundPlan;
use crate::boundary::{self, Boundary};
use crate::run::{Execution, Run};

/// What the signature of a proof means.
const INTENT: &str = "execute";

/// What the operator says for the guards.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// Why he makes the change.
    pub reason: Option<String>,
    /// The maintenance window: start and end in RFC 3339 with a zone.
    pub window: Option<(String, String)>,
    /// The CI job that this is, if it is one.
    pub ci: Option<Ci>,
}

/// What the guards are asked with.
pub(crate) struct Request<'a> {
    /// The run.
    pub(crate) run: &'a Run,
    /// What is known of it.
    pub(crate) head: &'a RunHead,
    /// What it takes to change things.
    pub(crate) execution: &'a Execution,
    /// The plan that is executed.
    pub(crate) plan: Option<&'a FoundPlan>,
}

/// Asks every guard. Nothing is used up, written or changed yet.
///
/// # Errors
/// Every refusal, not the first.
pub(crate) fn admit(request: &Request<'_>) -> Result<Admission, Vec<Fault>> {
    let Request { run, head, execution, plan } = request;
    let (file, text) = &run.policy;
    let policy = Policy::parse(file, text).map_err(|errors| {
        let message = format!("the policy has {} errors now and had none before", errors.len());
        vec![Fault::new(Code::BugInternal, Stage::Gate, message)]
    })?;
    let now = crate::wall::now();
    let case = Case {
        policy: &policy,
        base: Path::new(file).parent().unwrap_or(Path::new("")),
        realm: head.site.realm,
        rehearsals: execution.home.rehearsal_authority(),
        executor: run.operator.principal(),
        signer: &run.operator.signer,
        trust: &run.operator.trust,
        boundary: Boundary::of_run(run, now),
        confinement: head.confinement.as_ref(),
        can_rewrite: boundary::can_rewrite,
        kind: &head.script.kind,
        plan: *plan,
        run_id: &head.run_id,
        claims: &execution.claims,
        now,
    };
    case.admit()
}

/// Everything that the answer rests on, besides the authorities.
pub(super) struct Case<'a> {
    pub(super) policy: &'a Policy,
    /// The folder of the policy file.
    pub(super) base: &'a Path,
    pub(super) realm: Realm,
    /// The authority of rehearsals.
    pub(super) rehearsals: PathBuf,
    pub(super) executor: Principal,
    pub(super) signer: &'a Signer,
    pub(super) trust: &'a Trust,
    pub(super) boundary: Boundary,
    pub(super) confinement: Option<&'a Confinement>,
    /// Whether the executor's account can rewrite what lies at a path.
    pub(super) can_rewrite: fn(&Path) -> bool,
    pub(super) kind: &'a str,
    pub(super) plan: Option<&'a FoundPlan>,
    pub(super) run_id: &'a Slug,
    pub(super) claims: &'a Claims,
    pub(super) now: SystemTime,
}

/// What the executor signs before the first change.
#[derive(Serialize)]
struct Proof<'a> {
    format: u32,
    plan: Option<Digest>,
    run_id: &'a Slug,
}

impl Case<'_> {
    pub(super) fn admit(self) -> Result<Admission, Vec<Fault>> {
        let mut refused = self.unplanned();
        let touches = self.plan.map(|found| touches(&found.plan)).unwrap_or_default();
        let (window, misspelt) = self.window();
        refused.extend(misspelt);
        let (authorities, mut out_of_reach) = self.authorities(&touches);
        let mut known = Known::default();
        for (environment, authority) in &authorities {
            out_of_reach.extend(known.learn(&self, environment, authority).err());
        }
        let unknown = !out_of_reach.is_empty();
        refused.extend(out_of_reach);
        let boundary = authorities.values().fold(self.boundary.clone(), |boundary, authority| {
            boundary.with_folder(&authority.freezes(), self.can_rewrite)
        });
        let situation = self.situation(touches, window, known, &boundary);
        let decision = self.policy.decide(&situation);
        // What nobody could look for is not missing, and a window that cannot be read is not absent.
        let said = |fault: &&Fault| {
            let approval = fault.code.as_str().starts_with(Code::GuardApproval.as_str());
            let misspelt = self.claims.window.is_some() && window.is_none();
            let unsaid = (unknown && approval) || (misspelt && fault.code == Code::GuardWindow);
            !unsaid
        };
        refused.extend(decision.refused.iter().filter(said).cloned());
        match self.proof() {
            Ok(proof) if refused.is_empty() => Ok(Admission::new(
                decision,
                authorities,
                self.rehearsal_authority().map_err(|fault| vec![fault])?,
                (self.claims.reason.clone(), window, proof),
                self.trust.clone(),
                self.run_id.clone(),
            )),
            Ok(_) => Err(refused),
            Err(fault) => {
                refused.push(fault);
                Err(refused)
            }
        }
    }

    /// What is wrong with the plan before anything else is asked. A rehearsal goes without one: its twin is made for it alone.
    fn unplanned(&self) -> Vec<Fault> {
        let fault =
            |code, message: String, hint: &str| vec![Fault::new(code, Stage::Gate, message).hint(hint)];
        match self.plan {
            None if self.realm == Realm::Twin => Vec::new(),
            None => fault(
                Code::PlanStale,
                "there is no plan to execute".to_owned(),
                "Make one with `fabric run`, then `fabric run --execute --plan DIGEST`.",
            ),
            Some(found) => match artifact::digest(&found.plan) {
                Ok(digest) if digest == found.digest => Vec::new(),
                _ => fault(
                    Code::PlanAltered,
                    format!("the plan is not the one with the digest {}", found.digest),
                    "Make a new plan with `fabric run`; this one is not what was made.",
                ),
            },
        }
    }

    fn window(&self) -> (Option<Window>, Option<Fault>) {
        match &self.claims.window {
            None => (None, None),
            Some((start, end)) => match Window::parse(start, end) {
                Ok(window) => (Some(window), None),
                Err(fault) => (None, Some(fault)),
            },
        }
    }

    /// The authority of each environment that the plan touches, and why one cannot be reached.
    fn authorities(&self, touches: &[Touch]) -> (BTreeMap<Slug, Authority>, Vec<Fault>) {
        let environments: BTreeSet<&Slug> = touches.iter().map(|touch| &touch.environment).collect();
        let (mut reached, mut refused) = (BTreeMap::new(), Vec::new());
        for environment in environments {
            let authority = match self.rehearsal_authority() {
                Ok(Some(authority)) => Ok(authority),
                Ok(None) => Authority::of(self.policy, self.base, environment),
                Err(fault) => Err(fault),
            };
            match authority {
                Ok(authority) => {
                    reached.insert(environment.clone(), authority);
                }
                Err(fault) if refused.contains(&fault) => {}
                Err(fault) => refused.push(fault),
            }
        }
        (reached, refused)
    }

    fn rehearsal_authority(&self) -> Result<Option<Authority>, Fault> {
        match self.realm {
            Realm::Twin => Authority::of_rehearsals(self.rehearsals.clone()).map(Some),
            Realm::Lab | Realm::Real => Ok(None),
        }
    }

    fn situation(
        &self,
        touches: Vec<Touch>,
        window: Option<Window>,
        known: Known,
        boundary: &Boundary,
    ) -> Situation {
        Situation {
            now: self.now,
            kind: self.kind.to_owned(),
            touches,
            ci: self.claims.ci.as_ref().map(ToString::to_string),
            reason: self.claims.reason.clone(),
            window,
            executor: self.executor.clone(),
            plan: self.plan.map_or_else(|| Digest::of(b""), |found| found.digest),
            planned: self.plan.map_or(self.now, |found| found.made),
            approvals: known.approvals,
            unsound: known.unsound,
            freezes: known.freezes,
            recent: known.recent,
            rewritable: boundary.advisory(),
            unconfined: self.confinement.and_then(Confinement::reduced),
        }
    }

    /// The executor's signature over plan and run, checked as anybody else would check it: that he can sign, and that it counts.
    fn proof(&self) -> Result<String, Fault> {
        let proof = Proof { format: 1, plan: self.plan.map(|found| found.digest), run_id: self.run_id };
        let refused = |message: String, hint: String| {
            Fault::new(Code::GuardSigner, Stage::Gate, format!("the executor cannot sign: {message}"))
                .hint(hint)
        };
        let bug = |message: String| Fault::new(Code::BugInternal, Stage::Gate, message);
        let bytes = canonical::bytes(&proof).map_err(|error| bug(error.to_string()))?;
        let role = self.executor.roles.first().map_or("none", Slug::as_str);
        let signature = self
            .signer
            .sign(&bytes, role, INTENT, self.now)
            .map_err(|error| refused(error.to_string(), error.hint()))?;
        statement::verify(&bytes, &signature, INTENT, self.trust, self.now).map_err(|finding| {
            refused(
                finding.message,
                "Enter the key with a role in the trust file, or use one that stands there.".to_owned(),
            )
        })?;
        String::from_utf8(signature).map_err(|error| bug(error.to_string()))
    }
}

/// What the authorities say.
#[derive(Default)]
struct Known {
    approvals: Vec<fabric_gate::Approval>,
    unsound: Vec<String>,
    freezes: Vec<Freeze>,
    recent: BTreeMap<Slug, u32>,
    asked: Vec<Authority>,
}

impl Known {
    fn learn(&mut self, case: &Case<'_>, environment: &Slug, authority: &Authority) -> Result<(), Fault> {
        let frozen = freezes::frozen(authority, environment, case.trust, case.now)?;
        self.freezes.extend(frozen.into_iter().map(|frozen| frozen.freeze));
        self.recent.insert(environment.clone(), authority.recent(environment, case.now)?);
        // Environments may share an authority, and an approval counts once.
        if let Some(found) = case.plan.filter(|_| !self.asked.contains(authority)) {
            let (approvals, unsound) = authority.approvals_of(found.digest, case.trust, case.now)?;
            self.approvals.extend(approvals);
            self.unsound.extend(unsound);
            self.asked.push(authority.clone());
        }
        Ok(())
    }
}

/// What a plan changes: one for each change that does anything, and each of its targets.
fn touches(plan: &Plan) -> Vec<Touch> {
    let changes = plan.changes.iter().filter(|change| change.action.is_some());
    let touches = changes.flat_map(|change| {
        change.targets.iter().map(|target| Touch {
            primitive: change.primitive.clone(),
            class: change.class,
            resource: target.resource.clone(),
            environment: target.environment.clone(),
        })
    });
    touches.collect()
}
