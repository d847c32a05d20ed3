//! The page, section by section.

use std::fmt::Write as _;

use fabric_model::Value;
use fabric_primitives::{Primitive, Work};
use serde_json::Value as Json;

use crate::fields::{self, Field};

const HEAD: &str = "# Primitives

What a script can ask the host to do, and all that it can. Generated from the registry; `docs/scripting.md` explains how scripts
call primitives, and `fabric schema NAME` prints the full JSON Schema of one.

A primitive takes one table of named arguments and refuses any other. *Needs* are the resources that the script declares and the
policy grants, as they follow from the example's arguments. Every call has a deadline, `timeout_ms`, that covers all of it.
Resources are written `kind:name` or `kind:name/part`, files `file:host/absolute/path`.

A primitive of class `change` reads the state, plans, and in a run that executes does what was planned. It returns the state afterwards.
Its section says for some states what is planned, what takes it back at the end of the scope or on failure, and what a dead-man timer on
the target runs when the host never comes back.
";

pub(crate) fn page(primitives: &[&dyn Primitive]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| primitive | class | what it does |\n|---|---|---|\n");
    for primitive in primitives {
        let name = primitive.name();
        let anchor = name.as_str().replace('.', "");
        line(
            &mut page,
            &format!("| [`{name}`](#{anchor}) | {} | {} |", primitive.class(), primitive.summary()),
        );
    }
    for primitive in primitives {
        section(&mut page, *primitive);
    }
    page
}

fn section(page: &mut String, primitive: &dyn Primitive) {
    line(
        page,
        &format!("\n## `{}`\n\n{} Class `{}`.\n", primitive.name(), primitive.summary(), primitive.class()),
    );
    let mut shown: Vec<Value> = Vec::new();
    for example in primitive.examples() {
        if shown.contains(&example) {
            continue;
        }
        shown.push(example.clone());
        let prepared = primitive.prepare(&example).expect("an example decodes");
        let needs = prepared.needs.iter().map(|need| format!("`{}` ({})", need.resource, need.role));
        let needs: Vec<String> = needs.collect();
        line(
            page,
            &format!("```rhai\n{}\n```\n\nNeeds {}.\n", rhai(primitive, &example), needs.join(" and ")),
        );
    }
    if !primitive.change_examples().is_empty() {
        plans(page, primitive);
    }
    line(page, "| argument | type | default | meaning |\n|---|---|---|---|");
    for Field { name, kind, default, meaning } in fields::arguments(&primitive.arguments_schema().to_value())
    {
        let default = default.map_or_else(
            || "required".to_owned(),
            |default| match default {
                Json::Null => "nothing".to_owned(),
                default => format!("`{default}`"),
            },
        );
        line(page, &format!("| `{name}` | {kind} | {default} | {meaning} |"));
    }
    let (whole, results) = fields::results(&primitive.output_schema().to_value());
    line(page, &format!("\nReturns {whole}.\n\n| field | type | meaning |\n|---|---|---|"));
    for Field { name, kind, meaning, .. } in results {
        line(page, &format!("| `{name}` | {kind} | {meaning} |"));
    }
}

/// What is planned in which state, what takes it back, and whether the target does so by itself.
fn plans(page: &mut String, primitive: &dyn Primitive) {
    line(page, "| seen | planned | undone by | without the host |\n|---|---|---|---|");
    for example in primitive.change_examples() {
        let Work::Change(call) = primitive.prepare(&example.arguments).expect("an example decodes").work
        else {
            unreachable!("it has examples of changes")
        };
        let seen = literal(&example.seen);
        let Some(plan) = call.plan(&example.seen).expect("an example can be planned") else {
            line(page, &format!("| `{seen}` | nothing | | |"));
            continue;
        };
        let words = |action: &Value| call.describe(action).expect("its own action");
        let undone = plan.inverse.as_ref().map_or_else(|| "nothing".to_owned(), words);
        let heals = match (&plan.heal, &plan.inverse) {
            (Some(restore), _) => format!("`{restore}`"),
            (None, Some(_)) => "only `fabric recover`".to_owned(),
            (None, None) => "nothing to take back".to_owned(),
        };
        line(page, &format!("| `{seen}` | {} | {undone} | {heals} |", words(&plan.action)));
    }
    line(page, "");
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to text");
}

/// The call as a script writes it: first what every call must say.
fn rhai(primitive: &dyn Primitive, example: &Value) -> String {
    let Value::Map(given) = example else {
        unreachable!("the generic suite says that an example is a table")
    };
    let order = fields::arguments(&primitive.arguments_schema().to_value());
    let named = order.iter().filter_map(|field| Some((&field.name, given.get(&field.name)?)));
    let named: Vec<String> = named.map(|(name, value)| format!("{name}: {}", literal(value))).collect();
    let name = primitive.name();
    format!("{}::{}(#{{ {} }})", name.area(), name.verb(), named.join(", "))
}

/// Texts, numbers and truth values are written in Rhai as in JSON.
fn literal(value: &Value) -> String {
    serde_json::to_string(value).expect("plain data")
}
