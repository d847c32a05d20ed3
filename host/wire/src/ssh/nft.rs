//! The nftables ruleset as typed data.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CommandOutput;
use super::command::name::{NFT_RULESET, NFT_TEXT};
use super::nft_expression::{NftMatch, NftStatement, Part, operand, part};
use super::output::garbage;
use crate::error::WireError;

/// A host's whole ruleset. Volatile parts (packet and byte counters, set element timeouts) are left out, so two readings of an
/// unchanged ruleset are equal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftRuleset {
    /// The tables.
    pub tables: Vec<NftTable>,
    /// The chains of all tables.
    pub chains: Vec<NftChain>,
    /// The named sets of all tables.
    pub sets: Vec<NftSet>,
    /// The rules of all chains; within a chain in the order in which they are tried.
    pub rules: Vec<NftRule>,
    /// Objects of other kinds (maps, flow tables, limits …) as `nft` prints them.
    pub other: Vec<Value>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftTable {
    /// `ip`, `ip6`, `inet`, `arp`, `bridge` or `netdev`.
    pub family: String,
    /// Its name.
    pub name: String,
}

/// A chain. Only base chains, those that the kernel enters by itself, have a type, hook, priority and policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftChain {
    /// Its table's family.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `filter`, `nat` or `route`.
    #[serde(rename = "type")]
    pub chain_type: Option<String>,
    /// `prerouting`, `input`, `forward`, `output`, `postrouting`, `ingress` or `egress`.
    pub hook: Option<String>,
    /// Its priority at the hook; lower comes first.
    #[serde(rename = "prio")]
    pub priority: Option<i64>,
    /// What happens to a packet that no rule decides: `accept` or `drop`.
    pub policy: Option<String>,
}

/// A named set; rules name it as `@name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftSet {
    /// Its table's family.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its elements, written as in [`NftMatch::right`].
    pub elements: Vec<String>,
}

/// A rule. It applies to a packet when all of `matches` hold *and* nothing in `other` narrows it further, so a script that
/// relies on a rule also checks that `other` is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NftRule {
    /// Its table's family.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The type of that chain, when it is a base chain.
    #[serde(rename = "type")]
    pub chain_type: Option<String>,
    /// The hook of that chain, when it is a base chain.
    pub hook: Option<String>,
    /// The number under which the kernel knows it; changes whenever the ruleset is loaded anew.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<String>,
    /// Its conditions, in order.
    pub matches: Vec<NftMatch>,
    /// What it does, in order; a verdict comes last.
    pub statements: Vec<NftStatement>,
    /// Expressions that are neither, as `nft` prints them: limits, verdict maps, masked comparisons …
    pub other: Vec<Value>,
}

/// The top of `nft --json list ruleset` (libnftables-json(5)).
#[derive(Deserialize)]
struct Document {
    nftables: Vec<serde_json::Map<String, Value>>,
}

