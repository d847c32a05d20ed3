//! The one form that JSON has in a packet: RFC 8785, so that equal content has equal bytes and a digest means something.

use fabric_model::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not canonical JSON of the expected shape.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// Not JSON, or a key stands twice, or a number is out of range.
    #[error("not strict JSON: {0}")]
    Json(serde_json::Error),
    /// JSON, but written in another way than RFC 8785 does.
    #[error("not in the canonical form of RFC 8785")]
    Form,
    /// Canonical, but with missing, unknown or ill-typed fields.
    #[error("not of the expected shape: {0}")]
    Shape(serde_json::Error),
}

/// The canonical bytes of `typed`, without a final line end.
///
/// # Errors
/// When a number cannot be written as RFC 8785 wants it: not finite, or an identifier of 2^53 or more.
pub fn bytes<T: Serialize>(typed: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(typed)
}

/// Reads canonical bytes, and nothing but canonical bytes.
///
/// # Errors
/// When a key stands twice, the bytes are not the canonical ones, or the shape is not that of `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCanonical> {
    let strict: Value = serde_json::from_slice(bytes).map_err(NotCanonical::Json)?;
    if self::bytes(&strict).map_err(NotCanonical::Json)? != bytes {
        return Err(NotCanonical::Form);
    }
    serde_json::from_slice(bytes).map_err(NotCanonical::Shape)
}

/// Serde form of an identifier or count: RFC 8785 numbers are doubles, so 2^53 and above would silently change.
pub(crate) mod count {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    const LIMIT: u64 = 1 << 53;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `with` passes a reference")]
    pub(crate) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if *number < LIMIT {
            serializer.serialize_u64(*number)
        } else {
            Err(ser::Error::custom("a number of 2^53 or more cannot be recorded"))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number < LIMIT { Ok(number) } else { Err(de::Error::custom("a number of 2^53 or more")) }
    }

    /// The same where the number may be absent.
    pub(crate) mod optional {
        use super::{Deserializer, Serializer};

        #[expect(clippy::ref_option, reason = "serde's `with` passes a reference")]
        pub(crate) fn serialize<S: Serializer>(
            number: &Option<u64>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match number {
                Some(number) => super::serialize(number, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<u64>, D::Error> {
            super::deserialize(deserializer).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_of_the_same_json_are_refused() {
        assert!(read::<Value>(br#"{"a":1,"b":2}"#).is_ok());
        for bad in [
            r#"{"b":2,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":9007199254740993}"#,
            "{}\n",
        ] {
            assert!(matches!(read::<Value>(bad.as_bytes()), Err(NotCanonical::Form)), "{bad}");
        }
        assert!(matches!(read::<Value>(br#"{"a":1,"a":1}"#), Err(NotCanonical::Json(_))));
    }
}
