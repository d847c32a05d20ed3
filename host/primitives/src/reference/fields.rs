//! From a JSON Schema to rows of a table.

use serde_json::{Map, Value as Json};

/// The deepest nesting of results that is written out; what is deeper is in the schema.
const DEPTH: usize = 4;

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) default: Option<Json>,
    pub(super) meaning: String,
}

/// The arguments, the required ones first.
pub(super) fn arguments(schema: &Json) -> Vec<Field> {
    let required = names(schema);
    let mut fields: Vec<Field> = properties(schema)
        .iter()
        .map(|(name, field)| {
            let missing = if required.contains(name) { None } else { Some(Json::Null) };
            let default = field.get("default").cloned().or(missing);
            Field { name: name.clone(), kind: kind(schema, field), default, meaning: meaning(schema, field) }
        })
        .collect();
    fields.sort_by_key(|field| field.default.is_some());
    fields
}

/// What a result is as a whole, and its fields; those of lists and tables within it with their path.
pub(super) fn results(schema: &Json) -> (String, Vec<Field>) {
    let mut fields = Vec::new();
    match schema.get("items") {
        Some(item) => {
            walk(schema, resolve(schema, item), "[].", 0, &mut fields);
            ("a list of tables".to_owned(), fields)
        }
        None => {
            walk(schema, schema, "", 0, &mut fields);
            ("a table".to_owned(), fields)
        }
    }
}

fn walk(root: &Json, table: &Json, path: &str, depth: usize, fields: &mut Vec<Field>) {
    for (name, field) in properties(table) {
        let name = format!("{path}{name}");
        let row = Field {
            name: name.clone(),
            kind: kind(root, &field),
            default: None,
            meaning: meaning(root, &field),
        };
        fields.push(row);
        if depth == DEPTH {
            continue;
        }
        let inner = resolve(root, present(&field));
        match inner.get("items") {
            Some(item) => walk(root, resolve(root, item), &format!("{name}[]."), depth + 1, fields),
            None => walk(root, inner, &format!("{name}."), depth + 1, fields),
        }
    }
}

pub(super) fn properties(schema: &Json) -> Map<String, Json> {
    schema.get("properties").and_then(Json::as_object).cloned().unwrap_or_default()
}

fn names(schema: &Json) -> Vec<String> {
    let required = schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
    required.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The schema that a reference stands for.
pub(super) fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    name.and_then(|name| root.get("$defs")?.get(name)).unwrap_or(schema)
}

/// Of something that may be absent, what it is when it is there.
fn present(schema: &Json) -> &Json {
    let choices = schema.get("anyOf").and_then(Json::as_array);
    let there =
        choices.and_then(|all| all.iter().find(|one| one.get("type").and_then(Json::as_str) != Some("null")));
    there.unwrap_or(schema)
}

fn kind(root: &Json, field: &Json) -> String {
    let there = present(field);
    let schema = resolve(root, there);
    let mut kind = match schema.get("type") {
        Some(Json::String(one)) => one.clone(),
        Some(Json::Array(several)) => several
            .iter()
            .filter_map(Json::as_str)
            .map(|one| if one == "null" { "nothing" } else { one })
            .collect::<Vec<_>>()
            .join(" or "),
        _ => String::new(),
    };
    if let Some(words) = words(schema) {
        kind = words;
    } else if kind == "array" {
        kind = match schema.get("items").map(|item| self::kind(root, item)).as_deref() {
            Some("table") => "list of tables".to_owned(),
            Some("string") => "list of strings".to_owned(),
            Some("integer") => "list of integers".to_owned(),
            Some("any value") | None => "list of any values".to_owned(),
            Some(other) => format!("list of {other}"),
        };
    } else if let Some(of) = schema.get("additionalProperties").filter(|of| of.is_object()) {
        kind = format!("table of {}", self::kind(root, of));
    } else if kind.is_empty() {
        kind = if schema.get("oneOf").is_some() || schema.get("anyOf").is_some() {
            "one of several forms".to_owned()
        } else {
            "any value".to_owned()
        };
    }
    kind = kind.replace("object", "table");
    if let (Some(least), Some(most)) = (schema.get("minimum"), schema.get("maximum")) {
        kind = format!("{kind}, {least} to {most}");
    }
    if std::ptr::eq(there, field) { kind } else { format!("{kind} or nothing") }
}

/// The words of a closed list of texts, as they are shown.
fn words(schema: &Json) -> Option<String> {
    let quoted: Vec<String> = constants(schema)?.iter().map(|word| format!("`{word}`")).collect();
    Some(quoted.join(", "))
}

/// The words of a closed list of texts.
pub(super) fn constants(schema: &Json) -> Option<Vec<&str>> {
    if let Some(list) = schema.get("enum").and_then(Json::as_array) {
        return list.iter().map(Json::as_str).collect();
    }
    if let Some(word) = schema.get("const") {
        return word.as_str().map(|word| vec![word]);
    }
    let variants = schema.get("oneOf").and_then(Json::as_array)?;
    let each: Option<Vec<Vec<&str>>> = variants
        .iter()
        .map(|variant| match (variant.get("const"), variant.get("enum")) {
            (Some(word), _) => word.as_str().map(|word| vec![word]),
            (None, Some(Json::Array(list))) => list.iter().map(Json::as_str).collect(),
            _ => None,
        })
        .collect();
    each.map(|all| all.into_iter().flatten().collect())
}

/// The field's own words, and behind them those of its type where that has limits and units of its own.
fn meaning(root: &Json, field: &Json) -> String {
    let words = |schema: &Json| {
        schema
            .get("description")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .replace('\n', " ")
            .replace('|', "\\|")
    };
    let schema = resolve(root, present(field));
    let (own, of_type) = (words(field), words(schema));
    match schema.get("maximum").is_some() || own.is_empty() {
        true if own != of_type => format!("{own} {of_type}").trim().to_owned(),
        _ => own,
    }
}
