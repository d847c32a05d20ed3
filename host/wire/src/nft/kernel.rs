//! What the kernel holds, read back into the types of a ruleset, so that it can be compared with what is wanted without loading that.
//!
//! A table is read in full or not at all: one with anything that [`Ruleset`] cannot say is kept as `nft` prints it, without what changes
//! by itself (handles, counters, the elements of dynamic sets). It then equals no wanted table, and itself as long as nobody changes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ruleset::{
    Base, Chain, ChainType, Draft, Family, Hook, Policy, Replace, Rule, Ruleset, Set, SetOf, Table,
};
use crate::error::WireError;

mod rule;

/// Tables that a kernel holds, by family and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Held {
    tables: Vec<HeldTable>,
}

/// A table that a kernel holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldTable {
    /// It was read in full.
    Read(Table),
    /// It has what the types of a ruleset cannot say.
    Other {
        /// Its family.
        family: String,
        /// Its name.
        name: String,
        /// Its objects as `nft` prints them, without what changes by itself.
        objects: Vec<Value>,
    },
}

impl HeldTable {
    fn key(&self) -> (&str, &str) {
        match self {
            Self::Read(table) => (table.family.as_str(), table.name.as_str()),
            Self::Other { family, name, .. } => (family, name),
        }
    }
}

impl Held {
    /// The tables.
    pub fn tables(&self) -> &[HeldTable] {
        &self.tables
    }

    /// What will be held of the tables that a ruleset manages once it is loaded.
    pub fn once_loaded(ruleset: &Ruleset) -> Self {
        Self::sorted(ruleset.tables().iter().cloned().map(HeldTable::Read).collect())
    }

    /// The tables that a ruleset manages: all, or those that it names.
    #[must_use]
    pub fn managed_by(mut self, ruleset: &Ruleset) -> Self {
        if ruleset.replace() == Replace::Tables {
            self.tables.retain(|held| {
                let named = |table: &Table| held.key() == (table.family.as_str(), table.name.as_str());
                ruleset.tables().iter().any(named)
            });
        }
        self
    }

    fn sorted(mut tables: Vec<HeldTable>) -> Self {
        tables.sort_by(|a, b| a.key().cmp(&b.key()));
        Self { tables }
    }
}

/// The top of `nft --json list ruleset` (libnftables-json(5)).
#[derive(Deserialize)]
struct Document {
    nftables: Vec<serde_json::Map<String, Value>>,
}

/// Reads what `nft --json list ruleset` printed.
///
/// # Errors
/// [`WireError::Garbage`] when it is not as documented.
pub fn held(document: &Value) -> Result<Held, WireError> {
    let unexpected = |what: String| WireError::Garbage(format!("`nft list ruleset`: {what}"));
    let document = Document::deserialize(document).map_err(|error| unexpected(error.to_string()))?;
    let objects = || document.nftables.iter().flatten();
    let mut tables = Vec::new();
    for (_, table) in objects().filter(|(kind, _)| *kind == "table") {
        let word = |key: &str| table.get(key).and_then(Value::as_str);
        let (family, name) =
            word("family").zip(word("name")).ok_or_else(|| unexpected("a table has no name".to_owned()))?;
        let of_table = |body: &Value| {
            let is = |key: &str, wanted: &str| body.get(key).and_then(Value::as_str) == Some(wanted);
            is("family", family) && is("table", name)
        };
        let own: Vec<(&str, &Value)> =
            objects().filter(|(_, body)| of_table(body)).map(|(kind, body)| (kind.as_str(), body)).collect();
        tables.push(read_table(table, &own).map_or_else(
            || HeldTable::Other {
                family: family.to_owned(),
                name: name.to_owned(),
                objects: std::iter::once(("table", table)).chain(own.iter().copied()).map(lasting).collect(),
            },
            HeldTable::Read,
        ));
    }
    Ok(Held::sorted(tables))
}

