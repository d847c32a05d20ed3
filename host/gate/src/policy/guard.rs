//! The rows `[[guard]]` and `[[authority]]` of a policy file.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use fabric_model::Slug;
use toml::de::{DeTable, DeValue};

use super::parse::{Effect, NamesSoFar, entries, name, names_of};
use super::reader::{Reader, Value};
use crate::guard::{
    APPROVAL_MINUTES, ApprovalRule, Authority, Budget, Guard, Required, Requirements, ScriptKind,
};

/// The largest number that a requirement takes: minutes of a year are half of it.
const MOST: u32 = 1_000_000;

/// The keys of a row that say what it is about.
const ABOUT: [&str; 4] = ["name", "environments", "roles", "primitives"];

/// The keys of a row that say what it requires.
const REQUIREMENTS: [&str; 9] = [
    "reason_min",
    "window",
    "approvals",
    "ci",
    "boundary",
    "confinement",
    "plan_max_age_minutes",
    "budget",
    "kinds",
];

pub(super) fn guards(reader: &mut Reader<'_>, names: &mut NamesSoFar, root: &DeTable<'_>) -> Vec<Guard> {
    let tables = reader.tables(root, "guard");
    tables.into_iter().map(|(table, at)| guard(reader, names, table, &at)).collect()
}

fn guard(reader: &mut Reader<'_>, names: &mut NamesSoFar, table: &DeTable<'_>, at: &Range<usize>) -> Guard {
    let known: Vec<&str> = ABOUT.into_iter().chain(REQUIREMENTS).collect();
    reader.only(table, &known);
    Guard {
        name: name(reader, names, table, at),
        line: reader.line(at),
        environments: names_of(reader, table, at, "environments"),
        roles: names_of(reader, table, at, "roles"),
        entries: entries(reader, table, at, Effect::Guard),
        requires: requirements(reader, table),
    }
}

