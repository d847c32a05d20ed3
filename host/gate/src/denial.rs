//! The words of every refusal: what was asked, why not, and the line that would change it.

use std::net::IpAddr;

use fabric_model::{Class, Code, Fault, Slug, Stage};

use crate::alias::Alias;
use crate::asked::Asked;
use crate::gate::Principal;
use crate::needs::Needs;
use crate::pattern::Pattern;
use crate::policy::{Policy, Primitives, Rule, RuleRef};

/// The script calls something of a stronger class than it says it reaches.
pub(crate) fn over_reach(asked: &Asked, needs: &Needs, principal: &Principal) -> Fault {
    let (class, reach) = (asked.class, needs.reach);
    fault(
        Code::DeniedUndeclared,
        asked,
        principal,
        &format!("is of class {class}, and the script reaches {reach} only"),
    )
    .hint(format!("Set `reach = \"{class}\"` in the header of {}, if the script should do that.", needs.file))
}

/// The script does not declare the call.
pub(crate) fn undeclared(asked: &Asked, needs: &Needs, principal: &Principal) -> Fault {
    let refused = fault(Code::DeniedUndeclared, asked, principal, "is not declared by the script");
    let declared: Vec<_> = needs.of(&asked.primitive).collect();
    let line = grant_line(asked, declared.iter().map(|(pattern, _)| *pattern));
    let comment = if needs.file.ends_with(".lua") || needs.file.ends_with(".luau") { "--" } else { "//" };
    let refused = refused.hint(match declared.first() {
        Some((_, at)) => format!("In {}, line {at}, write `{comment} {line}`.", needs.file),
        None => format!("Add `{comment} {line}` below `[needs]` in the header of {}.", needs.file),
    });
    wildcard(refused, asked, declared.iter().map(|(pattern, _)| *pattern))
}

/// A deny rule holds.
pub(crate) fn by_rule(asked: &Asked, rule: &RuleRef, principal: &Principal) -> Fault {
    fault(Code::DeniedByRule, asked, principal, &format!("is denied by rule `{}`", rule.name)).hint(format!(
        "Rule {rule} denies it whatever else is granted; ask the owner of the policy if it should not."
    ))
}

/// An address of the target is denied.
pub(crate) fn address(asked: &Asked, address: IpAddr, rule: &RuleRef, principal: &Principal) -> Fault {
    let why = format!("leads to {address}, which is denied by rule `{}`", rule.name);
    fault(Code::DeniedAddress, asked, principal, &why).hint(format!(
        "Rule {rule} denies the address; find out why `{}` leads there before the rule is changed.",
        asked.resource
    ))
}

/// What the site calls the target, or something on the way to it, is denied.
pub(crate) fn alias(asked: &Asked, alias: &Alias, rule: &RuleRef, principal: &Principal) -> Fault {
    let Alias { address, resource, environment, .. } = alias;
    let why = format!(
        "leads to {address}, which is `{resource}` in environment `{environment}` and denied by rule `{}`",
        rule.name
    );
    fault(Code::DeniedByRule, asked, principal, &why).hint(format!(
        "Rule {rule} denies `{resource}` under every name and on the way to others; ask the owner of the policy if it should not."
    ))
}

/// A name or raw address leads to what the site has a name for, and the call is not granted on that. `why` is what the gate
/// says of that.
pub(crate) fn trespass(asked: &Asked, alias: &Alias, why: Fault, principal: &Principal) -> Fault {
    let Alias { address, resource, environment, .. } = alias;
    let kind = asked.resource.kind().as_str();
    let told = format!(
        "leads to {address}, the site's `{resource}` in environment `{environment}`, which no grant of `{kind}:` covers"
    );
    let hint =
        format!("Ask for `{resource}` by this name; a grant of `{kind}:` is for what is not the site's own.");
    why.hints.into_iter().fold(fault(Code::DeniedAddress, asked, principal, &told).hint(hint), Fault::hint)
}

