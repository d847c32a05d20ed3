//! The JSON Schema of the site file, from the types that read it.

use fabric_model::site::Site;

/// The JSON Schema (draft 2020-12) of `fabric.toml`, for editors and for `fabric schema site`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Site).to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const SAMAKIA: &str = include_str!("../../../../fabric.toml");

    fn samakia() -> Value {
        toml::from_str(SAMAKIA).expect("the site file is TOML")
    }

    #[test]
    fn the_schema_knows_every_key_of_the_samakia_site() {
        assert_eq!(unknown_keys(&schema(), &schema(), &samakia(), ""), Vec::<String>::new());
    }

    #[test]
    fn a_key_that_the_schema_lacks_is_noticed_at_every_depth() {
        for path in
            ["", "/site", "/hosts/dns-edge-1", "/hosts/dns-edge-1/interfaces/0", "/zones/internal/rrsets/0"]
        {
            let mut site = samakia();
            let table = site.pointer_mut(path).and_then(Value::as_object_mut).expect("a table is here");
            table.insert("planted".to_owned(), Value::Null);
            assert_eq!(unknown_keys(&schema(), &schema(), &site, ""), [format!("{path}/planted")]);
        }
    }

    #[test]
    fn every_key_is_described() {
        let schema = schema();
        let definitions = schema.get("$defs").and_then(Value::as_object).expect("definitions");
        for (name, definition) in definitions {
            for (key, property) in
                definition.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                assert!(property.get("description").is_some(), "{name}.{key}");
            }
        }
    }

    /// The keys of `value` that no branch of `schema` allows.
    fn unknown_keys(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = root.pointer(target.trim_start_matches('#')).expect("the reference leads somewhere");
            return unknown_keys(root, target, value, path);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(word).and_then(Value::as_array) {
                let tried = branches.iter().map(|branch| unknown_keys(root, branch, value, path));
                return tried.min_by_key(Vec::len).unwrap_or_default();
            }
        }
        match value {
            Value::Object(entries) => entries
                .iter()
                .flat_map(|(key, entry)| {
                    let path = format!("{path}/{key}");
                    let known = schema.get("properties").and_then(|p| p.get(key));
                    match known.or(schema.get("additionalProperties")) {
                        Some(schema) if schema.is_object() => unknown_keys(root, schema, entry, &path),
                        _ => vec![path],
                    }
                })
                .collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .flat_map(|(index, item)| {
                    let schema = schema.get("items").or(schema.get("prefixItems").and_then(|p| p.get(index)));
                    unknown_keys(root, schema.expect("items are described"), item, &format!("{path}/{index}"))
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}
