//! Script values in canonical JSON without loss.
//!
//! RFC 8785 knows one kind of number, the double, and writes `1.0` as `1`. A script value tells integers from numbers and has
//! 64-bit integers. So what plain JSON would blur is written as a table with one marked key: a whole or not finite number as
//! `{"$float":"1.0"}`, an integer of 2^53 or more as `{"$int":"9007199254740993"}`, and a table that itself has one key
//! beginning with `$` as `{"$map":{...}}`. Everything else is the JSON that one expects.

use std::collections::BTreeMap;

use fabric_model::Value;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Integers at or beyond this magnitude are not all doubles.
const EXACT_INT_LIMIT: u64 = 1 << 53;

fn marked(key: &str, value: Value) -> Value {
    Value::Map(BTreeMap::from([(key.to_owned(), value)]))
}

/// The value as plain JSON can hold it.
pub fn encode(value: &Value) -> Value {
    match value {
        Value::Int(i) if i.unsigned_abs() >= EXACT_INT_LIMIT => marked("$int", Value::Text(i.to_string())),
        Value::Float(x) if x.fract() != 0.0 && x.is_finite() => Value::Float(*x),
        Value::Float(x) => marked("$float", Value::Text(format!("{x:?}"))),
        Value::List(items) => items.iter().map(encode).collect(),
        Value::Map(entries) => {
            let plain = entries.iter().map(|(k, v)| (k.clone(), encode(v))).collect();
            if entries.len() == 1 && entries.keys().all(|k| k.starts_with('$')) {
                marked("$map", plain)
            } else {
                plain
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => value.clone(),
    }
}

/// The value that [`encode`] was given.
///
/// # Errors
/// When a marked table holds something that [`encode`] does not write.
pub fn decode(plain: Value) -> Result<Value, String> {
    let entries = match plain {
        Value::Map(entries) => entries,
        Value::List(items) => {
            return items.into_iter().map(decode).collect::<Result<Vec<_>, _>>().map(Value::List);
        }
        other => return Ok(other),
    };
    let decode_entries = |entries: BTreeMap<String, Value>| {
        entries.into_iter().map(|(k, v)| Ok((k, decode(v)?))).collect::<Result<_, String>>().map(Value::Map)
    };
    let mark = entries.keys().next().filter(|k| entries.len() == 1 && k.starts_with('$')).cloned();
    let Some(mark) = mark else { return decode_entries(entries) };
    let held = entries.into_values().next().unwrap_or_default();
    let decoded = match (mark.as_str(), held) {
        ("$int", Value::Text(text)) => text.parse().map(Value::Int).ok(),
        ("$float", Value::Text(text)) => text.parse().map(Value::Float).ok(),
        ("$map", Value::Map(inner)) => Some(decode_entries(inner.clone())?),
        _ => None,
    };
    decoded.ok_or_else(|| format!("`{mark}` marks something that is not exact data"))
}

/// Serde form of a value.
pub(crate) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    encode(value).serialize(serializer)
}

/// Serde form of a value.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    decode(Value::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Serde form of a value that may be absent.
pub(crate) mod optional {
    use super::{Deserializer, Serializer, Value, deserialize as one, serialize as write};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => write(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        one(deserializer).map(Some)
    }
}

/// Serde form of a typed structure that holds values: as a whole, so that each of them survives.
pub(crate) mod whole {
    use serde::de::DeserializeOwned;
    use serde::{Serialize, ser};

    use super::{Deserialize, Deserializer, Serializer, Value, de, decode, encode};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        typed: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        encode(&Value::encode(typed).map_err(ser::Error::custom)?).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let plain = Value::deserialize(deserializer)?;
        decode(plain).map_err(de::Error::custom)?.decode().map_err(de::Error::custom)
    }
}

/// Serde form of named values.
pub(crate) mod named {
    use super::{BTreeMap, Deserialize, Deserializer, Serializer, Value, de, decode, encode};

    pub(crate) fn serialize<S: Serializer>(
        values: &BTreeMap<String, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(k, v)| (k, encode(v))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Value>, D::Error> {
        let Value::Map(plain) = Value::deserialize(deserializer)? else {
            return Err(de::Error::custom("expected a table"));
        };
        plain.into_iter().map(|(k, v)| Ok((k, decode(v).map_err(de::Error::custom)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::canonical;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            prop::num::f64::NORMAL.prop_map(Value::Float),
            (-4i32..4).prop_map(|i| Value::Float(i.into())),
            ".{0,8}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("(\\$int|\\$float|\\$map|.{0,3})", inner, 0..3)
                    .prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_survives_canonical_json(value in values()) {
            let bytes = canonical::bytes(&encode(&value)).expect("finite");
            let plain: Value = canonical::read(&bytes).expect("canonical");
            let back = decode(plain).expect("as encoded");
            // Debug tells `0.0` from `-0.0`, which `==` does not.
            prop_assert_eq!(format!("{:?}", back), format!("{:?}", value));
        }
    }

    #[test]
    fn a_whole_number_stays_a_number() {
        let bytes = canonical::bytes(&encode(&Value::Float(1.0))).expect("finite");
        assert_eq!(bytes, br#"{"$float":"1.0"}"#);
    }
}
