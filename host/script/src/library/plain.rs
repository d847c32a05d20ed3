//! Functions without effects beyond the worker: parameters, notes, lists, addresses, JSON.

use std::cmp::Ordering;
use std::net::IpAddr;

use fabric_model::resource::{canonical_address, parse_network};
use fabric_model::{Digest, Value};

use super::branch::Branch;
use super::raised::{Raised, argument};
use super::{Arguments, Caller, Language};
use crate::nearest::suggestion;

/// A function that only reckons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    IpIn,
    Param,
    ParseJson,
    SameSet,
    Sha256,
    Sorted,
}

impl Plain {
    pub(super) fn call<L: Language, C: Caller<L>>(
        self,
        branch: &Branch<L>,
        arguments: &Arguments<'_, L, C>,
    ) -> Result<Value, Raised> {
        match self {
            Self::IpIn => ip_in(&arguments.text(0)?, &arguments.text(1)?).map(Value::Bool),
            Self::Param => param(branch, &arguments.text(0)?),
            Self::ParseJson => parse_json(&arguments.text(0)?),
            Self::SameSet => Ok((in_order(arguments.list(0)?) == in_order(arguments.list(1)?)).into()),
            Self::Sha256 => Ok(Value::Text(Digest::of(arguments.text(0)?.as_bytes()).to_string())),
            Self::Sorted => Ok(Value::List(in_order(arguments.list(0)?))),
        }
    }
}

pub(super) fn note<L: Language, C: Caller<L>>(
    caller: &C,
    arguments: &Arguments<'_, L, C>,
) -> Result<Value, Raised> {
    caller.branch().print(&arguments.text(0)?).map(|()| Value::Null)
}

fn parse_json(text: &str) -> Result<Value, Raised> {
    serde_json::from_str(text).map_err(|e| argument(format!("the text is not JSON: {e}")))
}

fn param<L: Language>(branch: &Branch<L>, name: &str) -> Result<Value, Raised> {
    let params = &branch.run.params;
    params.get(name).cloned().ok_or_else(|| {
        let near = suggestion(name, params.keys().map(String::as_str));
        argument(format!("the script declares no parameter `{name}`{near}"))
    })
}

/// Whether an address lies in a network. An IPv4-mapped IPv6 address is the IPv4 address that it means.
fn ip_in(address: &str, network: &str) -> Result<bool, Raised> {
    // A holder is often given with its prefix length, as hosts print it.
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    let parsed: IpAddr = bare.parse().map_err(|_| argument(format!("`{bare}` is not an IP address")))?;
    let network = parse_network(network).map_err(|e| argument(e.to_string()))?;
    Ok(network.contains(&canonical_address(parsed)))
}

/// The items in an order that depends on nothing but them.
pub(crate) fn in_order(mut items: Vec<Value>) -> Vec<Value> {
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
        let list = |items: [i64; 3]| in_order(items.into_iter().map(Value::from).collect());
        assert_eq!(list([1, 1, 2]), list([2, 1, 1]));
        assert_ne!(list([1, 1, 2]), list([1, 2, 2]));
    }
}
