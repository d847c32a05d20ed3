//! Keeps out of text what nobody should read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use fabric_model::check::Verdict;
use fabric_model::{Fault, Value};

use crate::class::Class;
use crate::detect;
use crate::key_name::class_of_name;
use crate::known::Known;
use crate::literal::is_innocent;

/// Nothing shorter is looked for, neither known nor assigned to a name.
const SHORTEST: usize = 4;

/// Replaces secrets by markers of which nothing can be read: a known one by `[redacted:<handle>]`, in whatever a protocol has made of
/// it, and what a detector finds or a name gives away by `<redacted:<class>>`. Secrets become known through [`Redactor::register`].
///
/// What was redacted once stays as it is, and nothing more is found in it. Numbers are left alone but under the name of a password.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

/// What stands in a text that nobody should read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub range: Range<usize>,
    /// What it is.
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The known secret of this handle.
    Known(String),
    /// What looks like a secret of this class.
    Looks(Class),
}

impl What {
    fn marker(&self) -> String {
        match self {
            Self::Known(handle) => format!("[redacted:{handle}]"),
            Self::Looks(class) => marker(*class),
        }
    }
}

/// `known-secret proxmox/token`, or the name of the class. Never the value.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(handle) => write!(f, "known-secret {handle}"),
            Self::Looks(class) => class.fmt(f),
        }
    }
}

fn marker(class: Class) -> String {
    format!("<redacted:{class}>")
}

impl Redactor {
    /// Makes a secret known. Of a secret with several lines, each longer line counts as well.
    pub fn register(&self, handle: &str, secret: &[u8]) {
        // Each connection resolves its secrets anew, and most often they are the same.
        if !self.known().knows(secret) {
            self.known.write().unwrap_or_else(PoisonError::into_inner).register(handle, secret);
        }
    }

