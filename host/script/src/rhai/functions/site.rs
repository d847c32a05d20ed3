//! The reserved namespace `site`: what the site file says, as plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use fabric_model::Value;
use rhai::{Dynamic, EvalAltResult, Map, Module, NativeCallContext};

use super::Functions;
use crate::nearest::suggestion;
use crate::rhai::branch::Branch;
use crate::rhai::convert::{to_dynamic, to_value};
use crate::rhai::thrown::{argument, at_call};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

/// The namespace.
pub(crate) const NAMESPACE: &str = "site";

/// Every function of the namespace.
pub(crate) const FUNCTIONS: &[&str] = &[
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

pub(super) fn module(branch: &Arc<Branch>) -> Module {
    let mut functions = Functions(Module::new());
    for (one, all) in KINDS {
        let on = Arc::clone(branch);
        functions.add(one, move |context: NativeCallContext<'_>, name: &str| {
            at_call(&context, named(&on.run.site, one, all, name))
        });
        let on = Arc::clone(branch);
        functions.add(all, move || {
            Dynamic::from_array(entries(&on.run.site, all).iter().map(to_dynamic).collect())
        });
        let on = Arc::clone(branch);
        functions.add(all, move |context: NativeCallContext<'_>, filter: Map| {
            at_call(&context, filtered(&on.run.site, all, &filter))
        });
    }
    let on = Arc::clone(branch);
    functions.add("info", move || field(&on.run.site, "info").map_or(Dynamic::UNIT, to_dynamic));
    functions.0
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

fn named(site: &Value, one: &str, all: &str, name: &str) -> Thrower<Dynamic> {
    let entries = entries(site, all);
    let names = || entries.iter().filter_map(name_of);
    let found = entries.iter().find(|entry| name_of(entry) == Some(name));
    found.map(to_dynamic).ok_or_else(|| {
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
fn filtered(site: &Value, all: &str, filter: &Map) -> Thrower<Dynamic> {
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
        let wanted = to_value(wanted).map_err(|e| argument(e.to_string()))?;
        found.retain(|entry| field(entry, key) == Some(&wanted));
    }
    Ok(Dynamic::from_array(found.iter().map(to_dynamic).collect()))
}
