//! What a primitive takes as arguments, and what it refuses.

use std::collections::BTreeMap;

use fabric_model::{Code, Fault, Stage, Value};
use fabric_primitives::Primitive;
use serde_json::Value as Json;

fn table(value: &Value) -> BTreeMap<String, Value> {
    match value {
        Value::Map(entries) => entries.clone(),
        other => panic!("an example is a table, not a {}", other.kind()),
    }
}

fn refusal(primitive: &dyn Primitive, arguments: &Value) -> Fault {
    let Err(fault) = primitive.prepare(arguments) else { panic!("accepted: {arguments:?}") };
    assert_eq!((fault.code, fault.stage), (Code::ScriptArgument, Stage::Decode), "{fault}");
    let call = format!("call `{}`: ", primitive.name());
    assert!(fault.message.starts_with(&call), "{fault}");
    assert!(!fault.hints.is_empty(), "{fault} says nothing of what to do");
    fault
}

fn fields(primitive: &dyn Primitive) -> BTreeMap<String, Json> {
    let schema = primitive.arguments_schema().to_value();
    let properties = schema.get("properties").and_then(Json::as_object).expect("a table");
    properties.iter().map(|(name, field)| (name.clone(), field.clone())).collect()
}

fn required(primitive: &dyn Primitive) -> Vec<String> {
    let schema = primitive.arguments_schema().to_value();
    let required = schema.get("required").and_then(Json::as_array).cloned().unwrap_or_default();
    required.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

pub(crate) fn its_examples_decode(primitive: &'static dyn Primitive) {
    let examples = primitive.examples();
    assert!(!examples.is_empty(), "there is no example");
    assert!(
        !primitive.summary().is_empty() && primitive.summary().ends_with('.'),
        "the summary is a sentence"
    );
    for example in examples {
        let prepared = primitive.prepare(&example).expect("an example decodes");
        assert!(!prepared.needs.is_empty(), "nothing would have to be granted for {example:?}");
        assert!(!prepared.timeout.is_zero());
        let mut roles: Vec<&str> = prepared.needs.iter().map(|need| need.role).collect();
        roles.sort_unstable();
        roles.dedup();
        assert_eq!(roles.len(), prepared.needs.len(), "two needs in one role");
    }
}

pub(crate) fn canonical_arguments_decode_to_themselves(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let first = primitive.prepare(&example).expect("an example decodes");
        let second = primitive.prepare(&first.arguments).expect("canonical arguments decode");
        assert_eq!(second.arguments, first.arguments);
        assert_eq!(second.needs, first.needs);
        assert_eq!(second.timeout, first.timeout);
        assert!(table(&example).keys().all(|name| table(&first.arguments).contains_key(name)));
    }
}

pub(crate) fn its_schema_is_closed_and_documented(primitive: &'static dyn Primitive) {
    let schema = primitive.arguments_schema().to_value();
    assert_eq!(schema.get("additionalProperties"), Some(&Json::Bool(false)), "unknown fields are let in");
    for (name, field) in fields(primitive) {
        let words = field.get("description").and_then(Json::as_str).unwrap_or_default();
        assert!(!words.is_empty(), "`{name}` has no description");
    }
    let known = fields(primitive);
    for example in primitive.examples() {
        assert!(table(&example).keys().all(|name| known.contains_key(name)), "the schema lacks a field");
    }
}

pub(crate) fn an_unknown_field_is_refused_by_name(primitive: &'static dyn Primitive) {
    for example in primitive.examples() {
        let mut arguments = table(&example);
        arguments.insert("no_such_field".to_owned(), true.into());
        let fault = refusal(primitive, &Value::Map(arguments));
        assert!(fault.message.contains("`no_such_field`"), "{fault}");
    }
}

pub(crate) fn a_missing_field_is_refused_by_name(primitive: &'static dyn Primitive) {
    let required = required(primitive);
    assert!(!required.is_empty(), "a call without any argument would mean something");
    for example in primitive.examples() {
        for name in &required {
            let mut arguments = table(&example);
            assert!(arguments.remove(name).is_some(), "the example lacks `{name}`");
            let fault = refusal(primitive, &Value::Map(arguments));
            assert!(fault.message.contains(&format!("`{name}`")), "{fault}");
        }
    }
}

pub(crate) fn a_field_of_another_type_is_refused_by_name(primitive: &'static dyn Primitive) {
    // No argument of any primitive is a list of lists, and no text but a file's holds a line break.
    let misfits = [Value::List(vec![Value::List(vec![])]), true.into(), Value::Float(1.5), "a\nb".into()];
    for example in primitive.examples() {
        for (name, field) in fields(primitive) {
            for misfit in &misfits {
                if matches!(misfit, Value::Bool(_)) && field.get("type") == Some(&Json::from("boolean")) {
                    continue;
                }
                // Free text is checked by whoever uses it, not by its type.
                if matches!(misfit, Value::Text(_)) && is_free_text(&field) {
                    continue;
                }
                let mut arguments = table(&example);
                arguments.insert(name.clone(), misfit.clone());
                let fault = refusal(primitive, &Value::Map(arguments));
                assert!(fault.message.contains(&name), "`{name}` is not named: {fault}");
            }
        }
    }
}

/// Whatever is a number has limits, the schema states them, and they are the ones that hold.
pub(crate) fn the_limits_of_its_schema_hold(primitive: &'static dyn Primitive) {
    let schema = primitive.arguments_schema().to_value();
    for (name, field) in fields(primitive) {
        let path = field.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
        let field = path.and_then(|path| schema.pointer(path)).unwrap_or(&field);
        if field.get("type").and_then(Json::as_str) != Some("integer") {
            continue;
        }
        let limit = |key: &str| field.get(key).and_then(Json::as_i64);
        let (Some(least), Some(most)) = (limit("minimum"), limit("maximum")) else {
            panic!("`{name}` has no limits: {field}")
        };
        for example in primitive.examples() {
            let with = |number: i64| {
                let mut arguments = table(&example);
                arguments.insert(name.clone(), number.into());
                Value::Map(arguments)
            };
            for inside in [least, most] {
                assert!(primitive.prepare(&with(inside)).is_ok(), "`{name}` = {inside} is refused");
            }
            for outside in [least - 1, most + 1] {
                assert!(refusal(primitive, &with(outside)).message.contains(&name), "`{name}` = {outside}");
            }
        }
    }
}

/// Names of certificates and hosts and the texts of files are plain text to the schema.
fn is_free_text(field: &Json) -> bool {
    let words = field.get("description").and_then(Json::as_str).unwrap_or_default();
    words.contains("name or IP address")
        || words.contains("name for the `Host` field")
        || words.contains("text of the file")
}

pub(crate) fn what_is_no_table_is_refused(primitive: &'static dyn Primitive) {
    for misfit in [Value::Null, 1.into(), "dns".into(), Value::List(vec![])] {
        refusal(primitive, &misfit);
    }
}
