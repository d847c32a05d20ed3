//! The reserved namespace `site`: what the site file says, as plain data.

use std::collections::BTreeMap;

use fabric_model::Value;

use super::raised::{Raised, argument};
use super::{Caller, Language};
use crate::nearest::suggestion;

/// The namespace.
pub(crate) const NAMESPACE: &str = "site";

/// Every function of the namespace.
pub const FUNCTIONS: &[&str] = &[
    "environment",
    "environments",
    "host",
    "hosts",
    "info",
    "node",
    "nodes",
    "plane",
    "planes",
    "vip",
    "vips",
    "zone",
    "zones",
];

/// What one thing is called, and the key under which all of its kind stand.
const KINDS: [(&str, &str); 6] = [
    ("environment", "environments"),
    ("host", "hosts"),
    ("node", "nodes"),
    ("plane", "planes"),
    ("vip", "vips"),
    ("zone", "zones"),
];

/// A function of the namespace, for references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFunction {
    /// Its name, without the namespace.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: String,
    /// What it takes, as a call shows it: a name, a filter, or nothing.
    pub argument: Option<&'static str>,
    /// What it takes and gives back, as Luau's definitions write it.
    pub luau_type: &'static str,
}

/// Every function of the namespace, with what it does.
pub fn functions() -> impl Iterator<Item = SiteFunction> {
    FUNCTIONS.iter().map(|name| {
        let one = KINDS.iter().find(|(one, _)| one == name);
        let all = KINDS.iter().find(|(_, all)| all == name);
        let (summary, argument, luau_type) = match (one, all) {
            (Some((one, _)), _) => {
                (format!("The {one} of that name."), Some("name"), "(name: string) -> { [string]: any }")
            }
            (_, Some((one, all))) => (
                format!(
                    "All {all}, or every {one} whose fields equal those of the filter; each with its `name`."
                ),
                Some("filter"),
                "(filter: { [string]: any }?) -> { { [string]: any } }",
            ),
            (None, None) => {
                ("What the site file says of the site itself.".to_owned(), None, "() -> { [string]: any }")
            }
        };
        SiteFunction { name, summary, argument, luau_type }
    })
}

/// Calls one of its functions: one thing by its name, all of a kind, or all of a kind whose fields equal those of a filter.
pub(super) fn call<L: Language, C: Caller<L>>(
    caller: &C,
    function: &str,
    given: &[L::Value],
) -> Result<Value, Raised> {
    let site = &caller.branch().run.site;
    let given: Vec<Value> = given
        .iter()
        .map(|value| {
            caller.read(value).map_err(|e| argument(format!("the argument of `site.{function}`: {e}")))
        })
        .collect::<Result<_, _>>()?;
    let one = KINDS.iter().find(|(one, _)| *one == function);
    let all = KINDS.iter().find(|(_, all)| *all == function);
    match (one, all, given.as_slice()) {
        (Some((one, all)), _, [Value::Text(name)]) => named(site, one, all, name),
        (Some((one, _)), _, _) => Err(argument(format!("`site.{one}` takes the name of one {one}"))),
        (_, Some((_, all)), []) => Ok(Value::List(entries(site, all))),
        (_, Some((_, all)), [Value::Map(filter)]) => filtered(site, all, filter),
        (_, Some((_, all)), _) => {
            Err(argument(format!("`site.{all}` takes nothing, or a table of fields that all of them have")))
        }
        (None, None, []) => Ok(field(site, "info").cloned().unwrap_or_default()),
        (None, None, _) => Err(argument(format!("`site.{function}` takes nothing"))),
    }
}

fn field<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Map(entries) => entries.get(key),
        _ => None,
    }
}

/// Everything of one kind, in the order of the names, each with its `name`.
fn entries(site: &Value, all: &str) -> Vec<Value> {
    match field(site, all) {
        Some(Value::Map(entries)) => entries.iter().map(|(name, entry)| with_name(name, entry)).collect(),
        Some(Value::List(entries)) => entries.clone(),
        _ => Vec::new(),
    }
}

fn with_name(name: &str, entry: &Value) -> Value {
    let mut fields = match entry {
        Value::Map(fields) => fields.clone(),
        other => BTreeMap::from([("value".to_owned(), other.clone())]),
    };
    fields.insert("name".to_owned(), Value::from(name));
    Value::Map(fields)
}

fn named(site: &Value, one: &str, all: &str, name: &str) -> Result<Value, Raised> {
    let entries = entries(site, all);
    let names = || entries.iter().filter_map(name_of);
    let found = entries.iter().find(|entry| name_of(entry) == Some(name));
    found.cloned().ok_or_else(|| {
        argument(format!(
            "the site has no {one} `{}`{}",
            name.chars().take(80).collect::<String>(),
            suggestion(name, names())
        ))
    })
}

fn name_of(entry: &Value) -> Option<&str> {
    match field(entry, "name") {
        Some(Value::Text(name)) => Some(name),
        _ => None,
    }
}

/// Everything of one kind whose fields equal those of the filter. A field that nothing of the kind has is a slip: an empty list
/// would let every check over it pass.
fn filtered(site: &Value, all: &str, filter: &BTreeMap<String, Value>) -> Result<Value, Raised> {
    let mut found = entries(site, all);
    for (key, wanted) in filter {
        let known = |entry: &Value| field(entry, key).is_some();
        if !found.is_empty() && !entries(site, all).iter().any(known) {
            let all_entries = entries(site, all);
            let fields = all_entries.iter().filter_map(|e| match e {
                Value::Map(fields) => Some(fields.keys().map(String::as_str)),
                _ => None,
            });
            let near = suggestion(key, fields.flatten());
            return Err(argument(format!("none of the site's {all} has a field `{key}`{near}")));
        }
        found.retain(|entry| field(entry, key) == Some(wanted));
    }
    Ok(Value::List(found))
}
