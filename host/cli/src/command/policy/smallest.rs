//! The smallest policy that some runs need: the present one with each `[[allow]]` cut to what was used of it. Whatever denies, guards or
//! asks for more stays as it is.

use std::collections::BTreeSet;

use fabric_gate::Policy;
use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::minimise::{OfRule, Use};

/// Writes it.
///
/// # Errors
/// When the rules are not written as `[[allow]]`, or nothing of the policy was used.
pub(super) fn policy(text: &str, used: &Use, scripts: &[String]) -> Result<String, Refusal> {
    let refused =
        |why: &str| Refusal::new(Exit::Configuration, format!("no smaller policy can be written: {why}"));
    let mut document: DocumentMut = text.parse().map_err(|_| refused("the policy is no TOML"))?;
    let rules = document.get_mut("allow").and_then(Item::as_array_of_tables_mut);
    let rules = rules.ok_or_else(|| refused("its rules are not written as [[allow]]"))?;
    if used.rules.is_empty() {
        return Err(refused("nothing of it was used"));
    }
    rules.retain(|rule| of(rule, used).is_some());
    for rule in rules.iter_mut() {
        if let Some(cut) = of(rule, used) {
            narrow(rule, cut);
        }
    }
    let made = format!(
        "# The least that these runs need of the policy: {}.\n# Review it: a run takes one way through a script, and what is used \
         on another is not here.\n\n{document}",
        scripts.join(", ")
    );
    match Policy::parse("the smallest policy", &made) {
        Ok(_) => Ok(made),
        Err(errors) => {
            Err(Refusal { diagnostics: errors, ..Refusal::new(Exit::Bug, "what was made is no policy") })
        }
    }
}

fn of<'u>(rule: &Table, used: &'u Use) -> Option<&'u OfRule> {
    used.rules.get(rule.get("name")?.as_str()?)
}

fn narrow(rule: &mut Table, cut: &OfRule) {
    for (key, names) in [("environments", &cut.environments), ("roles", &cut.roles)] {
        if let Some(Value::Array(written)) = rule.get_mut(key).and_then(Item::as_value_mut) {
            cut_names(written, names);
        }
    }
    if let Some(primitives) = rule.get_mut("primitives").and_then(Item::as_table_like_mut) {
        let names: Vec<String> = primitives.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            match cut.primitives.get(&name) {
                Some(resources) => {
                    primitives.insert(&name, Item::Value(listed(resources.keys())));
                }
                None => {
                    primitives.remove(&name);
                }
            }
        }
    }
}

/// Leaves the names that were used; `*` becomes these names, where there are any.
fn cut_names(written: &mut Array, used: &BTreeSet<Slug>) {
    let any = written.iter().any(|name| name.as_str() == Some("*"));
    if !(any && used.is_empty()) {
        let has = |name: &Slug| any || written.iter().any(|written| written.as_str() == Some(name.as_str()));
        *written = used.iter().filter(|name| has(name)).map(Slug::as_str).collect();
    }
}

/// One resource to a line, so that a review sees each come and go.
fn listed<'a>(resources: impl Iterator<Item = &'a String>) -> Value {
    let mut list = Array::new();
    for resource in resources {
        list.push_formatted(Value::from(resource.as_str()).decorated("\n  ", ""));
    }
    list.set_trailing("\n");
    list.set_trailing_comma(true);
    Value::Array(list)
}
