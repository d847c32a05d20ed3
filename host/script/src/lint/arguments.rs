//! The table of arguments of a primitive against its JSON Schema, as far as it is literal.

use fabric_model::Value;
use serde_json::Value as Json;

use super::World;
use super::reach::classed;
use super::rule::{Finding, MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE};
use super::tree::{Call, Expression, File, Spot, Table, calls};
use crate::nearest::suggestion;

/// Calls of primitives in one file whose arguments cannot be right.
pub(super) fn misfits(file: &File, world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in calls(&file.body) {
        let Some((name, _)) = classed(call, world.primitives) else { continue };
        let Some(known) = world.primitives.get(name) else { continue };
        let checker = Checker { file, root: &known.arguments, primitive: name.as_str() };
        checker.call(call, &mut findings);
    }
    findings
}

struct Checker<'a> {
    file: &'a File,
    root: &'a Json,
    primitive: &'a str,
}

impl Checker<'_> {
    fn call(&self, call: &Call, findings: &mut Vec<Finding>) {
        match call.arguments.as_slice() {
            [Expression::Table(table)] => self.table(self.root, table, "", call.spot, findings),
            [single] if !matches!(single, Expression::Literal(..) | Expression::List(..)) => {}
            _ => {
                let message = format!("`{}` takes one table of named arguments", self.primitive);
                findings.push(self.wrong(&WRONG_TYPE, call.spot, message));
            }
        }
    }

    fn wrong(&self, rule: &'static super::rule::Rule, spot: Spot, message: String) -> Finding {
        let hint = format!("`fabric docs {}` shows what it takes.", self.primitive);
        Finding::at(rule, &self.file.path, spot, message).hint(hint)
    }

    /// `path` is where the table stands within the arguments, with a final dot, and empty for the arguments themselves.
    fn table(&self, schema: &Json, table: &Table, path: &str, spot: Spot, findings: &mut Vec<Finding>) {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
        let closed = schema.get("additionalProperties") == Some(&Json::Bool(false));
        // A key that is computed has no name.
        for (name, value) in table.fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            match properties.get(&name.text) {
                Some(field) => self.value(field, value, &format!("{path}{}", name.text), name.spot, findings),
                None if closed => {
                    let near = suggestion(&name.text, properties.keys().map(String::as_str));
                    let message = format!("`{}` has no argument `{path}{}`{near}", self.primitive, name.text);
                    findings.push(self.wrong(&UNKNOWN_FIELD, name.spot, message));
                }
                None => {}
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        let missing = required
            .filter_map(Json::as_str)
            .filter(|wanted| table.whole && !table.fields.iter().any(|(name, _)| name.text == *wanted));
        for name in missing {
            let message = format!("`{}` needs the argument `{path}{name}`", self.primitive);
            findings.push(self.wrong(&MISSING_FIELD, spot, message));
        }
    }

    fn value(&self, schema: &Json, value: &Expression, path: &str, spot: Spot, findings: &mut Vec<Finding>) {
        let schema = self.resolved(schema);
        if let Some(choices) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            return self.choice(choices, value, path, spot, findings);
        }
        if let Some(problem) = self.misfit(schema, value) {
            // A value has its own place where the parser keeps one.
            let spot = if value.spot() == Spot::default() { spot } else { value.spot() };
            findings.push(self.wrong(&WRONG_TYPE, spot, format!("`{path}` {problem}")));
            return;
        }
        match value {
            Expression::Table(table) => self.table(schema, table, &format!("{path}."), table.spot, findings),
            Expression::List(items, _) => {
                if let Some(item) = schema.get("items") {
                    for (index, value) in items.iter().enumerate() {
                        self.value(item, value, &format!("{path}[{index}]"), spot, findings);
                    }
                }
            }
            _ => {}
        }
    }

    /// One of several forms: right where any is. What is wrong is said of the only form that could be meant.
    fn choice(
        &self,
        choices: &[Json],
        value: &Expression,
        path: &str,
        spot: Spot,
        findings: &mut Vec<Finding>,
    ) {
        let mut closest: Option<Vec<Finding>> = None;
        let words: Vec<&str> =
            choices.iter().flat_map(|one| words(self.resolved(one)).unwrap_or_default()).collect();
        for choice in choices {
            let mut wrong = Vec::new();
            self.value(choice, value, path, spot, &mut wrong);
            if wrong.is_empty() {
                return;
            }
            let of_kind = self.misfit(self.resolved(choice), value).is_none();
            if closest.is_none() || of_kind {
                closest = Some(wrong);
            }
        }
        match value {
            Expression::Literal(Value::Text(text), at) if !words.is_empty() => {
                let problem = format!("`{path}` {}", not_among(text, &words));
                findings.push(self.wrong(&WRONG_TYPE, *at, problem));
            }
            _ => findings.extend(closest.unwrap_or_default()),
        }
    }

    /// The schema that a reference stands for. References that lead on are followed as far as schemas of ours ever go.
    fn resolved<'s>(&'s self, schema: &'s Json) -> &'s Json {
        const REFERENCES: usize = 8;
        let mut schema = schema;
        for _ in 0..REFERENCES {
            let path = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
            match path.and_then(|path| self.root.pointer(path)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    /// Why a value cannot be what the schema says, as a fragment after its name; nothing where it fits or is not known.
    fn misfit(&self, schema: &Json, value: &Expression) -> Option<String> {
        let kind = match value {
            Expression::Literal(value, _) => value.kind(),
            Expression::List(..) => "list",
            Expression::Table(_) => "table",
            Expression::Function(_) => "function",
            _ => return None,
        };
        // An empty list is an empty table to Luau.
        let is_empty_table =
            matches!(value, Expression::Table(table) if table.fields.is_empty() && table.whole);
        let kinds = kinds(schema);
        let fits = kinds.iter().any(|wanted| {
            *wanted == kind
                || (*wanted == "number" && kind == "integer")
                || (*wanted == "list" && is_empty_table)
        });
        if !kinds.is_empty() && !fits {
            return Some(format!("must be {}, found {kind}", kinds.join(" or ")));
        }
        match value {
            Expression::Literal(Value::Int(number), _) => out_of_range(schema, *number),
            Expression::Literal(Value::Text(text), _) => words(schema)
                .filter(|words| !words.contains(&text.as_str()))
                .map(|words| not_among(text, &words)),
            _ => None,
        }
    }
}

/// The kinds of value that a schema takes, in our words; none where it takes any.
fn kinds(schema: &Json) -> Vec<&'static str> {
    let word = |kind: &Json| match kind.as_str() {
        Some("array") => Some("list"),
        Some("boolean") => Some("boolean"),
        Some("integer") => Some("integer"),
        Some("null") => Some("nothing"),
        Some("number") => Some("number"),
        Some("object") => Some("table"),
        Some("string") => Some("string"),
        _ => None,
    };
    match schema.get("type") {
        Some(Json::Array(several)) => several.iter().filter_map(word).collect(),
        Some(one) => word(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The words of a closed list of texts.
fn words(schema: &Json) -> Option<Vec<&str>> {
    match (schema.get("enum"), schema.get("const")) {
        (Some(Json::Array(list)), _) => Some(list.iter().filter_map(Json::as_str).collect()),
        (_, Some(Json::String(word))) => Some(vec![word.as_str()]),
        _ => None,
    }
}

fn not_among(text: &str, words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let shown: String = text.chars().take(40).collect();
    format!("is one of {}, not `{shown}`{}", quoted.join(", "), suggestion(text, words.iter().copied()))
}

fn out_of_range(schema: &Json, number: i64) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Json::as_i64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    let below = least.is_some_and(|least| number < least);
    let above = most.is_some_and(|most| number > most);
    (below || above).then(|| match (least, most) {
        (Some(least), Some(most)) => format!("is {least} to {most}, not {number}"),
        (Some(least), None) => format!("is at least {least}, not {number}"),
        _ => format!("is at most {}, not {number}", most.unwrap_or(i64::MAX)),
    })
}