fn requirements(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Requirements {
    let ci = word(reader, table, "ci", ["deny", "allow"]);
    let boundary = word(reader, table, "boundary", ["advisory", "enforced"]);
    Requirements {
        reason_min: number(reader, table, "reason_min"),
        window: window(reader, table),
        approvals: approvals(reader, table),
        ci_allowed: ci.as_ref().is_some_and(|ci| ci.value == "allow"),
        ci_line: ci.map(|ci| ci.line),
        enforced: boundary.filter(|boundary| boundary.value == "enforced").map(|boundary| boundary.line),
        confined: confinement(reader, table),
        plan_age: number(reader, table, "plan_max_age_minutes"),
        budget: budget(reader, table),
        kinds: kinds(reader, table),
    }
}

/// The line that asks for a worker which is fully confined, if one does.
pub(super) fn confinement(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<usize> {
    let asked = word(reader, table, "confinement", ["reduced", "full"])?;
    (asked.value == "full").then_some(asked.line)
}

fn window(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Required<u32>> {
    let (window, at) = inner(reader, table, "window", "window = { max_minutes = 60 }")?;
    reader.only(window, &["max_minutes"]);
    reader.required(window, &at, "max_minutes")?;
    number(reader, window, "max_minutes")
}

fn approvals(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Required<ApprovalRule>> {
    let example = "approvals = { count = 1, roles = [\"approver\"] }";
    let (approvals, at) = inner(reader, table, "approvals", example)?;
    reader.only(approvals, &["count", "roles", "max_minutes"]);
    reader.required(approvals, &at, "count");
    let roles = reader.required(approvals, &at, "roles")?;
    let roles: Vec<Slug> = names(reader, "roles", roles);
    let count = number(reader, approvals, "count")?.value;
    let max_minutes = number(reader, approvals, "max_minutes").map_or(APPROVAL_MINUTES, |most| most.value);
    Some(Required { value: ApprovalRule { count, roles, max_minutes }, line: reader.line(&at) })
}

fn budget(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Required<Budget>> {
    let keys = ["changes_per_run", "changes_per_hour", "targets_per_run"];
    let (budget, at) = inner(reader, table, "budget", "budget = { changes_per_run = 8 }")?;
    reader.only(budget, &keys);
    if budget.is_empty() {
        let hint = format!("Name at least one of {}, or remove it.", keys.join(", "));
        reader.wrong(at.clone(), "the budget limits nothing", hint);
    }
    let mut most = |key| number(reader, budget, key).map(|most| most.value);
    let value = Budget {
        changes_per_run: most("changes_per_run"),
        changes_per_hour: most("changes_per_hour"),
        targets_per_run: most("targets_per_run"),
    };
    Some(Required { value, line: reader.line(&at) })
}

fn kinds(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Required<Vec<ScriptKind>>> {
    let value = table.get("kinds")?;
    let line = reader.line(&value.span());
    Some(Required { value: names(reader, "kinds", value), line })
}

/// A list of texts without their lines.
fn names<T: FromStr<Err: Display>>(reader: &mut Reader<'_>, key: &str, value: &Value<'_>) -> Vec<T> {
    reader.list::<T>(key, value).into_iter().map(|(one, _)| one).collect()
}

/// A table within a row.
fn inner<'t, 'd>(
    reader: &mut Reader<'_>,
    table: &'t DeTable<'d>,
    key: &str,
    example: &str,
) -> Option<(&'t DeTable<'d>, Range<usize>)> {
    let value = table.get(key)?;
    let inner = value.get_ref().as_table().map(|inner| (inner, value.span()));
    if inner.is_none() {
        reader.wrong(value.span(), format!("`{key}` is not a table"), format!("Write `{example}`."));
    }
    inner
}

/// A whole number from 1. A requirement of 0 would read as a limit and limit nothing, or nothing but everything.
fn number(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Option<Required<u32>> {
    let value = table.get(key)?;
    let number = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse::<u32>().ok(),
        _ => None,
    };
    let number = number.filter(|number| (1..=MOST).contains(number));
    if number.is_none() {
        let hint = format!("Write a whole number from 1 to {MOST}, or remove the line.");
        reader.wrong(value.span(), format!("`{key}` is not such a number"), hint);
    }
    number.map(|value_of| Required { value: value_of, line: reader.line(&value.span()) })
}

/// One of two words.
fn word(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    key: &str,
    words: [&'static str; 2],
) -> Option<Required<&'static str>> {
    let value = table.get(key)?;
    let text = value.get_ref().as_str();
    let known = words.into_iter().find(|word| text == Some(word));
    if known.is_none() {
        let [one, other] = words;
        let hint = format!("Write `{key} = \"{one}\"` or `{key} = \"{other}\"`.");
        reader.wrong(value.span(), format!("`{key}` has no such value"), hint);
    }
    known.map(|word| Required { value: word, line: reader.line(&value.span()) })
}

pub(super) fn authorities(
    reader: &mut Reader<'_>,
    names: &mut NamesSoFar,
    root: &DeTable<'_>,
) -> Vec<Authority> {
    let tables = reader.tables(root, "authority");
    let mut taken: Vec<(Slug, usize)> = Vec::new();
    tables.into_iter().map(|(table, at)| authority(reader, names, &mut taken, table, &at)).collect()
}

fn authority(
    reader: &mut Reader<'_>,
    names_so_far: &mut NamesSoFar,
    taken: &mut Vec<(Slug, usize)>,
    table: &DeTable<'_>,
    at: &Range<usize>,
) -> Authority {
    reader.only(table, &["name", "environments", "folder", "thaw_roles"]);
    let name = name(reader, names_so_far, table, at);
    let environments = reader.required(table, at, "environments").map(|value| {
        let environments = reader.list::<Slug>("environments", value);
        for (environment, line) in &environments {
            if let Some((_, first)) = taken.iter().find(|(other, _)| other == environment) {
                let message = format!("`{environment}` has an authority already, on line {first}");
                reader.wrong(value.span(), message, "Name each environment in one `[[authority]]`.");
            }
            taken.push((environment.clone(), *line));
        }
        environments
    });
    let folder = reader.required(table, at, "folder").map(|value| {
        let text = value.get_ref().as_str().unwrap_or_default();
        if text.is_empty() || text.chars().any(char::is_control) {
            let hint = "Write a path, absolute or relative to this file, such as `/srv/fabric/authority`.";
            reader.wrong(value.span(), "`folder` is not a path", hint);
        }
        text.to_owned()
    });
    let thaw_roles = table.get("thaw_roles").map(|value| names(reader, "thaw_roles", value));
    Authority {
        name,
        line: reader.line(at),
        environments: environments.unwrap_or_default(),
        folder: folder.unwrap_or_default(),
        thaw_roles: thaw_roles.unwrap_or_default(),
    }
}
