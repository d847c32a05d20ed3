//! What the decision rests on. Whoever keeps the clock and the files fills it in.

use std::collections::BTreeMap;
use std::time::SystemTime;

use fabric_model::{Class, Digest, Kind, PrimitiveName, Resource, Slug};

use super::window::Window;
use crate::gate::Principal;

/// Everything that the decision about a run rests on.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Now.
    pub now: SystemTime,
    /// The kind of the script: `gameday`, `dr` or `operation`.
    pub kind: String,
    /// What the plan changes: one for each change and each of its targets.
    pub touches: Vec<Touch>,
    /// What shows that this is CI, such as `CI=true`; none where it is not.
    pub ci: Option<String>,
    /// Why the executor makes the change.
    pub reason: Option<String>,
    /// The maintenance window that he states.
    pub window: Option<Window>,
    /// Who executes.
    pub executor: Principal,
    /// The digest of the plan.
    pub plan: Digest,
    /// When the plan was made.
    pub planned: SystemTime,
    /// Approvals whose signatures are good.
    pub approvals: Vec<Approval>,
    /// What lies among the approvals of the plan and is none, each with the reason: a signature that does not verify, a signer
    /// whom nobody trusts.
    pub unsound: Vec<String>,
    /// Freezes that nobody has lifted.
    pub freezes: Vec<Freeze>,
    /// Changes of the last hour, by environment.
    pub recent: BTreeMap<Slug, u32>,
    /// What the executor could rewrite of that which binds him; none where the boundary is enforced.
    pub rewritable: Option<String>,
    /// What keeps a script in and is missing; none where its worker is fully confined.
    pub unconfined: Option<String>,
}

/// One target of one planned change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Which primitive.
    pub primitive: PrimitiveName,
    /// Its strength.
    pub class: Class,
    /// On what.
    pub resource: Resource,
    /// The environment that it lies in, from the site file.
    pub environment: Slug,
}

/// A principal's consent to one plan, signed by him. It counts only as far as what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who signed, with the roles that the trust file gives him.
    pub approver: Principal,
    /// The role in which he signed.
    pub role: Slug,
    /// The plan's digest.
    pub plan: Digest,
    /// The environments in which it may be executed.
    pub environments: Vec<Slug>,
    /// The fingerprint of whoever may execute it.
    pub executor: String,
    /// The window in which it may be executed.
    pub window: Option<Window>,
    /// What makes it usable once.
    pub nonce: String,
    /// When it was given.
    pub made: SystemTime,
    /// From when on it does not count.
    pub expires: SystemTime,
    /// Whether its nonce was used before.
    pub used: bool,
}

/// A freeze of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The environment.
    pub environment: Slug,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When it ends by itself; none where only lifting ends it, as with a freeze that nobody can read.
    pub until: Option<SystemTime>,
}

impl Freeze {
    /// Whether it freezes an environment at an instant.
    pub(crate) fn holds(&self, environment: &Slug, now: SystemTime) -> bool {
        self.environment == *environment && self.until.is_none_or(|until| now < until)
    }
}

/// What a resource counts as in a budget of targets. A container is one target, whether it is reached as a host, through one of
/// its parts, or as a guest of the cluster.
pub fn target_of(resource: &Resource) -> String {
    match resource {
        Resource::Addr(address) => format!("addr:{address}"),
        Resource::Named { kind: Kind::Host | Kind::Guest, name, .. } => name.to_string(),
        Resource::File { host, .. } => host.to_string(),
        Resource::S3(path) => format!("s3:{}", path.server),
        Resource::Named { kind, name, .. } => format!("{}:{name}", kind.as_str()),
    }
}
