//! The expressions of an nftables rule, reduced to what a script compares: conditions as text on both sides, actions by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftMatch {
    /// What is compared, as nft's language writes it: `ip saddr`, `tcp dport`, `oifname`, `ct state`, `meta l4proto`; a
    /// concatenation is joined by ` . `.
    pub left: String,
    /// `==`, `!=`, `<`, `>`, `<=`, `>=`, or `in` for a bit of a flag word such as `ct state`.
    pub op: String,
    /// The values, any one of which satisfies the condition (for `!=`: none of which may hold). A single value is a list of
    /// one, so that `x` and `{ x }` compare equal. Networks are written `10.0.0.0/8`, ranges `1-9`, concatenations `a . b`,
    /// named sets `@name`, numbers in decimal.
    pub right: Vec<String>,
}

/// One action of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftStatement {
    /// `accept`, `drop`, `reject`, `return`, `continue`, `queue`, `jump`, `goto`, `masquerade`, `snat`, `dnat`, `redirect`, `log` or
    /// `notrack`.
    pub name: String,
    /// For `snat` and `dnat`: the new address or range of addresses.
    pub address: Option<String>,
    /// For `snat`, `dnat`, `masquerade` and `redirect`: the new port or range of ports.
    pub port: Option<String>,
    /// For `jump` and `goto`: the chain.
    pub target: Option<String>,
}

/// What one expression of a rule is.
pub(super) enum Part {
    Match(NftMatch),
    Statement(NftStatement),
    /// Counts packets and decides nothing.
    Counter,
    Other(Value),
}

const STATEMENTS: [&str; 14] = [
    "accept",
    "continue",
    "dnat",
    "drop",
    "goto",
    "jump",
    "log",
    "masquerade",
    "notrack",
    "queue",
    "redirect",
    "reject",
    "return",
    "snat",
];

/// The keys of `meta` that nft's language writes without the word `meta` (nftables, `src/meta.c`).
const UNQUALIFIED_META: [&str; 8] =
    ["iif", "iifgroup", "iifname", "iiftype", "oif", "oifgroup", "oifname", "oiftype"];

/// Sorts one expression. What is not understood in full is kept whole: a condition understood by half would be a wrong one.
pub(super) fn part(expression: Value) -> Part {
    let known = single_entry(&expression).and_then(|(kind, body)| match kind {
        "match" => condition(body).map(Part::Match),
        "counter" => Some(Part::Counter),
        kind if STATEMENTS.contains(&kind) => statement(kind, body).map(Part::Statement),
        _ => None,
    });
    known.unwrap_or(Part::Other(expression))
}

fn condition(body: &Value) -> Option<NftMatch> {
    let op = body.get("op")?.as_str()?.to_owned();
    let left = subject(body.get("left")?)?;
    let right = match body.get("right")? {
        Value::Array(flags) => operands(flags)?,
        value => match single_entry(value) {
            Some(("set", Value::Array(elements))) => operands(elements)?,
            _ => vec![operand(value)?],
        },
    };
    Some(NftMatch { left, op, right })
}

fn operands(values: &[Value]) -> Option<Vec<String>> {
    values.iter().map(operand).collect()
}

/// The left side of a condition.
fn subject(value: &Value) -> Option<String> {
    let (kind, body) = single_entry(value)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match kind {
        "payload" => Some(format!("{} {}", text("protocol")?, text("field")?)),
        "meta" => {
            let key = text("key")?;
            Some(if UNQUALIFIED_META.contains(&key) { key.to_owned() } else { format!("meta {key}") })
        }
        "ct" => {
            let words = ["family", "dir", "key"].iter().filter_map(|key| text(key));
            text("key").map(|_| std::iter::once("ct").chain(words).collect::<Vec<_>>().join(" "))
        }
        "fib" => {
            let flags: Option<Vec<_>> = body.get("flags")?.as_array()?.iter().map(Value::as_str).collect();
            Some(format!("fib {} {}", flags?.join(" . "), text("result")?))
        }
        "concat" => {
            let parts: Option<Vec<_>> = body.as_array()?.iter().map(subject).collect();
            parts.map(|parts| parts.join(" . "))
        }
        _ => None,
    }
}

/// One value of a right side, a set element or the argument of a statement.
pub(super) fn operand(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => return Some(text.clone()),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(truth) => return Some(truth.to_string()),
        _ => {}
    }
    let (kind, body) = single_entry(value)?;
    let joined = |with: &str| -> Option<String> {
        let parts: Option<Vec<_>> = body.as_array()?.iter().map(operand).collect();
        parts.map(|parts| parts.join(with))
    };
    match kind {
        "prefix" => Some(format!("{}/{}", body.get("addr")?.as_str()?, body.get("len")?.as_u64()?)),
        "range" => joined("-"),
        "concat" => joined(" . "),
        // An element with a comment, a timeout or a counter of its own.
        "elem" => operand(body.get("val")?),
        _ => None,
    }
}

fn statement(kind: &str, body: &Value) -> Option<NftStatement> {
    let argument = |key: &str| match body.get(key) {
        None => Some(None),
        Some(value) => operand(value).map(Some),
    };
    let name = kind.to_owned();
    Some(NftStatement {
        name,
        address: argument("addr")?,
        port: argument("port")?,
        target: argument("target")?,
    })
}

/// The key and value of an object that has exactly one.
fn single_entry(value: &Value) -> Option<(&str, &Value)> {
    let mut entries = value.as_object()?.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Some((key, value)),
        _ => None,
    }
}
