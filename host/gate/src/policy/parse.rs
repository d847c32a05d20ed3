//! From the text of a policy file to a [`Policy`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use fabric_model::name::NotASlug;
use fabric_model::{Diagnostic, PrimitiveName, Slug};
use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::guard;
use super::reader::{Reader, Value};
use super::{AddressRule, Entry, Names, Policy, Primitives, Rule};
use crate::network;
use crate::pattern::{NotAPattern, Pattern};

/// The only version of the policy file so far.
const FORMAT: &str = "1";

pub(super) fn policy(file: &str, text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let mut reader = Reader::new(file, text);
    let root = reader.root()?;
    reader.only(&root, &["format", "confinement", "allow", "deny", "deny_address", "guard", "authority"]);
    format(&mut reader, &root);
    let confined = guard::confinement(&mut reader, &root);
    let mut names = BTreeMap::new();
    let mut rules = |reader: &mut Reader<'_>, key: &str, effect| {
        let tables = reader.tables(&root, key);
        tables.into_iter().map(|(table, at)| rule(reader, &mut names, table, &at, effect)).collect::<Vec<_>>()
    };
    let allow = rules(&mut reader, "allow", Effect::Allow);
    let deny = rules(&mut reader, "deny", Effect::Deny);
    let tables = reader.tables(&root, "deny_address");
    let deny_address =
        tables.into_iter().map(|(table, at)| address_rule(&mut reader, &mut names, table, &at)).collect();
    let guards = guard::guards(&mut reader, &mut names, &root);
    let authorities = guard::authorities(&mut reader, &mut names, &root);
    reader.finish(Policy { file: file.to_owned(), confined, allow, deny, deny_address, guards, authorities })
}

/// What a rule does. Wildcards over primitives may only take away, or ask for more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
    Guard,
}

impl Effect {
    fn key(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Guard => "guard",
        }
    }
}

/// The names of the rules so far, with their lines: evidence refers to rules by name, so each is given once.
pub(super) type NamesSoFar = BTreeMap<String, usize>;

fn format(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let hint = format!("Write `format = {FORMAT}` as the first line.");
    match root.get("format").map(|value| (value.span(), value.get_ref())) {
        None => reader.wrong(0..0, "`format` is missing", hint),
        Some((_, DeValue::Integer(number))) if number.as_str() == FORMAT => {}
        Some((at, _)) => reader.wrong(at, "this format of the policy file is not known", hint),
    }
}

fn rule(
    reader: &mut Reader<'_>,
    names: &mut NamesSoFar,
    table: &DeTable<'_>,
    at: &Range<usize>,
    effect: Effect,
) -> Rule {
    reader.only(table, &["name", "environments", "roles", "primitives"]);
    let name = name(reader, names, table, at);
    let environments = names_of(reader, table, at, "environments");
    let roles = names_of(reader, table, at, "roles");
    let entries = entries(reader, table, at, effect);
    Rule { name, environments, roles, entries }
}

/// The lines below `[….primitives]`.
pub(super) fn entries(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    at: &Range<usize>,
    effect: Effect,
) -> Vec<Entry> {
    let Some(value) = reader.required(table, at, "primitives") else { return Vec::new() };
    let at = value.span();
    let Some(lines) = value.get_ref().as_table() else {
        let hint =
            format!("Write `\"area.verb\" = [\"kind:name\"]` lines below `[{}.primitives]`.", effect.key());
        reader.wrong(at, "`primitives` is not a table", hint);
        return Vec::new();
    };
    if lines.is_empty() {
        reader.wrong(at, "the rule names no primitives", "Name at least one, or remove the rule.");
    }
    lines.iter().filter_map(|(key, value)| entry(reader, key.get_ref(), key.span(), value, effect)).collect()
}

fn entry(
    reader: &mut Reader<'_>,
    key: &str,
    at: Range<usize>,
    value: &Value<'_>,
    effect: Effect,
) -> Option<Entry> {
    let line = reader.line(&at);
    let patterns = reader.list::<Pattern>(key, value);
    let primitives = match key.strip_suffix(".*") {
        _ if key == "*" => Primitives::All,
        // Any verb will do to see whether this is an area.
        Some(area) if format!("{area}.x").parse::<PrimitiveName>().is_ok() => {
            Primitives::Area(area.to_owned())
        }
        _ => match key.parse() {
            Ok(name) => Primitives::One(name),
            Err(error) => {
                let hint = "Write the name in quotes, as in `\"dns.query\" = [\"vip:dns\"]`.";
                reader.wrong(at, format!("{error}"), hint);
                return None;
            }
        },
    };
    if effect == Effect::Allow && !matches!(primitives, Primitives::One(_)) {
        let hint = "Name each primitive: only `[[deny]]` and `[[guard]]` may name them by `*`.";
        reader.wrong(at, format!("`{key}` would grant primitives that are not named"), hint);
        return None;
    }
    Some(Entry { primitives, line, patterns })
}

fn address_rule(
    reader: &mut Reader<'_>,
    names: &mut NamesSoFar,
    table: &DeTable<'_>,
    at: &Range<usize>,
) -> AddressRule {
    reader.only(table, &["name", "networks"]);
    let name = name(reader, names, table, at);
    let networks = reader.required(table, at, "networks");
    let networks = networks.map(|value| reader.list::<Network>("networks", value)).unwrap_or_default();
    AddressRule {
        name,
        networks: networks.into_iter().map(|(Network(network), line)| (network, line)).collect(),
    }
}

pub(super) fn name(
    reader: &mut Reader<'_>,
    names: &mut NamesSoFar,
    table: &DeTable<'_>,
    at: &Range<usize>,
) -> String {
    let Some(value) = reader.required(table, at, "name") else { return String::new() };
    let text = value.get_ref().as_str().unwrap_or_default();
    // The name stands in messages and in evidence.
    if text.is_empty() || text.len() > 80 || text.chars().any(char::is_control) {
        let hint = "Give the rule a name of one line and at most 80 bytes.";
        reader.wrong(value.span(), "this is not a name of a rule", hint);
    } else if let Some(line) = names.insert(text.to_owned(), reader.line(&value.span())) {
        let hint = "Give each rule a name of its own: evidence refers to it.";
        reader.wrong(value.span(), format!("the name `{text}` is taken by the rule on line {line}"), hint);
    }
    text.to_owned()
}

pub(super) fn names_of(reader: &mut Reader<'_>, table: &DeTable<'_>, at: &Range<usize>, key: &str) -> Names {
    let Some(value) = reader.required(table, at, key) else { return Names::These(Vec::new()) };
    let words = reader.list::<NameOrAll>(key, value);
    let mut these = Vec::new();
    for (word, _) in words {
        match word {
            NameOrAll::All => return Names::All,
            NameOrAll::One(name) => these.push(name),
        }
    }
    Names::These(these)
}

/// A name, or `*` alone for all: `samakia-*` would take in an environment that does not exist yet.
enum NameOrAll {
    All,
    One(Slug),
}

impl FromStr for NameOrAll {
    type Err = NotASlug;

    fn from_str(text: &str) -> Result<Self, NotASlug> {
        if text == "*" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// A network of a `[[deny_address]]`.
struct Network(IpNet);

impl FromStr for Network {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        network::parse(text).map(Self)
    }
}
