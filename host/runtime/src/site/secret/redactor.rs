//! Keeps known secrets out of text.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use fabric_model::check::Verdict;
use fabric_model::{Fault, Value};
use zeroize::Zeroizing;

use super::encoding;

/// A shorter secret is not searched for: it would be found all over innocent text. Such a secret protects nothing anyway.
const SECRET_LENGTH_LIMIT: usize = 4;

/// A shorter line of a longer secret, such as a key file's last one, is not searched for by itself.
const LINE_LENGTH_LIMIT: usize = 16;

/// Replaces every known secret in text by `[redacted:<handle>]`: as it is, in Base64, percent-encoded, and as JSON writes it.
/// Secrets become known through [`Redactor::register`]; what was not read by then cannot leak either. Numbers in values are
/// left alone.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Vec<Pattern>>,
}

struct Pattern {
    text: Zeroizing<String>,
    handle: String,
}

impl Redactor {
    /// Makes a secret known. Of a secret with several lines, each longer line counts as well.
    pub fn register(&self, handle: &str, secret: &[u8]) {
        let mut forms = Vec::new();
        forms_of(secret, &mut forms);
        let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| line.len() >= LINE_LENGTH_LIMIT && !line.starts_with(b"-----")) {
            forms_of(line, &mut forms);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for text in forms {
            if known.iter().all(|pattern| pattern.text != text) {
                known.push(Pattern { text, handle: handle.to_owned() });
            }
        }
    }

    /// `text` without known secrets.
    pub fn redact(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // Every occurrence is looked for in the original text, so that secrets which overlap each other, or a word of the
        // replacement, are covered whole.
        let mut spans: Vec<(usize, usize, &str)> = Vec::new();
        for pattern in known.iter() {
            let mut from = 0;
            while let Some(found) = text.get(from..).and_then(|rest| rest.find(pattern.text.as_str())) {
                let start = from + found;
                spans.push((start, start + pattern.text.len(), &pattern.handle));
                from =
                    start + text.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            }
        }
        if spans.is_empty() {
            return text.to_owned();
        }
        // At equal starts the longest comes first and gives its name.
        spans.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let mut shown = String::with_capacity(text.len());
        let mut end_of_last = 0;
        for (start, end, handle) in spans {
            if start >= end_of_last {
                shown.push_str(text.get(end_of_last..start).unwrap_or_default());
                shown.push_str(&format!("[redacted:{handle}]"));
            }
            end_of_last = end_of_last.max(end);
        }
        shown.push_str(text.get(end_of_last..).unwrap_or_default());
        shown
    }

    /// `value` without known secrets, in texts and in keys at any depth.
    pub fn redact_value(&self, value: Value) -> Value {
        if self.is_empty() {
            return value;
        }
        match value {
            Value::Text(text) => Value::Text(self.redact(&text)),
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.redact_value(item)).collect())
            }
            Value::Map(entries) => {
                let entries = entries.into_iter();
                Value::Map(
                    entries.map(|(key, entry)| (self.redact(&key), self.redact_value(entry))).collect(),
                )
            }
            other => other,
        }
    }

    /// `json` without known secrets, in texts and in keys at any depth.
    pub fn redact_json(&self, json: serde_json::Value) -> serde_json::Value {
        use serde_json::Value as Json;
        if self.is_empty() {
            return json;
        }
        match json {
            Json::String(text) => Json::String(self.redact(&text)),
            Json::Array(items) => Json::Array(items.into_iter().map(|item| self.redact_json(item)).collect()),
            Json::Object(entries) => {
                let entries = entries.into_iter();
                Json::Object(
                    entries.map(|(key, entry)| (self.redact(&key), self.redact_json(entry))).collect(),
                )
            }
            other => other,
        }
    }

    /// `fault` without known secrets.
    pub fn redact_fault(&self, mut fault: Fault) -> Fault {
        if !self.is_empty() {
            fault.message = self.redact(&fault.message);
            fault.hints.iter_mut().for_each(|hint| *hint = self.redact(hint));
        }
        fault
    }

    /// `verdict` without known secrets.
    pub fn redact_verdict(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Pass => Verdict::Pass,
            Verdict::Fail { what, expected, observed } => Verdict::Fail {
                what: self.redact(&what),
                expected: self.redact_value(expected),
                observed: self.redact_value(observed),
            },
            Verdict::Error { fault, message } => Verdict::Error {
                fault: fault.map(|fault| self.redact_fault(fault)),
                message: self.redact(&message),
            },
            Verdict::Skip { reason } => Verdict::Skip { reason: self.redact(&reason) },
            Verdict::Deferred { reason } => Verdict::Deferred { reason: self.redact(&reason) },
        }
    }

    fn is_empty(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

fn forms_of(secret: &[u8], forms: &mut Vec<Zeroizing<String>>) {
    if secret.len() < SECRET_LENGTH_LIMIT {
        return;
    }
    let mut add = |form: String| forms.push(Zeroizing::new(form));
    if let Ok(text) = std::str::from_utf8(secret) {
        add(text.to_owned());
        encoding::json_form(text).into_iter().for_each(&mut add);
    }
    encoding::base64_forms(secret).into_iter().for_each(&mut add);
    encoding::percent_forms(secret).into_iter().for_each(&mut add);
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
        ] {
            let text = format!("<{leak}|{leak}>");
            assert_eq!(redactor.redact(&text), "<[redacted:a/b]|[redacted:a/b]>", "{leak}");
        }
        // `user:` and the secret, as HTTP Basic authentication sends them.
        let basic = redactor.redact("Basic dXNlcjpwYSBzcy93Im9yZCE=");
        assert!(basic.starts_with("Basic dXNlcj") && basic.contains("[redacted:a/b]"), "{basic}");
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
