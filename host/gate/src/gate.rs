//! The gate of one run.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use fabric_model::protection::{Protection, stands};
use fabric_model::resource::canonical_address;
use fabric_model::{Addressed, Class, Fault, Kind, PrimitiveName, Resource, Slug};

use crate::alias::Alias;
use crate::asked::Asked;
use crate::denial;
use crate::granted::Granted;
use crate::needs::Needs;
use crate::pattern;
use crate::policy::{Policy, RuleRef};

/// How many denials are kept in full; a script that asks in a loop is only counted from there on. Enough for every check of the
/// longest suite to be denied once.
pub const DENIAL_LIMIT: usize = 1000;

/// Who runs the script, from the trust file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The fingerprint of the certificate.
    pub fingerprint: String,
    /// The roles that the trust file gives it; a principal without roles is granted nothing.
    pub roles: Vec<Slug>,
}

/// The gate of one run: one policy, one script, one principal.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    needs: Needs,
    principal: Principal,
    latch: Mutex<Latch>,
}

/// Every denial so far. Nothing takes one back.
#[derive(Debug, Default)]
struct Latch {
    kept: Vec<Fault>,
    count: u64,
}

impl Gate {
    /// The gate for a run of the script that declares `needs`, by `principal`, under `policy`.
    pub fn new(policy: Policy, needs: Needs, principal: Principal) -> Self {
        Self { policy, needs, principal, latch: Mutex::default() }
    }

    /// Asks whether the script may call a primitive of this class on a resource that lies in `environment`.
    ///
    /// # Errors
    /// The first of these that holds: the script does not reach the class; it does not declare the call; a deny rule holds; the
    /// raw address is denied; no rule grants the call to this principal in this environment.
    pub fn request(
        &self,
        primitive: &PrimitiveName,
        class: Class,
        resource: Resource,
        environment: &Slug,
    ) -> Result<Granted<Resource>, Fault> {
        let (primitive, environment) = (primitive.clone(), environment.clone());
        self.answer(Asked { primitive, class, resource, environment }).map_err(|denial| self.latch(denial))
    }

    /// Asks again, for what the granted resource was resolved to. Connect to what this returns and resolve nothing anew.
    ///
    /// That a site's name leads to the site's own address, and that `aliases` are all that the site calls the addresses of the
    /// target, is for the caller to see to: the gate knows no site. The gate sees to it that no address is one that the policy
    /// denies, that no alias is denied in its own environment, that `addr:` leads to itself alone, and that a DNS name or a raw
    /// address is no way to what the site has a name for: there the call needs the grant of that name as well.
    ///
    /// # Errors
    /// When an address or an alias is denied, when a raw address has become another one, when there is no address that could be
    /// checked, or when a name or raw address leads to something of the site that the call is not granted on.
    pub fn target<T: Addressed>(
        &self,
        granted: &Granted<Resource>,
        target: T,
        aliases: &[Alias],
    ) -> Result<Granted<T>, Fault> {
        match self.refusal(granted, &target.addresses(), aliases) {
            Some(denial) => Err(self.latch(denial)),
            None => Ok(Granted::new(target, granted.rule().clone(), Arc::clone(granted.asked()))),
        }
    }

    /// The denials so far, oldest first, at most [`DENIAL_LIMIT`]. A run with any has not passed, whatever its script made of
    /// them.
    pub fn denials(&self) -> Vec<Fault> {
        self.latch.lock().unwrap_or_else(PoisonError::into_inner).kept.clone()
    }

    /// How many denials there were.
    pub fn denial_count(&self) -> u64 {
        self.latch.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    fn answer(&self, asked: Asked) -> Result<Granted<Resource>, Fault> {
        let rule = self.granting(&asked)?;
        Ok(Granted::new(asked.resource.clone(), rule, Arc::new(asked)))
    }

    /// The rule that grants it.
    fn granting(&self, asked: &Asked) -> Result<RuleRef, Fault> {
        let (needs, policy, principal) = (&self.needs, &self.policy, &self.principal);
        if asked.class > needs.reach && stands(Protection::Reach) {
            return Err(denial::over_reach(asked, needs, principal));
        }
        if !needs.declare(&asked.primitive, asked.class, &asked.resource) && stands(Protection::Declaration) {
            return Err(denial::undeclared(asked, needs, principal));
        }
        if let Some(rule) = policy.denied(asked, &principal.roles) {
            return Err(denial::by_rule(asked, &rule, principal));
        }
        match &asked.resource {
            Resource::Addr(address) => {
                if let Some(rule) = policy.denied_address(*address) {
                    return Err(denial::address(asked, *address, &rule, principal));
                }
            }
            Resource::Named { kind, name, .. } => {
                if let Some(address) = pattern::address_as_name(*kind, name.as_str()) {
                    return Err(denial::address_as_name(asked, address, principal));
                }
            }
            Resource::File { .. } | Resource::S3(_) => {}
        }
        policy.allowed(asked, &principal.roles).ok_or_else(|| denial::ungranted(asked, policy, principal))
    }

    fn refusal(&self, granted: &Granted<Resource>, addresses: &[IpAddr], aliases: &[Alias]) -> Option<Fault> {
        let asked = granted.asked();
        let addresses: Vec<IpAddr> = addresses.iter().copied().map(canonical_address).collect();
        let denied =
            addresses.iter().find_map(|address| Some((address, self.policy.denied_address(*address)?)));
        if let Some((address, rule)) = denied {
            return Some(denial::address(asked, *address, &rule, &self.principal));
        }
        let aliases = if stands(Protection::Aliases) { aliases } else { &[] };
        let denied = aliases
            .iter()
            .find_map(|alias| Some((alias, self.policy.denied(&asked.under(alias), &self.principal.roles)?)));
        if let Some((alias, rule)) = denied {
            return Some(denial::alias(asked, alias, &rule, &self.principal));
        }
        let expected = match &**granted {
            Resource::Addr(granted) => {
                addresses.iter().all(|address| *address == canonical_address(*granted))
            }
            Resource::File { .. } | Resource::S3(_) | Resource::Named { .. } => true,
        };
        // What lies on this machine has no address, and nothing else is without one.
        if addresses.is_empty() != granted.kind().is_local() || !expected {
            return Some(denial::other_address(asked, &addresses, &self.principal));
        }
        match granted.kind() {
            Kind::Addr | Kind::Name => self.trespass(asked, &addresses, aliases),
            _ => None,
        }
    }

    /// The refusal of a name or raw address that leads to what the site has a name for, unless the call is granted on that.
    fn trespass(&self, asked: &Asked, addresses: &[IpAddr], aliases: &[Alias]) -> Option<Fault> {
        addresses.iter().find_map(|address| {
            let names = aliases.iter().filter(|a| a.exact && a.address.to_canonical() == *address);
            let mut refused = None;
            for alias in names {
                match self.granting(&asked.under(alias)) {
                    Ok(_) => return None,
                    Err(why) => refused = refused.or(Some((alias, why))),
                }
            }
            refused.map(|(alias, why)| denial::trespass(asked, alias, why, &self.principal))
        })
    }

    fn latch(&self, denial: Fault) -> Fault {
        let mut latch = self.latch.lock().unwrap_or_else(PoisonError::into_inner);
        latch.count += 1;
        if latch.kept.len() < DENIAL_LIMIT && stands(Protection::DenialLatch) {
            latch.kept.push(denial.clone());
        }
        denial
    }
}
