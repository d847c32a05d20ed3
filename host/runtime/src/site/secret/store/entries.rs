//! What the store holds, in the clear.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::time::SystemTime;

use fabric_model::Slug;
use fabric_model::exit::Exit;
use fabric_wire::endpoint::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::key::KeyPath;
use super::text::SecretText;
use crate::refusal::Refusal;

/// The version of this form.
const FORMAT: u32 = 1;

/// The most bytes that everything together may have: some 10,000 passwords.
pub(super) const SIZE_LIMIT: usize = 1 << 20;

/// Every value, by key and field. It is read and written as a whole.
#[derive(Default)]
pub struct Entries(BTreeMap<KeyPath, BTreeMap<Slug, Kept>>);

/// One value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    value: Hidden,
    /// When it came into the store, RFC 3339.
    put: String,
    /// When it took the place of the former one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated: Option<String>,
    /// What it took the place of, until that is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Hidden>,
}

/// A text that serialises, which no type outside this file does with a secret.
struct Hidden(SecretText);

/// The whole, as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    format: u32,
    keys: T,
}

/// What is told of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: KeyPath,
    /// Its field.
    pub field: Slug,
    /// When it came into the store, RFC 3339.
    pub put: String,
    /// When it last took the place of another.
    pub rotated: Option<String>,
    /// Whether that other is still kept.
    pub former: bool,
}

/// Why bytes are no entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotEntries {
    #[error("is of a later format; this program reads format {FORMAT}")]
    Format,
    #[error("holds something else than a store's entries")]
    Form,
}

impl Entries {
    /// What there is, by key and field.
    pub fn list(&self) -> Vec<Listed> {
        let fields = self
            .0
            .iter()
            .flat_map(|(key, fields)| fields.iter().map(move |(field, kept)| (key, field, kept)));
        fields
            .map(|(key, field, kept)| Listed {
                key: key.clone(),
                field: field.clone(),
                put: kept.put.clone(),
                rotated: kept.rotated.clone(),
                former: kept.former.is_some(),
            })
            .collect()
    }

    /// A value, or the one before its last rotation.
    pub(in super::super) fn get(&self, key: &KeyPath, field: &Slug, former: bool) -> Option<Secret> {
        let kept = self.0.get(key)?.get(field)?;
        let text = if former { kept.former.as_ref()? } else { &kept.value };
        Some(Secret::new(text.0.expose().as_bytes().to_vec()))
    }

    /// Adds a value.
    ///
    /// # Errors
    /// When there is one already: what it was would be lost.
    pub fn put(
        &mut self,
        key: &KeyPath,
        field: &Slug,
        value: SecretText,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let fields = self.0.entry(key.clone()).or_default();
        if fields.contains_key(field) {
            return Err(Refusal::new(Exit::Usage, format!("`{key}` has a field `{field}` already")).hint(
                format!("`fabric secrets rotate {key} {field}` replaces it and keeps the former value."),
            ));
        }
        let kept = Kept { value: Hidden(value), put: written(now), rotated: None, former: None };
        fields.insert(field.clone(), kept);
        Ok(())
    }

    /// Replaces a value and keeps the former one.
    ///
    /// # Errors
    /// When there is none, when the one before is still kept, or when the new value is the old one.
    pub fn rotate(
        &mut self,
        key: &KeyPath,
        field: &Slug,
        value: SecretText,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let kept = self.kept(key, field)?;
        if kept.former.is_some() {
            let message = format!("`{key}` `{field}` still has the value from before its last rotation");
            return Err(Refusal::new(Exit::Usage, message)
                .hint(format!("Forget that with `fabric secrets rotate {key} {field} --settle`."))
                .hint(format!("Or take it back with `fabric secrets rotate {key} {field} --undo`.")));
        }
        if kept.value.0 == value {
            return Err(Refusal::new(Exit::Usage, format!("`{key}` `{field}` has this value already")));
        }
        kept.former = Some(std::mem::replace(&mut kept.value, Hidden(value)));
        kept.rotated = Some(written(now));
        Ok(())
    }

    /// Forgets the former value.
    ///
    /// # Errors
    /// When none is kept.
    pub fn settle(&mut self, key: &KeyPath, field: &Slug) -> Result<(), Refusal> {
        let kept = self.kept(key, field)?;
        kept.former.take().map(drop).ok_or_else(|| no_former(key, field))
    }

    /// Puts the former value back and keeps the one that it replaces as the former.
    ///
    /// # Errors
    /// When none is kept.
    pub fn undo(&mut self, key: &KeyPath, field: &Slug, now: SystemTime) -> Result<(), Refusal> {
        let kept = self.kept(key, field)?;
        let former = kept.former.take().ok_or_else(|| no_former(key, field))?;
        kept.former = Some(std::mem::replace(&mut kept.value, former));
        kept.rotated = Some(written(now));
        Ok(())
    }

