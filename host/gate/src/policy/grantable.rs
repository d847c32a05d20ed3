//! Whether a need can ever be granted, by whomever it is asked and wherever: what authors learn before they run anything.

use fabric_model::PrimitiveName;

use super::{Names, Policy, RuleRef};
use crate::pattern::Pattern;

/// Why a need is never granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// This rule denies all of it to everybody everywhere.
    Denied(RuleRef),
    /// No rule allows any of it; the first one that is about the primitive at all, if there is one.
    Ungranted(Option<RuleRef>),
}

impl Policy {
    /// Why a call of the primitive on what the pattern matches is never granted; nothing where some of it is to somebody.
    pub fn never_grants(&self, primitive: &PrimitiveName, need: &Pattern) -> Option<Never> {
        let everywhere =
            self.deny.iter().filter(|rule| rule.environments == Names::All && rule.roles == Names::All);
        for rule in everywhere {
            if let Some(line) = rule.find(primitive, |pattern| pattern.forbids_all_of(need)) {
                return Some(Never::Denied(self.at(&rule.name, line)));
            }
        }
        if self.allow.iter().any(|rule| rule.find(primitive, |pattern| pattern.meets(need)).is_some()) {
            return None;
        }
        let about = self.allow.iter().find_map(|rule| {
            let line = rule.find(primitive, |_| true)?;
            Some(self.at(&rule.name, line))
        });
        Some(Never::Ungranted(about))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "format = 1\n[[allow]]\nname = \"a\"\nenvironments = [\"lab\"]\nroles = [\"dev\"]\n[allow.primitives]\n\
        \"dns.query\" = [\"vip:dns*\"]\n\"unit.stop\" = [\"host:*/*\"]\n[[deny]]\nname = \"d\"\nenvironments = [\"*\"]\nroles = [\"*\"]\n\
        [deny.primitives]\n\"*\" = [\"host:vault-*\"]\n";

    #[test]
    fn a_need_is_never_granted_where_no_rule_meets_it_or_one_denies_all_of_it() {
        let policy = Policy::parse("p.toml", POLICY).unwrap_or_else(|errors| panic!("{errors:?}"));
        let never = |primitive: &str, need: &str| {
            policy.never_grants(&primitive.parse().expect("a name"), &need.parse().expect("a pattern"))
        };
        assert_eq!(never("dns.query", "vip:*"), None);
        assert_eq!(never("unit.stop", "host:*/keepalived"), None);
        assert!(
            matches!(never("unit.stop", "host:vault-1/x"), Some(Never::Denied(rule)) if rule.name == "d")
        );
        assert!(matches!(never("dns.query", "host:a"), Some(Never::Ungranted(Some(rule))) if rule.line == 7));
        assert_eq!(never("tcp.connect", "vip:dns"), Some(Never::Ungranted(None)));
    }
}
