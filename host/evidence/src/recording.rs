//! A recording: what the site answered to the calls of one run, so that the same script can be run again without the site.
//!
//! The file is the canonical JSON (RFC 8785) of the recording and one line feed. Script values in it are written as everywhere in a packet
//! (see [`crate::exact`]). It holds no time and no secret: answers are kept as the redactor leaves them.

use std::collections::BTreeMap;

use fabric_model::check::{Basis, Place};
use fabric_model::value::Misfit;
use fabric_model::{Digest, Fault, Value};
use serde::{Deserialize, Serialize};

use crate::canonical::{self, NotCanonical};
use crate::event::Target;
use crate::exact;
use crate::head::{FileRecord, ScriptRecord, SiteRecord};

/// The only version of recordings so far.
pub const FORMAT: u32 = 1;

/// What the site answered to the calls of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The version of this form: 1.
    pub format: u32,
    /// The script whose run it was.
    pub script: ScriptRecord,
    /// The modules that it imported, in the order of their paths.
    pub modules: Vec<FileRecord>,
    /// The site that answered.
    pub site: SiteRecord,
    /// Digest of the policy that granted the calls.
    pub policy: Digest,
    /// The script's parameters, redacted.
    pub params: BTreeMap<String, Value>,
    /// The answers, in the order of their places, and of their turns at one place.
    pub entries: Vec<Entry>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where in the script the call stands.
    pub place: Place,
    /// Which observation it is at that place, from 0: a call whose arguments hold a selector asks first whom it stands for.
    pub turn: u32,
    /// Digest of primitive and arguments, taken before redaction.
    pub call: Digest,
    /// Which primitive, for people.
    pub primitive: String,
    /// Its arguments, redacted, for people.
    pub arguments: Value,
    /// What the names stood for.
    pub targets: Vec<Target>,
    /// What came back.
    pub answer: Answer,
}

/// What came back from the site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// A result.
    Seen {
        /// The result, redacted.
        output: Value,
        /// Who says so.
        basis: Basis,
        /// How the target was reached.
        transport: String,
    },
    /// Why there was none, redacted.
    Fault(Fault),
}

/// Why something is no recording that can be written or read.
#[derive(Debug, thiserror::Error)]
pub enum NotARecording {
    /// Not canonical JSON.
    #[error(transparent)]
    Canonical(#[from] NotCanonical),
    /// A field is missing, unknown, or of another kind.
    #[error("not of the shape of a recording: {0}")]
    Shape(String),
    /// A version that is not known here.
    #[error("format {0} is not known to this version, which reads {FORMAT}")]
    Format(i64),
    /// Two answers to one question, or answers in another order.
    #[error("its answers are not in the order of their places, each once")]
    Order,
}

impl From<Misfit> for NotARecording {
    fn from(misfit: Misfit) -> Self {
        Self::Shape(misfit.to_string())
    }
}

/// The bytes of the file.
///
/// # Errors
/// When the recording holds a number that is not finite.
pub fn to_bytes(recording: &Recording) -> Result<Vec<u8>, NotARecording> {
    let value = exact::encode(&Value::encode(recording)?);
    let mut bytes = canonical::bytes(&value).map_err(NotCanonical::Shape)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a recording from exactly the bytes that [`to_bytes`] writes.
///
/// # Errors
/// When they are any others, or its answers do not stand in their order.
pub fn read(bytes: &[u8]) -> Result<Recording, NotARecording> {
    let line = bytes.strip_suffix(b"\n").ok_or(NotCanonical::Form)?;
    let value = exact::decode(canonical::read(line)?).map_err(NotARecording::Shape)?;
    if let Value::Map(fields) = &value
        && let Some(Value::Int(format)) = fields.get("format")
        && *format != i64::from(FORMAT)
    {
        return Err(NotARecording::Format(*format));
    }
    let recording: Recording = value.decode()?;
    let ordered = recording.entries.is_sorted_by(|a, b| (&a.place, a.turn) < (&b.place, b.turn));
    if ordered { Ok(recording) } else { Err(NotARecording::Order) }
}

#[cfg(test)]
mod tests {
    use fabric_model::site::Realm;
    use fabric_model::{Class, Code, Stage};

    use super::*;

    fn entry(place: &[u32], turn: u32, answer: Answer) -> Entry {
        Entry {
            place: Place(place.to_vec()),
            turn,
            call: Digest::of(b"call"),
            primitive: "dns.query".to_owned(),
            arguments: Value::table([("server", "vip:dns".into())]),
            targets: vec![Target {
                name: "vip:dns".to_owned(),
                addresses: vec!["10.0.0.1".parse().expect("an address")],
            }],
            answer,
        }
    }

    fn recording(entries: Vec<Entry>) -> Recording {
        let digest = Digest::of(b"");
        Recording {
            format: FORMAT,
            script: ScriptRecord {
                path: "acceptance/dns.rhai".to_owned(),
                digest,
                title: "t".to_owned(),
                kind: "acceptance".to_owned(),
                reach: Class::Observe,
            },
            modules: Vec::new(),
            site: SiteRecord { name: "samakia".parse().expect("a word"), realm: Realm::Twin, digest },
            policy: digest,
            params: BTreeMap::from([("n".to_owned(), Value::Int(i64::MAX))]),
            entries,
        }
    }

    fn seen() -> Answer {
        let output = Value::List(vec![Value::Float(1.0), Value::Int(1), Value::Int(i64::MIN)]);
        Answer::Seen { output, basis: Basis::Probed, transport: "udp".to_owned() }
    }

    #[test]
    fn a_recording_is_read_as_it_was_made_to_the_last_integer() {
        let fault =
            Answer::Fault(Fault::new(Code::PortTimeout, Stage::Observe, "no answer").hint("Ask again."));
        let made =
            recording(vec![entry(&[1], 0, seen()), entry(&[1], 1, fault), entry(&[1, 0, 2], 0, seen())]);
        let bytes = to_bytes(&made).expect("finite");
        // Debug tells `1` from `1.0`.
        assert_eq!(format!("{:?}", read(&bytes).expect("a recording")), format!("{made:?}"));
    }

    #[test]
    fn other_bytes_are_no_recording() {
        let bytes = to_bytes(&recording(vec![entry(&[1], 0, seen())])).expect("finite");
        let text = String::from_utf8(bytes).expect("text");
        for (from, to) in [
            ("{\"entries\"", "{ \"entries\""),
            ("\"format\":1", "\"format\":2"),
            ("\"turn\":0", "\"turn\":0,\"turn\":0"),
            ("\"turn\"", "\"torn\""),
            ("}\n", "}"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(read(changed.as_bytes()).is_err(), "{to}");
        }
    }

    #[test]
    fn two_answers_to_one_question_are_no_recording() {
        for entries in [
            vec![entry(&[1], 0, seen()), entry(&[1], 0, seen())],
            vec![entry(&[2], 0, seen()), entry(&[1], 0, seen())],
        ] {
            let bytes = to_bytes(&recording(entries)).expect("finite");
            assert!(matches!(read(&bytes), Err(NotARecording::Order)));
        }
    }
}
