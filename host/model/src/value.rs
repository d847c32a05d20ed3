//! The one value type that crosses between a script language and the host.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protection::{Protection, stands};

/// The deepest nesting of lists and maps that is accepted. Script engines crash on nesting that is cheap to build (Rhai 1.27
/// aborts at 6,000 maps), so the limit holds before any recursion does. Site data nests four deep.
pub const DEPTH_LIMIT: usize = 32;

/// A script value. Maps are ordered by key, so that equal values have equal bytes.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Nothing: `()` in Rhai, `nil` in Luau, `null` in JSON.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer; `101.0` is not one.
    Int(i64),
    /// A finite floating-point number.
    Float(f64),
    /// Text in UTF-8.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A table of named values.
    Map(BTreeMap<String, Value>),
}

/// Why a value does not fit a type; the text names the field and says what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(String);

impl Value {
    /// The name of the value's kind, the same in every script language.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) => "table",
        }
    }

    /// A table from names and values.
    pub fn table<const N: usize>(entries: [(&str, Self); N]) -> Self {
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Decodes the value into a typed structure.
    ///
    /// # Errors
    /// When a field is missing, unknown, or of another kind.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Misfit> {
        let json = serde_json::to_value(self).map_err(|e| Misfit(e.to_string()))?;
        // The path names the field: `tags[1]: invalid type …`. An error of the table as a whole names it in its own words.
        serde_path_to_error::deserialize(json).map_err(|e| Misfit(e.to_string()))
    }

    /// Encodes a typed structure as a value.
    ///
    /// # Errors
    /// When the structure holds what a value cannot: an integer over 64 bits, a key that is not text.
    pub fn encode<T: Serialize>(typed: &T) -> Result<Self, Misfit> {
        let json = serde_json::to_value(typed).map_err(|e| Misfit(e.to_string()))?;
        Self::deserialize(json).map_err(|e| Misfit(e.to_string()))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Int(i) => serializer.serialize_i64(*i),
            Self::Float(x) => serializer.serialize_f64(*x),
            Self::Text(s) => serializer.serialize_str(s),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => serializer.collect_map(entries),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a script value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, i: i64) -> Result<Value, E> {
        Ok(Value::Int(i))
    }

    fn visit_u64<E: de::Error>(self, u: u64) -> Result<Value, E> {
        i64::try_from(u).map(Value::Int).map_err(|_| E::custom("an integer over 64 bits"))
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Value, E> {
        if x.is_finite() { Ok(Value::Float(x)) } else { Err(E::custom("a number that is not finite")) }
    }

    fn visit_str<E>(self, s: &str) -> Result<Value, E> {
        Ok(Value::Text(s.to_owned()))
    }

    fn visit_string<E>(self, s: String) -> Result<Value, E> {
        Ok(Value::Text(s))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if entries.insert(key.clone(), value).is_some() && stands(Protection::UniqueKeys) {
                return Err(de::Error::custom(format_args!("key `{key}` stands twice")));
            }
        }
        Ok(Value::Map(entries))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(i: i64) -> Self {
        Self::Int(i)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::Text(s.to_owned())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::Text(s)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

impl FromIterator<(String, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self::Map(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        port: u16,
        tags: Vec<String>,
    }

    #[test]
    fn a_typed_structure_survives_the_round_trip() {
        let args = Args { port: 53, tags: vec!["a".into()] };
        let value = Value::encode(&args).expect("plain data");
        assert_eq!(value.decode::<Args>(), Ok(args));
    }

    #[test]
    fn a_misfit_says_what_was_expected() {
        let value = Value::from_iter([
            ("port".to_owned(), Value::Float(1.5)),
            ("tags".to_owned(), Value::List(vec![])),
        ]);
        let misfit = value.decode::<Args>().expect_err("a float is not a port");
        assert!(misfit.to_string().contains("expected u16"), "{misfit}");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        assert!(serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).is_err());
    }
}
