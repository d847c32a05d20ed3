//! The definition file for Luau's language server (luau-lsp): every primitive with the types of its arguments and result.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::fields::{properties, resolve};
use super::syntax::{Syntax, key};
use crate::primitive::Primitive;

const HEAD: &str = "--- What fabric gives to scripts, for luau-lsp (`luau-lsp.types.definitionFiles`).
--- Generated from the registry; `fabric docs --luau-definitions` prints it.
";

/// The deepest nesting of types that is written out; what is deeper is `any`.
const DEPTH: usize = 6;

/// The definitions of these primitives, area by area.
pub fn definitions(primitives: &[&dyn Primitive]) -> String {
    let mut areas: BTreeMap<String, Vec<&dyn Primitive>> = BTreeMap::new();
    for primitive in primitives {
        areas.entry(primitive.name().area().to_owned()).or_default().push(*primitive);
    }
    let mut text = HEAD.to_owned();
    for (area, members) in areas {
        // Writing to a text does not fail.
        let _ = writeln!(text, "\ndeclare {area}: {{");
        for primitive in members {
            let (arguments, result) =
                (primitive.arguments_schema().to_value(), primitive.output_schema().to_value());
            let _ = writeln!(text, "\t--- {} Class `{}`.", primitive.summary(), primitive.class());
            let _ = writeln!(
                text,
                "\t{}: (arguments: {}) -> {},",
                primitive.name().verb(),
                kind(&arguments, &arguments, 0),
                kind(&result, &result, 0)
            );
        }
        let _ = writeln!(text, "}}");
    }
    text
}

/// The type that a schema stands for.
fn kind(root: &Json, schema: &Json, depth: usize) -> String {
    let schema = resolve(root, schema);
    if depth > DEPTH {
        return "any".to_owned();
    }
    if let Some(words) = super::fields::constants(schema) {
        let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        return if words.len() == 1 { words.join("") } else { format!("({})", words.join(" | ")) };
    }
    let choices = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
    if let Some(choices) = choices {
        return either(choices.iter().map(|choice| kind(root, choice, depth + 1)).collect());
    }
    match schema.get("type") {
        Some(Json::Array(several)) => either(
            several.iter().filter_map(Json::as_str).map(|one| single(root, schema, one, depth)).collect(),
        ),
        Some(Json::String(one)) => single(root, schema, one, depth),
        _ => "any".to_owned(),
    }
}

fn single(root: &Json, schema: &Json, kind: &str, depth: usize) -> String {
    match kind {
        "array" => {
            let item = schema
                .get("items")
                .map_or_else(|| "any".to_owned(), |item| self::kind(root, item, depth + 1));
            format!("{{ {item} }}")
        }
        "boolean" => "boolean".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "null" => "nil".to_owned(),
        "object" => table(root, schema, depth),
        "string" => "string".to_owned(),
        _ => "any".to_owned(),
    }
}

fn table(root: &Json, schema: &Json, depth: usize) -> String {
    let fields = properties(schema);
    if fields.is_empty() {
        let of = schema.get("additionalProperties").filter(|of| of.is_object());
        return of.map_or_else(
            || "{ [string]: any }".to_owned(),
            |of| format!("{{ [string]: {} }}", kind(root, of, depth + 1)),
        );
    }
    let required = schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, field)| {
            let of = kind(root, field, depth + 1);
            let open = required.iter().any(|wanted| wanted.as_str() == Some(name))
                || of.ends_with('?')
                || of == "any";
            format!("{}: {of}{}", key(Syntax::Luau, name), if open { "" } else { "?" })
        })
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

/// One of several types; nothing among them makes the others optional.
fn either(mut kinds: Vec<String>) -> String {
    let optional = kinds.iter().any(|kind| kind == "nil");
    kinds.retain(|kind| kind != "nil");
    kinds.sort();
    kinds.dedup();
    let mark = if optional { "?" } else { "" };
    match kinds.as_slice() {
        [] => "nil".to_owned(),
        [one] => format!("{one}{mark}"),
        several if several.iter().any(|kind| kind == "any") => "any".to_owned(),
        several => format!("({}){mark}", several.join(" | ")),
    }
}
