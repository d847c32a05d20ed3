//! The page, section by section.

use fabric_model::{Fault, Value};
use serde_json::Value as Json;

use super::fields::{self, Field};
use super::syntax::{Syntax, call};
use crate::primitive::{Primitive, Work};

const HEAD: &str = "# Primitives

What a script can ask the host to do, and all that it can. Generated from the registry; `docs/scripting.md` explains how scripts
call primitives, and `fabric schema NAME` prints the full JSON Schema of one.

A primitive takes one table of named arguments and refuses any other. *Needs* are the resources that the script declares and the
policy grants, as they follow from the example's arguments. Every call has a deadline, `timeout_ms`, that covers all of it.
Resources are written `kind:name` or `kind:name/part`, files `file:host/absolute/path`, what is on S3
servers `s3:server/bucket/key` (docs/s3.md).

A primitive of class `change` reads the state, plans, and in a run that executes does what was planned. It returns the state afterwards.
Its section says for some states what is planned, what takes it back at the end of the scope or on failure, and what a dead-man timer on
the target runs when the host never comes back.
";

/// The page of these primitives.
///
/// # Errors
/// When an example is none: it does not decode, or cannot be planned.
pub fn page(primitives: &[&dyn Primitive]) -> Result<String, Fault> {
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
        page.push('\n');
        page.push_str(&section(*primitive)?);
    }
    Ok(page)
}

/// The section of one primitive.
///
/// # Errors
/// When an example is none: it does not decode, or cannot be planned.
pub fn section(primitive: &dyn Primitive) -> Result<String, Fault> {
    let mut page = String::new();
    line(
        &mut page,
        &format!("## `{}`\n\n{} Class `{}`.\n", primitive.name(), primitive.summary(), primitive.class()),
    );
    let mut shown: Vec<Value> = Vec::new();
    for example in primitive.examples() {
        if shown.contains(&example) {
            continue;
        }
        shown.push(example.clone());
        let prepared = primitive.prepare(&example)?;
        let needs = prepared.needs.iter().map(|need| format!("`{}` ({})", need.resource, need.role));
        let needs: Vec<String> = needs.collect();
        for syntax in Syntax::ALL {
            line(
                &mut page,
                &format!("```{}\n{}\n```\n", syntax.as_str(), written(syntax, primitive, &example)),
            );
        }
        line(&mut page, &format!("Needs {}.\n", needs.join(" and ")));
    }
    if !primitive.change_examples().is_empty() {
        plans(&mut page, primitive)?;
    }
    line(&mut page, "| argument | type | default | meaning |\n|---|---|---|---|");
    for Field { name, kind, default, meaning } in fields::arguments(&primitive.arguments_schema().to_value())
    {
        let default = default.map_or_else(
            || "required".to_owned(),
            |default| match default {
                Json::Null => "nothing".to_owned(),
                default => format!("`{default}`"),
            },
        );
        line(&mut page, &format!("| `{name}` | {kind} | {default} | {meaning} |"));
    }
    let (whole, results) = fields::results(&primitive.output_schema().to_value());
    line(&mut page, &format!("\nReturns {whole}.\n\n| field | type | meaning |\n|---|---|---|"));
    for Field { name, kind, meaning, .. } in results {
        line(&mut page, &format!("| `{name}` | {kind} | {meaning} |"));
    }
    Ok(page)
}

/// What is planned in which state, what takes it back, and whether the target does so by itself.
fn plans(page: &mut String, primitive: &dyn Primitive) -> Result<(), Fault> {
    line(page, "| seen | planned | undone by | without the host |\n|---|---|---|---|");
    for example in primitive.change_examples() {
        let Work::Change(call) = primitive.prepare(&example.arguments)?.work else { continue };
        let seen = json(&example.seen);
        let Some(plan) = call.plan(&example.seen)? else {
            line(page, &format!("| `{seen}` | nothing | | |"));
            continue;
        };
        let planned = call.describe(&plan.action)?;
        let undone = plan
            .inverse
            .as_ref()
            .map_or_else(|| Ok("nothing".to_owned()), |inverse| call.describe(inverse))?;
        let heals = match (&plan.heal, &plan.inverse) {
            (Some(restore), _) => format!("`{restore}`"),
            (None, Some(_)) => "only `fabric recover`".to_owned(),
            (None, None) => "nothing to take back".to_owned(),
        };
        line(page, &format!("| `{seen}` | {planned} | {undone} | {heals} |"));
    }
    line(page, "");
    Ok(())
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

/// The call as a script writes it: first what every call must say.
fn written(syntax: Syntax, primitive: &dyn Primitive, example: &Value) -> String {
    let order = fields::arguments(&primitive.arguments_schema().to_value());
    let given = |name: &str| match example {
        Value::Map(given) => given.get(name),
        _ => None,
    };
    let named = order.iter().filter_map(|field| Some((field.name.as_str(), given(&field.name)?)));
    call(syntax, &primitive.name(), named)
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
