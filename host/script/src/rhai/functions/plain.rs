//! Functions without effects beyond the worker: parameters, notes, lists, addresses, JSON.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use fabric_model::Value;
use fabric_model::resource::{canonical_address, parse_network};
use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::Functions;
use crate::nearest::suggestion;
use crate::rhai::branch::Branch;
use crate::rhai::convert::{to_dynamic, to_value};
use crate::rhai::thrown::{argument, at_call};

type Thrower<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(functions: &mut Functions, branch: &Arc<Branch>) {
    let on = Arc::clone(branch);
    functions
        .add("param", move |context: NativeCallContext<'_>, name: &str| at_call(&context, param(&on, name)));
    let on = Arc::clone(branch);
    functions.add("note", move |text: &str| on.print(text));
    functions.add("sorted", |context: NativeCallContext<'_>, list: Dynamic| {
        at_call(&context, listed("sorted", &list).map(|items| to_dynamic(&Value::List(in_order(items)))))
    });
    functions.add("same_set", |context: NativeCallContext<'_>, left: Dynamic, right: Dynamic| {
        at_call(&context, same_set(&left, &right))
    });
    functions.add("ip_in", |context: NativeCallContext<'_>, address: &str, network: &str| {
        at_call(&context, ip_in(address, network))
    });
    functions
        .add("parse_json", |context: NativeCallContext<'_>, text: &str| at_call(&context, parse_json(text)));
}

fn parse_json(text: &str) -> Thrower<Dynamic> {
    let parsed = serde_json::from_str::<Value>(text);
    parsed.map(|value| to_dynamic(&value)).map_err(|e| argument(format!("the text is not JSON: {e}")))
}

fn same_set(left: &Dynamic, right: &Dynamic) -> Thrower<bool> {
    Ok(in_order(listed("same_set", left)?) == in_order(listed("same_set", right)?))
}

fn param(branch: &Branch, name: &str) -> Thrower<Dynamic> {
    let params = &branch.run.params;
    params.get(name).map(to_dynamic).ok_or_else(|| {
        let near = suggestion(name, params.keys().map(String::as_str));
        argument(format!("the script declares no parameter `{name}`{near}"))
    })
}

/// Whether an address lies in a network. An IPv4-mapped IPv6 address is the IPv4 address that it means.
fn ip_in(address: &str, network: &str) -> Thrower<bool> {
    // A holder is often given with its prefix length, as hosts print it.
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    let parsed: IpAddr = bare.parse().map_err(|_| argument(format!("`{bare}` is not an IP address")))?;
    let network = parse_network(network).map_err(|e| argument(e.to_string()))?;
    Ok(network.contains(&canonical_address(parsed)))
}

/// The items of a list that a script passed.
pub(super) fn listed(function: &str, list: &Dynamic) -> Thrower<Vec<Value>> {
    match to_value(list).map_err(|e| argument(e.to_string()))? {
        Value::List(items) => Ok(items),
        other => Err(argument(format!("{function} needs a list, not a {}", other.kind()))),
    }
}

/// The items in an order that depends on nothing but them.
pub(super) fn in_order(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by(by_content);
    items
}

/// Numbers by size, text by its bytes, lists by their first difference; different kinds by kind.
fn by_content(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::List(a), Value::List(b)) => {
            let first = a.iter().zip(b).map(|(a, b)| by_content(a, b)).find(|o| o.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Map(a), Value::Map(b)) => {
            let entries = a.iter().zip(b).map(|((k, v), (l, w))| k.cmp(l).then_with(|| by_content(v, w)));
            entries.into_iter().find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Float(_) => 3,
        Value::Text(_) => 4,
        Value::List(_) => 5,
        Value::Map(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network_and_in_no_other() {
        for (address, network, within) in [
            ("10.10.1.5", "10.10.1.0/24", true),
            ("10.10.1.5/24", "10.10.1.0/24", true),
            ("10.10.2.5", "10.10.1.0/24", false),
            ("::ffff:10.10.1.5", "10.10.1.0/24", true),
            ("10.10.1.5", "10.10.1.5", true),
            ("fd00::1", "fd00::/8", true),
            ("10.0.0.1", "::/0", false),
        ] {
            assert_eq!(ip_in(address, network).ok(), Some(within), "{address} {network}");
        }
        assert!(ip_in("dns", "10.0.0.0/8").is_err() && ip_in("10.0.0.1", "10.0.0.0/33").is_err());
    }

    #[test]
    fn order_depends_on_the_items_alone() {
        let items = vec![Value::from("b"), Value::Int(10), Value::Int(9), Value::from("a"), Value::Null];
        let sorted = [Value::Null, Value::Int(9), Value::Int(10), Value::from("a"), Value::from("b")];
        assert_eq!(in_order(items.iter().rev().cloned().collect()), sorted);
        assert_eq!(in_order(items), sorted);
    }

    #[test]
    fn duplicates_count() {
        let list = |items: [i64; 3]| Dynamic::from_array(items.into_iter().map(Dynamic::from).collect());
        assert_eq!(same_set(&list([1, 1, 2]), &list([2, 1, 1])).ok(), Some(true));
        assert_eq!(same_set(&list([1, 1, 2]), &list([1, 2, 2])).ok(), Some(false));
    }
}