/// A table that holds nothing but what a ruleset can say.
fn read_table(table: &Value, own: &[(&str, &Value)]) -> Option<Table> {
    let head = RawTable::deserialize(table).ok()?;
    let mut read =
        Table { family: head.family, name: head.name.parse().ok()?, sets: Vec::new(), chains: Vec::new() };
    for (_, body) in own.iter().filter(|(kind, _)| *kind == "chain") {
        read.chains.push(RawChain::deserialize(*body).ok()?.read()?);
    }
    for (kind, body) in own {
        match *kind {
            "chain" => {}
            "set" => read.sets.push(RawSet::deserialize(*body).ok()?.read()?),
            "rule" => {
                let raw = RawRule::deserialize(*body).ok()?;
                let chain = read.chains.iter_mut().find(|chain| chain.name.as_str() == raw.chain)?;
                chain.rules.push(raw.read()?);
            }
            _ => return None,
        }
    }
    let draft = Draft { replace: Replace::Tables, tables: vec![read] };
    Ruleset::try_from(draft).ok()?.tables().first().cloned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    family: Family,
    name: String,
    #[serde(rename = "handle")]
    _handle: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    name: String,
    r#type: Option<ChainType>,
    hook: Option<Hook>,
    prio: Option<i16>,
    policy: Option<Policy>,
    #[serde(rename = "family")]
    _family: Family,
    #[serde(rename = "table")]
    _table: String,
    #[serde(rename = "handle")]
    _handle: u64,
}

impl RawChain {
    fn read(self) -> Option<Chain> {
        let base = match (self.r#type, self.hook, self.prio, self.policy) {
            (None, None, None, None) => None,
            (Some(chain_type), Some(hook), Some(priority), Some(policy)) => {
                Some(Base { chain_type, hook, priority, policy })
            }
            _ => return None,
        };
        Some(Chain { name: self.name.parse().ok()?, base, rules: Vec::new() })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    name: String,
    r#type: String,
    flags: Value,
    elem: Vec<Value>,
    #[serde(rename = "family")]
    _family: Family,
    #[serde(rename = "table")]
    _table: String,
    #[serde(rename = "handle")]
    _handle: u64,
}

impl RawSet {
    fn read(self) -> Option<Set> {
        // Newer versions of `nft` write a list of one as its item.
        let flags = self.flags.as_array().map_or(std::slice::from_ref(&self.flags), Vec::as_slice);
        if flags != ["interval"] {
            return None;
        }
        let of = match self.r#type.as_str() {
            "ipv4_addr" => SetOf::Ipv4(rule::networks4(&self.elem)?),
            "ipv6_addr" => SetOf::Ipv6(rule::networks6(&self.elem)?),
            "inet_service" => SetOf::Ports(rule::ports(&self.elem)?),
            _ => return None,
        };
        Some(Set { name: self.name.parse().ok()?, of })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    chain: String,
    comment: Option<String>,
    expr: Vec<Value>,
    #[serde(rename = "family")]
    _family: Family,
    #[serde(rename = "table")]
    _table: String,
    #[serde(rename = "handle")]
    _handle: u64,
}

impl RawRule {
    fn read(self) -> Option<Rule> {
        let comment = self.comment.map(|text| text.parse()).transpose().ok()?;
        rule::rule(&self.expr).map(|rule| Rule { comment, ..rule })
    }
}

/// An object without what changes by itself.
fn lasting((kind, body): (&str, &Value)) -> Value {
    let mut body = body.clone();
    let dynamic = |flag: &Value| matches!(flag.as_str(), Some("dynamic" | "timeout"));
    let changes = body.get("flags").and_then(Value::as_array).is_some_and(|flags| flags.iter().any(dynamic));
    if let Some(fields) = body.as_object_mut() {
        if changes {
            fields.remove("elem");
        }
        if matches!(kind, "counter" | "quota") {
            fields.retain(|key, _| !matches!(key.as_str(), "packets" | "bytes" | "used"));
        }
    }
    strip(&mut body);
    Value::Object(std::iter::once((kind.to_owned(), body)).collect())
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => {
            fields.remove("handle");
            fields.remove("expires");
            if let Some(counter) = fields.get_mut("counter").filter(|counter| counter.is_object()) {
                *counter = Value::Null;
            }
            if let Some(quota) = fields.get_mut("quota").and_then(Value::as_object_mut) {
                quota.remove("used");
                quota.remove("used_unit");
            }
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}
