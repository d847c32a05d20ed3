//! The policy: which principals may do what to which resources where.

mod grantable;
mod grants;
mod guard;
mod parse;
mod reader;

use std::fmt;
use std::net::IpAddr;

use fabric_model::protection::{Protection, stands};
use fabric_model::{Class, Diagnostic, PrimitiveName, Slug};
use ipnet::IpNet;

use crate::asked::Asked;
use crate::guard::{Authority, Guard};
use crate::network;
use crate::pattern::Pattern;

pub use self::grantable::Never;
pub use self::grants::{Grant, Met};

/// A policy file.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) file: String,
    /// The line that asks every run for a worker which is fully confined.
    pub(crate) confined: Option<usize>,
    pub(crate) allow: Vec<Rule>,
    pub(crate) deny: Vec<Rule>,
    deny_address: Vec<AddressRule>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) authorities: Vec<Authority>,
}

/// A line of a policy: what evidence and denials point to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleRef {
    /// The rule's name.
    pub name: String,
    /// The policy file as the operator named it.
    pub file: String,
    /// The line of the pattern or network that decided, counted from 1.
    pub line: usize,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}:{})", self.name, self.file, self.line)
    }
}

/// An `[[allow]]` or a `[[deny]]`.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) environments: Names,
    pub(crate) roles: Names,
    pub(crate) entries: Vec<Entry>,
}

/// One line of a rule's primitives.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) primitives: Primitives,
    pub(crate) line: usize,
    pub(crate) patterns: Vec<(Pattern, usize)>,
}

/// Which primitives a line is about. All but `One` stand in denials and guards only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Primitives {
    All,
    Area(String),
    One(PrimitiveName),
}

/// Environments or roles: named ones, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    All,
    These(Vec<Slug>),
}

/// A `[[deny_address]]`.
#[derive(Clone, Debug)]
struct AddressRule {
    name: String,
    networks: Vec<(IpNet, usize)>,
}

impl Policy {
    /// Reads a policy. `file` is what the operator calls it; every denial says it.
    ///
    /// # Errors
    /// Every error of the file with its line: a policy that is wrong anywhere grants nothing.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::policy(file, text)
    }

    /// Every primitive that the policy names in full, with its line, for comparison with those that exist: a misspelt one in a
    /// deny rule denies nothing, and one in a guard guards nothing.
    pub fn primitives(&self) -> impl Iterator<Item = (&PrimitiveName, usize)> {
        self.entries().filter_map(|entry| match &entry.primitives {
            Primitives::One(name) => Some((name, entry.line)),
            Primitives::All | Primitives::Area(_) => None,
        })
    }

    /// Every area that a deny rule or a guard names, as in `"dns.*"`, with its line, for the same comparison.
    pub fn areas(&self) -> impl Iterator<Item = (&str, usize)> {
        self.entries().filter_map(|entry| match &entry.primitives {
            Primitives::Area(area) => Some((area.as_str(), entry.line)),
            Primitives::All | Primitives::One(_) => None,
        })
    }

    /// The environments that have an authority, which keeps their freezes.
    pub fn authority_environments(&self) -> impl Iterator<Item = &Slug> {
        self.authorities
            .iter()
            .flat_map(|authority| &authority.environments)
            .map(|(environment, _)| environment)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let rules = self.allow.iter().chain(&self.deny).flat_map(|rule| &rule.entries);
        rules.chain(self.guards.iter().flat_map(|guard| &guard.entries))
    }

    /// The deny rule that holds for a call, if any.
    pub(crate) fn denied(&self, asked: &Asked, roles: &[Slug]) -> Option<RuleRef> {
        let holds = |rule: &&Rule| {
            rule.environments.have(&asked.environment)
                && rule.roles.have_any(roles)
                && stands(Protection::DenyRules)
        };
        self.deny.iter().filter(holds).find_map(|rule| {
            rule.find(&asked.primitive, |pattern| pattern.forbids(&asked.resource))
                .map(|line| self.at(&rule.name, line))
        })
    }

    /// The address rule that denies an address, if any.
    pub(crate) fn denied_address(&self, address: IpAddr) -> Option<RuleRef> {
        self.deny_address.iter().find_map(|rule| {
            let holds = |network| network::contains(network, address) && stands(Protection::DeniedAddresses);
            let (_, line) = rule.networks.iter().find(|(network, _)| holds(network))?;
            Some(self.at(&rule.name, *line))
        })
    }

    /// The allow rule that grants a call, if any.
    pub(crate) fn allowed(&self, asked: &Asked, roles: &[Slug]) -> Option<RuleRef> {
        self.allow.iter().filter(|rule| rule.is_for(asked, roles)).find_map(|rule| {
            let holds = |pattern: &Pattern| {
                pattern.permits(asked.class, &asked.resource) || !stands(Protection::Grants)
            };
            rule.find(&asked.primitive, holds).map(|line| self.at(&rule.name, line))
        })
    }

    pub(crate) fn at(&self, name: &str, line: usize) -> RuleRef {
        RuleRef { name: name.to_owned(), file: self.file.clone(), line }
    }
}

impl Rule {
    /// Whether an allow rule is about this environment and principal. What destroys is granted by names alone: as with
    /// resources, a `*` does not stand for them.
    pub(crate) fn is_for(&self, asked: &Asked, roles: &[Slug]) -> bool {
        self.is_for_class(asked.class, &asked.environment, roles)
    }

    fn is_for_class(&self, class: Class, environment: &Slug, roles: &[Slug]) -> bool {
        let spelled_out = self.environments != Names::All && self.roles != Names::All;
        self.environments.have(environment)
            && self.roles.have_any(roles)
            && (spelled_out || class < Class::Destroy)
    }

    /// The line of the first pattern about this primitive that `holds`.
    fn find(&self, primitive: &PrimitiveName, holds: impl Fn(&Pattern) -> bool) -> Option<usize> {
        let about = self.entries.iter().filter(|entry| entry.primitives.have(primitive));
        about.flat_map(|entry| &entry.patterns).find(|(pattern, _)| holds(pattern)).map(|(_, line)| *line)
    }
}

impl Primitives {
    pub(crate) fn have(&self, primitive: &PrimitiveName) -> bool {
        match self {
            Self::All => true,
            Self::Area(area) => area == primitive.area(),
            Self::One(name) => name == primitive,
        }
    }
}

impl Names {
    pub(crate) fn have(&self, name: &Slug) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }

    /// `*` also holds for a principal without any role: a denial for everybody is for strangers first.
    pub(crate) fn have_any(&self, names: &[Slug]) -> bool {
        *self == Self::All || names.iter().any(|name| self.have(name))
    }
}