#[derive(Deserialize)]
struct RawChain {
    family: String,
    table: String,
    name: String,
    r#type: Option<String>,
    hook: Option<String>,
    prio: Option<i64>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct RawTable {
    family: String,
    name: String,
}

#[derive(Deserialize)]
struct RawSet {
    family: String,
    table: String,
    name: String,
    #[serde(default)]
    elem: Vec<Value>,
}

#[derive(Deserialize)]
struct RawRule {
    family: String,
    table: String,
    chain: String,
    handle: u64,
    comment: Option<String>,
    #[serde(default)]
    expr: Vec<Value>,
}

/// Reads the output of [`super::ReadCommand::NftRuleset`].
///
/// # Errors
/// [`WireError::Permission`] when the account may not read the ruleset, [`WireError::Command`] when the tool failed otherwise,
/// [`WireError::Garbage`] when its JSON is not as documented, or a rule stands in a chain that is not listed.
pub fn nft_ruleset(output: &CommandOutput) -> Result<NftRuleset, WireError> {
    let document: Document =
        serde_json::from_str(output.text(NFT_RULESET)?).map_err(|error| unexpected(&error))?;
    let mut ruleset = NftRuleset::default();
    for object in document.nftables {
        for (kind, body) in object {
            add(&mut ruleset, &kind, body)?;
        }
    }
    place_rules(&mut ruleset)?;
    Ok(ruleset)
}

/// The same output as the document that it is.
///
/// # Errors
/// As [`nft_ruleset`], for a document that is no JSON.
pub fn nft_document(output: &CommandOutput) -> Result<Value, WireError> {
    serde_json::from_str(output.text(NFT_RULESET)?).map_err(|error| unexpected(&error))
}

/// Reads the output of [`super::ReadCommand::NftText`].
///
/// # Errors
/// [`WireError::Permission`] when the account may not read the ruleset, [`WireError::Command`] when the tool failed otherwise,
/// [`WireError::Garbage`] when it is no text.
pub fn nft_text(output: &CommandOutput) -> Result<&str, WireError> {
    output.text(NFT_TEXT)
}

fn add(ruleset: &mut NftRuleset, kind: &str, body: Value) -> Result<(), WireError> {
    match kind {
        // The version of the tool, and named counters and quotas, whose values change with every packet.
        "metainfo" | "counter" | "quota" => {}
        "table" => {
            let RawTable { family, name } = typed(body)?;
            ruleset.tables.push(NftTable { family, name });
        }
        "chain" => {
            let RawChain { family, table, name, r#type, hook, prio, policy } = typed(body)?;
            let chain = NftChain { family, table, name, chain_type: r#type, hook, priority: prio, policy };
            ruleset.chains.push(chain);
        }
        "set" => {
            let RawSet { family, table, name, elem } = typed(body)?;
            let elements: Option<Vec<_>> = elem.iter().map(operand).collect();
            let elements =
                elements.ok_or_else(|| garbage(NFT_RULESET, &format!("set `{name}` is not readable")))?;
            ruleset.sets.push(NftSet { family, table, name, elements });
        }
        "rule" => ruleset.rules.push(rule(typed(body)?)),
        _ => {
            let object = std::iter::once((kind.to_owned(), body)).collect();
            ruleset.other.push(Value::Object(object));
        }
    }
    Ok(())
}

fn rule(raw: RawRule) -> NftRule {
    let RawRule { family, table, chain, handle, comment, expr } = raw;
    let (mut matches, mut statements, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for expression in expr {
        match part(expression) {
            Part::Match(found) => matches.push(found),
            Part::Statement(found) => statements.push(found),
            Part::Counter => {}
            Part::Other(expression) => other.push(expression),
        }
    }
    let (chain_type, hook) = (None, None);
    NftRule { family, table, chain, chain_type, hook, handle, comment, matches, statements, other }
}

/// Writes each chain's type and hook into its rules. `nft` prints a table's chains before its rules, but nothing promises it.
fn place_rules(ruleset: &mut NftRuleset) -> Result<(), WireError> {
    let key = |family, table, chain| (family, table, chain);
    let chains: HashMap<(&str, &str, &str), &NftChain> = ruleset
        .chains
        .iter()
        .map(|c| (key(c.family.as_str(), c.table.as_str(), c.name.as_str()), c))
        .collect();
    for rule in &mut ruleset.rules {
        let chain = chains.get(&key(rule.family.as_str(), rule.table.as_str(), rule.chain.as_str()));
        let Some(chain) = chain else {
            return Err(garbage(NFT_RULESET, &format!("rule {} stands in an unlisted chain", rule.handle)));
        };
        rule.chain_type.clone_from(&chain.chain_type);
        rule.hook.clone_from(&chain.hook);
    }
    Ok(())
}

fn typed<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, WireError> {
    serde_json::from_value(body).map_err(|error| unexpected(&error))
}

fn unexpected(error: &serde_json::Error) -> WireError {
    garbage(NFT_RULESET, &format!("unexpected JSON: {error}"))
}
