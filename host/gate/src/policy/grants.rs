//! The grants of a policy one by one, for who reviews it: which one lets a call through, and what becomes of a declared need.

use fabric_model::{Class, PrimitiveName, Resource, Slug};

use super::{Policy, Primitives, RuleRef};
use crate::asked::Asked;
use crate::guard::Guard;
use crate::pattern::Pattern;

/// One grant: a primitive on what a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The rule, with the line of the pattern.
    pub rule: RuleRef,
    /// The primitive.
    pub primitive: PrimitiveName,
    /// What it is granted on.
    pub pattern: Pattern,
}

/// What the policy says about everything that a declared need can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The first rule that denies some of it, and whether it denies all of it.
    pub denied: Option<(RuleRef, bool)>,
    /// The first rule that allows all of it, else the first that allows some of it; and whether that is all.
    pub allowed: Option<(RuleRef, bool)>,
    /// The guards that are about some of it.
    pub guards: Vec<RuleRef>,
    /// Whether any of them opens the environment to it, or it only observes.
    pub open: bool,
}

impl Met {
    /// Whether there is a call of it that the policy lets through.
    pub fn is_possible(&self) -> bool {
        self.allowed.is_some() && self.open && !matches!(self.denied, Some((_, true)))
    }
}

impl Policy {
    /// Every grant, in the order of the file.
    pub fn grants(&self) -> Vec<Grant> {
        let mut found = Vec::new();
        for rule in &self.allow {
            for entry in &rule.entries {
                let Primitives::One(primitive) = &entry.primitives else { continue };
                found.extend(entry.patterns.iter().map(|(pattern, line)| Grant {
                    rule: self.at(&rule.name, *line),
                    primitive: primitive.clone(),
                    pattern: pattern.clone(),
                }));
            }
        }
        found
    }

    /// The grant that lets a call through, if one does and no rule denies it.
    pub fn grant_of(
        &self,
        primitive: &PrimitiveName,
        class: Class,
        resource: &Resource,
        environment: &Slug,
        roles: &[Slug],
    ) -> Option<Grant> {
        let asked = Asked {
            primitive: primitive.clone(),
            class,
            resource: resource.clone(),
            environment: environment.clone(),
        };
        if self.denied(&asked, roles).is_some() {
            return None;
        }
        self.allow.iter().filter(|rule| rule.is_for(&asked, roles)).find_map(|rule| {
            let entries = rule.entries.iter().filter(|entry| entry.primitives.have(primitive));
            let mut patterns = entries.flat_map(|entry| &entry.patterns);
            let (pattern, line) = patterns.find(|(pattern, _)| pattern.permits(class, resource))?;
            let (rule, pattern) = (self.at(&rule.name, *line), pattern.clone());
            Some(Grant { rule, primitive: primitive.clone(), pattern })
        })
    }

    /// What becomes of a need that a script declares, in `environment` and for somebody in these roles.
    pub fn meets(
        &self,
        primitive: &PrimitiveName,
        class: Class,
        need: &Pattern,
        environment: &Slug,
        roles: &[Slug],
    ) -> Met {
        let holds = |rule: &&super::Rule| rule.environments.have(environment) && rule.roles.have_any(roles);
        let deny: Vec<_> = self.deny.iter().filter(holds).collect();
        let whole = |rule: &&super::Rule| rule.find(primitive, |pattern| pattern.forbids_all_of(need));
        let part = |rule: &&super::Rule| {
            rule.find(primitive, |pattern| pattern.meets(need) || pattern.forbids_all_of(need))
        };
        let first = |rules: &[&super::Rule], find: &dyn Fn(&&super::Rule) -> Option<usize>, all: bool| {
            rules.iter().find_map(|rule| Some((self.at(&rule.name, find(rule)?), all)))
        };
        let allow: Vec<_> =
            self.allow.iter().filter(|rule| rule.is_for_class(class, environment, roles)).collect();
        let grants = |pattern: &Pattern| class < Class::Destroy || !pattern.has_wildcard();
        let covers =
            |rule: &&super::Rule| rule.find(primitive, |pattern| grants(pattern) && pattern.covers(need));
        let meets =
            |rule: &&super::Rule| rule.find(primitive, |pattern| grants(pattern) && pattern.meets(need));
        let guards: Vec<&Guard> = self
            .guards
            .iter()
            .filter(|row| class > Class::Observe && row.may_be_about(primitive, need, environment, roles))
            .collect();
        Met {
            denied: first(&deny, &whole, true).or_else(|| first(&deny, &part, false)),
            allowed: first(&allow, &covers, true).or_else(|| first(&allow, &meets, false)),
            open: class == Class::Observe || !guards.is_empty(),
            guards: guards.iter().map(|row| self.at(&row.name, row.line)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "format = 1\n[[allow]]\nname = \"a\"\nenvironments = [\"lab\"]\nroles = [\"dev\"]\n[allow.primitives]\n\
        \"dns.query\" = [\"vip:dns*\", \"host:a\"]\n\"unit.stop\" = [\"host:*/*\"]\n[[deny]]\nname = \"d\"\nenvironments = [\"*\"]\n\
        roles = [\"*\"]\n[deny.primitives]\n\"*\" = [\"host:vault-*\"]\n";

    fn policy() -> Policy {
        Policy::parse("p.toml", POLICY).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    #[test]
    fn the_grant_of_a_call_is_the_pattern_that_permits_it() {
        let grant = |primitive: &str, resource: &str, role: &str| {
            let roles = [role.parse().expect("a role")];
            let environment = "lab".parse().expect("a name");
            let primitive = primitive.parse().expect("a primitive");
            let resource = resource.parse().expect("a resource");
            let found = policy().grant_of(&primitive, Class::Observe, &resource, &environment, &roles);
            found.map(|grant| grant.pattern.to_string())
        };
        assert_eq!(grant("dns.query", "vip:dns-gateway", "dev").as_deref(), Some("vip:dns*"));
        assert_eq!(grant("dns.query", "host:a", "dev").as_deref(), Some("host:a"));
        assert_eq!(grant("dns.query", "host:b", "dev"), None);
        assert_eq!(grant("dns.query", "host:a", "else"), None);
        assert_eq!(grant("unit.stop", "host:vault-1/x", "dev"), None, "deny wins");
        assert_eq!(policy().grants().len(), 3);
    }

    #[test]
    fn a_need_is_met_in_whole_in_part_or_not_at_all() {
        let met = |primitive: &str, class, need: &str| {
            let (environment, roles) = ("lab".parse().expect("a name"), ["dev".parse().expect("a role")]);
            let (primitive, need) = (primitive.parse().expect("a name"), need.parse().expect("a pattern"));
            policy().meets(&primitive, class, &need, &environment, &roles)
        };
        let whole = |found: &Option<(RuleRef, bool)>| found.as_ref().map(|(_, whole)| *whole);
        let all = met("dns.query", Class::Observe, "vip:dns-*");
        assert_eq!((whole(&all.allowed), whole(&all.denied), all.is_possible()), (Some(true), None, true));
        assert_eq!(whole(&met("dns.query", Class::Observe, "vip:*").allowed), Some(false));
        let none = met("dns.query", Class::Observe, "host:b");
        assert_eq!((none.allowed.is_none(), none.is_possible()), (true, false));
        let vault = met("unit.stop", Class::Change, "host:vault-1/x");
        assert_eq!((whole(&vault.denied), vault.is_possible()), (Some(true), false));
        let closed = met("unit.stop", Class::Change, "host:b/x");
        assert_eq!((whole(&closed.allowed), closed.open, closed.is_possible()), (Some(true), false, false));
    }
}