    /// Everything that is found in `bytes`, in order; what overlaps is one finding. A known secret gives it its name, and otherwise the
    /// one that begins first.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found> {
        self.find_around(bytes, 0..bytes.len())
    }

    /// As [`Redactor::find`], of what looks like a secret only where the word begins within `words` at which it is recognised.
    pub fn find_around(&self, bytes: &[u8], words: Range<usize>) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        if bytes.len() < SHORTEST {
            return all;
        }
        let known = self.known();
        known.find(bytes, |range, handle| all.push(Found { range, what: What::Known(handle.to_owned()) }));
        detect::find(
            bytes,
            words,
            |_| true,
            |range, class| all.push(Found { range, what: What::Looks(class) }),
        );
        // At equal starts the longest comes first and gives its name.
        all.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
        let mut apart: Vec<Found> = Vec::with_capacity(all.len());
        for found in all {
            match apart.last_mut().filter(|last| found.range.start < last.range.end) {
                Some(last) => {
                    last.range.end = last.range.end.max(found.range.end);
                    if matches!((&last.what, &found.what), (What::Looks(_), What::Known(_))) {
                        last.what = found.what;
                    }
                }
                None => apart.push(found),
            }
        }
        apart
    }

    /// `text` without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.redacted(text).unwrap_or_else(|| text.to_owned())
    }

    /// `text` without secrets; none where it has none.
    fn redacted(&self, text: &str) -> Option<String> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return None;
        }
        let mut shown = String::with_capacity(text.len());
        let mut end_of_last = 0;
        for Found { range, what } in found {
            // A secret that is no text can begin and end within a character.
            let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            shown.push_str(text.get(end_of_last..start).unwrap_or_default());
            shown.push_str(&what.marker());
            end_of_last = end;
        }
        shown.push_str(text.get(end_of_last..).unwrap_or_default());
        Some(shown)
    }

    fn own(&self, text: String) -> String {
        self.redacted(&text).unwrap_or(text)
    }

    /// `value` without secrets, in texts and in keys at any depth, and without the values of names that say that they are secret.
    pub fn redact_value(&self, value: Value) -> Value {
        self.value_of(None, value)
    }

    /// `text` without secrets, line for line, and the numbers of the lines that are not as they were, from 1.
    pub fn redact_lines(&self, text: &str) -> (String, BTreeSet<usize>) {
        let (mut shown, mut changed, mut line, mut from) = (String::new(), BTreeSet::new(), 1, 0);
        let breaks = |text: &str| text.matches('\n').count();
        for Found { range, what } in self.find(text.as_bytes()) {
            let between = text.get(from..range.start).unwrap_or_default();
            let hidden = breaks(text.get(range.clone()).unwrap_or_default());
            line += breaks(between);
            changed.extend(line..=line + hidden);
            line += hidden;
            shown = shown + between + &what.marker() + &"\n".repeat(hidden);
            from = range.end;
        }
        (shown + text.get(from..).unwrap_or_default(), changed)
    }

    /// The value of this name without secrets.
    pub fn redact_named(&self, name: &str, value: Value) -> Value {
        self.value_of(class_of_name(name), value)
    }

    fn value_of(&self, class: Option<Class>, value: Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.text_of(class, text)),
            Value::Int(_) | Value::Float(_) if class == Some(Class::Password) => {
                Value::Text(marker(Class::Password))
            }
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.value_of(class, item)).collect())
            }
            Value::Map(entries) => {
                let entries = entries.into_iter();
                let redacted = entries.map(|(key, entry)| {
                    let entry = self.redact_named(&key, entry);
                    (self.own(key), entry)
                });
                Value::Map(redacted.collect::<BTreeMap<_, _>>())
            }
            other => other,
        }
    }

    /// A text under a name of this class. Handles, references and states of secrets are none.
    fn text_of(&self, class: Option<Class>, text: String) -> String {
        match class {
            Some(class) if !is_innocent(text.as_bytes()) && !self.known().has_handle(&text) => {
                // The handle of a known secret tells more than its class.
                match self
                    .find(text.as_bytes())
                    .into_iter()
                    .find(|found| matches!(found.what, What::Known(_)))
                {
                    Some(known) => known.what.marker(),
                    None => marker(class),
                }
            }
            _ => self.own(text),
        }
    }

    /// `json` without secrets, as [`Redactor::redact_value`].
    pub fn redact_json(&self, json: serde_json::Value) -> serde_json::Value {
        self.json_of(None, json)
    }

    fn json_of(&self, class: Option<Class>, json: serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        match json {
            Json::String(text) => Json::String(self.text_of(class, text)),
            Json::Number(_) if class == Some(Class::Password) => Json::String(marker(Class::Password)),
            Json::Array(items) => {
                Json::Array(items.into_iter().map(|item| self.json_of(class, item)).collect())
            }
            Json::Object(entries) => {
                let entries = entries.into_iter();
                let redacted = entries.map(|(key, entry)| {
                    let entry = self.json_of(class_of_name(&key), entry);
                    (self.own(key), entry)
                });
                Json::Object(redacted.collect())
            }
            other => other,
        }
    }

    /// `fault` without secrets.
    pub fn redact_fault(&self, mut fault: Fault) -> Fault {
        fault.message = self.own(fault.message);
        fault.hints.iter_mut().for_each(|hint| *hint = self.own(std::mem::take(hint)));
        fault
    }

    /// `verdict` without secrets. What was compared can have a name that says that it is one.
    pub fn redact_verdict(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Pass => Verdict::Pass,
            Verdict::Fail { what, expected, observed } => {
                let expected = self.redact_named(&what, expected);
                let observed = self.redact_named(&what, observed);
                Verdict::Fail { what: self.own(what), expected, observed }
            }
            Verdict::Error { fault, message } => Verdict::Error {
                fault: fault.map(|fault| self.redact_fault(fault)),
                message: self.own(message),
            },
            Verdict::Skip { reason } => Verdict::Skip { reason: self.own(reason) },
            Verdict::Deferred { reason } => Verdict::Deferred { reason: self.own(reason) },
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fabric_model::{Code, Stage};
    use serde_json::json;

    use super::*;

    fn knowing(secrets: &[(&str, &str)]) -> Redactor {
        let redactor = Redactor::default();
        secrets.iter().for_each(|(handle, secret)| redactor.register(handle, secret.as_bytes()));
        redactor
    }

    #[test]
    fn every_occurrence_is_replaced_in_every_form() {
        let redactor = knowing(&[("a/b", "pa ss/w\"ord!")]);
        for leak in [
            "pa ss/w\"ord!",
            "pa%20ss%2Fw%22ord%21",
            "pa%20ss%2fw%22ord%21",
            "pa+ss%2Fw%22ord%21",
            "cGEgc3MvdyJvcmQh",
            r#"pa ss/w\"ord!"#,
            r#"pa\u0020ss\/w\u0022ord!"#,
            r#"pa ss/w\\\"ord!"#,
            "70612073732f77226f726421",
            "70612073732F77226F726421",
            "%70%61%20%73s/w%22ord!",
        ] {
            let text = format!("<{leak}|{leak}>");
            assert_eq!(redactor.redact(&text), "<[redacted:a/b]|[redacted:a/b]>", "{leak}");
        }
        // `user:` and the secret, as HTTP Basic authentication sends them.
        assert_eq!(redactor.redact("x: dXNlcjpwYSBzcy93Im9yZCE="), "x: dXNlcj[redacted:a/b]");
        assert_eq!(redactor.redact("Basic dXNlcjpwYSBzcy93Im9yZCE="), "Basic [redacted:a/b]");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let redactor = knowing(&[("a", "one\ntwo")]);
        let (shown, changed) = redactor.redact_lines("x\n<one\ntwo>\npassword=p9\ny");
        assert_eq!(shown, "x\n<[redacted:a]\n>\npassword=<redacted:password>\ny");
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn overlapping_secrets_are_covered_whole() {
        let redactor = knowing(&[("one", "abcdef"), ("two", "defghi"), ("three", "redacted")]);
        assert_eq!(redactor.redact("<abcdefghi>"), "<[redacted:one]>");
        assert_eq!(redactor.redact("ababab abcdefabcdef"), "ababab [redacted:one][redacted:one]");
        assert_eq!(knowing(&[("a", "aaaa")]).redact("aaaaaé"), "[redacted:a]é");
    }

    #[test]
    fn the_longer_of_two_secrets_gives_the_name() {
        let redactor = knowing(&[("short", "token"), ("long", "token-1234")]);
        assert_eq!(redactor.redact("token token-1234"), "[redacted:short] [redacted:long]");
    }

    #[test]
    fn short_and_unknown_texts_stay() {
        let redactor = knowing(&[("pin", "123"), ("empty", "")]);
        assert_eq!(redactor.redact("123 and é"), "123 and é");
        assert_eq!(Redactor::default().redact_json(json!({ "a": [1] })), json!({ "a": [1] }));
    }

    #[test]
    fn values_faults_and_json_are_reached_at_any_depth() {
        let redactor = knowing(&[("t", "s3cret")]);
        let deep = Value::List(vec![Value::Map(BTreeMap::from([(
            "s3cret".into(),
            Value::Text("x s3cret".into()),
        )]))]);
        let clean =
            Value::Map(BTreeMap::from([("[redacted:t]".into(), Value::Text("x [redacted:t]".into()))]));
        assert_eq!(redactor.redact_value(deep), Value::List(vec![clean]));
        let json = redactor.redact_json(json!({ "a": ["s3cret", 1, { "s3cret": null }] }));
        assert_eq!(json, json!({ "a": ["[redacted:t]", 1, { "[redacted:t]": null }] }));
        let fault = Fault::new(Code::PortGarbage, Stage::Observe, "got s3cret").hint("Ask for s3cret.");
        let verdict = Verdict::Error { fault: Some(fault.clone()), message: "threw s3cret".to_owned() };
        let shown = format!("{:?}", redactor.redact_verdict(verdict));
        assert!(!shown.contains("s3cret") && shown.contains("threw [redacted:t]"), "{shown}");
        let fault = redactor.redact_fault(fault);
        assert_eq!(
            (fault.message.as_str(), fault.hints.concat().as_str()),
            ("got [redacted:t]", "Ask for [redacted:t].")
        );
    }
}