    /// Removes a field, or the whole key; gives how many fields.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove(&mut self, key: &KeyPath, field: Option<&Slug>) -> Result<usize, Refusal> {
        let fields = self.0.get_mut(key).ok_or_else(|| missing(key, field))?;
        let removed = match field {
            None => fields.len(),
            Some(field) => fields.remove(field).map(|_| 1).ok_or_else(|| missing(key, Some(field)))?,
        };
        if field.is_none() || fields.is_empty() {
            self.0.remove(key);
        }
        Ok(removed)
    }

    fn kept(&mut self, key: &KeyPath, field: &Slug) -> Result<&mut Kept, Refusal> {
        self.0.get_mut(key).and_then(|fields| fields.get_mut(field)).ok_or_else(|| missing(key, Some(field)))
    }

    /// The entries as they are encrypted; none when they are too many.
    pub(super) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Of a fixed size, because growing would leave copies behind.
        let mut bytes = Zeroizing::new(vec![0; SIZE_LIMIT]);
        let mut cursor = Cursor::new(bytes.as_mut_slice());
        serde_json::to_writer(&mut cursor, &Written { format: FORMAT, keys: &self.0 }).ok()?;
        cursor.write_all(b"\n").ok()?;
        let length = usize::try_from(cursor.position()).ok()?;
        bytes.truncate(length);
        Some(bytes)
    }

    /// The entries that were encrypted.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NotEntries> {
        /// Asked first, so that a later format is called that.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_slice(bytes).map_err(|_| NotEntries::Form)?;
        if version.format != FORMAT {
            return Err(NotEntries::Format);
        }
        let written: Written<_> = serde_json::from_slice(bytes).map_err(|_| NotEntries::Form)?;
        Ok(Self(written.keys))
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretText::from_store(text)))
    }
}

fn missing(key: &KeyPath, field: Option<&Slug>) -> Refusal {
    let message = match field {
        Some(field) => format!("the store has no `{field}` under `{key}`"),
        None => format!("the store has no `{key}`"),
    };
    Refusal::new(Exit::NotFound, message).hint("`fabric secrets list` says what there is.")
}

fn no_former(key: &KeyPath, field: &Slug) -> Refusal {
    Refusal::new(Exit::NotFound, format!("`{key}` `{field}` has no former value"))
}

fn written(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn key(text: &str) -> KeyPath {
        text.parse().expect("a key")
    }

    fn name(text: &str) -> Slug {
        text.parse().expect("a name")
    }

    fn text(text: &str) -> SecretText {
        SecretText::from_store(text.to_owned())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn shown(entries: &Entries, former: bool) -> Option<String> {
        let secret = entries.get(&key("db"), &name("value"), former)?;
        Some(String::from_utf8(secret.expose().to_vec()).expect("it was text"))
    }

    #[test]
    fn a_rotation_keeps_the_former_value_until_it_is_settled() {
        let (key, field) = (key("db"), name("value"));
        let mut entries = Entries::default();
        entries.put(&key, &field, text("one"), at(0)).expect("it is new");
        assert_eq!(entries.put(&key, &field, text("two"), at(1)).map_err(|e| e.exit), Err(Exit::Usage));
        assert_eq!(entries.rotate(&key, &field, text("one"), at(1)).map_err(|e| e.exit), Err(Exit::Usage));
        entries.rotate(&key, &field, text("two"), at(1)).expect("there is one");
        let refused = entries.rotate(&key, &field, text("three"), at(2)).expect_err("one would be lost");
        assert!(refused.hints.concat().contains("--settle"), "{refused}");
        assert_eq!((shown(&entries, false), shown(&entries, true)), (Some("two".into()), Some("one".into())));
        entries.undo(&key, &field, at(3)).expect("it is kept");
        assert_eq!((shown(&entries, false), shown(&entries, true)), (Some("one".into()), Some("two".into())));
        entries.settle(&key, &field).expect("it is kept");
        assert_eq!((shown(&entries, false), shown(&entries, true)), (Some("one".into()), None));
        assert_eq!(entries.settle(&key, &field).map_err(|e| e.exit), Err(Exit::NotFound));
        assert_eq!(entries.list()[0].rotated.as_deref(), Some("1970-01-01T00:00:03Z"));
        assert_eq!(entries.remove(&key, None).expect("it is there"), 1);
        assert_eq!(entries.remove(&key, None).map_err(|e| e.exit), Err(Exit::NotFound));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut entries = Entries::default();
        for (path, value) in [("a/b", "x\"\\\n"), ("c", "ä")] {
            entries.put(&key(path), &name("value"), text(value), at(0)).expect("it is new");
        }
        let bytes = entries.to_bytes().expect("it is small");
        let again = Entries::from_bytes(&bytes).expect("it is ours");
        assert_eq!(again.list(), entries.list());
        let value = again.get(&key("a/b"), &name("value"), false).expect("it is there");
        assert_eq!(value.expose(), b"x\"\\\n");
    }

    #[test]
    fn another_form_or_format_is_refused() {
        let refused = |bytes: &[u8]| Entries::from_bytes(bytes).err();
        assert_eq!(refused(br#"{"format":2,"keys":{}}"#), Some(NotEntries::Format));
        assert_eq!(refused(br#"{"format":1,"keys":{"../a":{}}}"#), Some(NotEntries::Form));
        assert_eq!(refused(br#"{"format":1,"keys":{},"more":1}"#), Some(NotEntries::Form));
        assert_eq!(refused(b"{}"), Some(NotEntries::Form));
        assert_eq!(refused(b""), Some(NotEntries::Form));
    }

    #[test]
    fn more_than_a_store_holds_is_not_written() {
        let mut entries = Entries::default();
        for number in 0..17 {
            let value = text(&"x".repeat(64 * 1024));
            entries.put(&key(&format!("k{number}")), &name("value"), value, at(0)).expect("it is new");
        }
        assert!(entries.to_bytes().is_none());
    }
}