/// The target is not the address that was granted, or has none at all.
pub(crate) fn other_address(asked: &Asked, found: &[IpAddr], principal: &Principal) -> Fault {
    let found = match found {
        [] => "leads to no address, so none can be checked".to_owned(),
        some => format!("leads to {}", some.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")),
    };
    fault(Code::DeniedAddress, asked, principal, &found)
        .hint(format!("A grant of `{}` is for what it names and nothing else.", asked.resource))
}

/// A raw address is called a name.
pub(crate) fn address_as_name(asked: &Asked, address: IpAddr, principal: &Principal) -> Fault {
    fault(Code::DeniedResource, asked, principal, "names an address, which no name grants")
        .hint(format!("Ask for `addr:{}` and have it granted.", address.to_canonical()))
}

/// No rule of the policy grants the call.
pub(crate) fn ungranted(asked: &Asked, policy: &Policy, principal: &Principal) -> Fault {
    let refused = fault(Code::DeniedResource, asked, principal, "is not granted");
    let file = &policy.file;
    let Some(role) = principal.roles.first() else {
        return refused.hint(format!(
            "Give the certificate {} a role in the trust file: it has none.",
            principal.fingerprint
        ));
    };
    let rules: Vec<&Rule> = policy.allow.iter().filter(|rule| rule.is_for(asked, &principal.roles)).collect();
    let entries = rules.iter().flat_map(|rule| rule.entries.iter().map(|entry| (*rule, entry)));
    let entry =
        entries.into_iter().find(|(_, entry)| entry.primitives == Primitives::One(asked.primitive.clone()));
    match (entry, rules.first()) {
        (Some((rule, entry)), _) => {
            let line = grant_line(asked, entry.patterns.iter().map(|(pattern, _)| pattern));
            let hint = format!("In {file}, line {}, rule `{}`: `{line}` would grant it.", entry.line, rule.name);
            wildcard(refused.hint(hint), asked, entry.patterns.iter().map(|(pattern, _)| pattern))
        }
        (None, Some(rule)) => refused.hint(format!(
            "In {file}, `{}` below `[allow.primitives]` of rule `{}` would grant it.",
            grant_line(asked, []),
            rule.name
        )),
        (None, None) => refused.hint(format!(
            "No rule of {file} is for environment `{environment}` and {roles}; this one would grant it:\n[[allow]]\n\
             name = \"...\"\nenvironments = [\"{environment}\"]\nroles = [\"{role}\"]\n[allow.primitives]\n{line}",
            environment = asked.environment,
            roles = roles(&principal.roles),
            line = grant_line(asked, []),
        )),
    }
}

fn fault(code: Code, asked: &Asked, principal: &Principal, why: &str) -> Fault {
    Fault::new(code, Stage::Gate, format!("{asked} as {} {why}", roles(&principal.roles)))
}

fn roles(roles: &[Slug]) -> String {
    match roles {
        [] => "nobody (no role)".to_owned(),
        some => some.iter().map(|role| format!("`{role}`")).collect::<Vec<_>>().join(", "),
    }
}

/// The TOML line that declares or grants what was asked beside what the line holds already.
fn grant_line<'a>(asked: &Asked, present: impl IntoIterator<Item = &'a Pattern>) -> String {
    let mut patterns: Vec<String> = present.into_iter().map(|pattern| format!("\"{pattern}\"")).collect();
    patterns.push(format!("\"{}\"", asked.resource));
    format!("\"{}\" = [{}]", asked.primitive, patterns.join(", "))
}

/// Explains a pattern that matches and yet does not count.
fn wildcard<'a>(refused: Fault, asked: &Asked, present: impl IntoIterator<Item = &'a Pattern>) -> Fault {
    match present.into_iter().find(|pattern| pattern.matches(&asked.resource)) {
        Some(pattern) if asked.class == Class::Destroy => {
            refused.hint(format!("`{pattern}` does not count: what destroys must be named in full."))
        }
        _ => refused,
    }
}
