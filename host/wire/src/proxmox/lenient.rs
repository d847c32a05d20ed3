//! Readers for values that the API sends as number, text or truth value as it pleases.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A scalar, whatever its kind, as text; `null` is none.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a truth value or nothing")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_bool<E>(self, b: bool) -> Result<Scalar, E> {
        Ok(Scalar(Some(u8::from(b).to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(text.to_owned())))
    }
}

/// An optional text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Scalar::deserialize(deserializer)?.0)
}

/// An optional whole number, not negative.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = |text: String| {
        text.parse().map_err(|_| de::Error::custom(format_args!("`{text}` is not a whole number")))
    };
    Scalar::deserialize(deserializer)?.0.map(number).transpose()
}

/// A flag: 1 or 0. Nothing is 0, as the API leaves out what is not set.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Scalar::deserialize(deserializer)?.0.as_deref() {
        Some("1") => Ok(true),
        Some("0" | "") | None => Ok(false),
        Some(other) => Err(de::Error::custom(format_args!("`{other}` is not a flag"))),
    }
}

/// An optional table of scalars as texts. Lists within it are left out: no field that is read here is one.
pub(super) fn table<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let table: Option<BTreeMap<String, serde_json::Value>> = Option::deserialize(deserializer)?;
    let scalar = |value: serde_json::Value| Scalar::deserialize(value).ok().and_then(|scalar| scalar.0);
    let entries = table.unwrap_or_default().into_iter();
    Ok(entries.filter_map(|(name, value)| Some((name, scalar(value)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "text")]
        text: Option<String>,
        #[serde(default, deserialize_with = "number")]
        number: Option<u64>,
        #[serde(default, deserialize_with = "flag")]
        flag: bool,
    }

    fn read(json: &str) -> Result<Sample, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_and_flags_come_in_any_spelling() {
        let whole = Sample { text: Some("24".into()), number: Some(24), flag: true };
        for json in [
            r#"{"text":"24","number":"24","flag":"1"}"#,
            r#"{"text":24,"number":24,"flag":1}"#,
            r#"{"text":24,"number":24,"flag":true}"#,
        ] {
            assert_eq!(read(json).expect("readable"), whole);
        }
        let empty = Sample { text: None, number: None, flag: false };
        for json in ["{}", r#"{"text":null,"number":null,"flag":null}"#] {
            assert_eq!(read(json).expect("readable"), empty);
        }
    }

    #[test]
    fn what_is_neither_is_an_error() {
        for json in
            [r#"{"number":"x"}"#, r#"{"number":-1}"#, r#"{"number":1.5}"#, r#"{"flag":2}"#, r#"{"text":[]}"#]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
