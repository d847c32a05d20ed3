//! Secrets that are known, found in whatever a protocol has made of them.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::encoding;
use crate::text::{before, byte, is_base64, run};
use crate::unescape::{Escapes, Plain};
use crate::words::{Case, Words};

/// A shorter secret is not searched for: it would be found all over innocent text. Such a secret protects nothing anyway.
const SECRET_LENGTH_LIMIT: usize = 4;

/// A shorter line of a longer secret, such as a key file's last one, is not searched for by itself.
const LINE_LENGTH_LIMIT: usize = 16;

/// How many escapes are taken away one after the other: JSON in JSON, a percent-encoded JSON string.
const DEPTH: usize = 2;

/// Every known secret.
#[derive(Default)]
pub(crate) struct Known {
    /// Every form of each; none before the first secret became known.
    forms: Option<Words<Form>>,
    /// Whether a secret has a space, which forms write as `+`.
    has_spaces: bool,
}

struct Form {
    text: Zeroizing<Vec<u8>>,
    handle: String,
    coding: Coding,
}

impl AsRef<[u8]> for Form {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    /// The characters beside it tell of the secret's first and last bits.
    Base64,
    Hexadecimal,
}

impl Known {
    /// Makes a secret known. Of a secret with several lines, each longer line counts as well.
    pub(crate) fn register(&mut self, handle: &str, secret: &[u8]) {
        let mut forms = self.forms.take().map(Words::into_words).unwrap_or_default();
        let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let lines = lines.filter(|line| line.len() >= LINE_LENGTH_LIMIT && !line.starts_with(b"-----"));
        for part in [secret].into_iter().chain(lines) {
            if !knows(&forms, part) {
                self.has_spaces |= part.contains(&b' ');
                forms.extend(forms_of(handle, part));
            }
        }
        self.forms = Some(Words::new(forms, Case::Counts));
    }

    /// Whether nothing new would become known.
    pub(crate) fn knows(&self, secret: &[u8]) -> bool {
        knows(self.all(), secret)
    }

    /// Whether a secret has this handle.
    pub(crate) fn has_handle(&self, name: &str) -> bool {
        self.all().iter().any(|form| form.handle == name)
    }

    fn all(&self) -> &[Form] {
        self.forms.as_ref().map_or(&[], Words::words)
    }

    /// Where secrets stand in this text, each with its handle. What is found can lie in one another.
    pub(crate) fn find<'k>(&'k self, text: &[u8], mut found: impl FnMut(Range<usize>, &'k str)) {
        if let Some(forms) = self.forms.as_ref().filter(|forms| !forms.words().is_empty()) {
            self.find_within(forms, text, DEPTH, &mut found);
        }
    }

    fn find_within<'k>(
        &self,
        forms: &'k Words<Form>,
        text: &[u8],
        depth: usize,
        found: &mut dyn FnMut(Range<usize>, &'k str),
    ) {
        forms.each(text, 0..text.len(), |number, range| {
            if let Some(form) = forms.words().get(number) {
                let range = if form.coding == Coding::Base64 { with_neighbours(text, range) } else { range };
                found(range, &form.handle);
            }
        });
        if depth == 0 {
            return;
        }
        for escapes in [Escapes::Json, Escapes::Percent, Escapes::Form] {
            if escapes == Escapes::Form && !self.has_spaces {
                continue;
            }
            if let Some(plain) = Plain::of(text, escapes) {
                self.find_within(forms, &plain.bytes, depth - 1, &mut |range, handle| {
                    found(plain.start(range.start)..plain.end(range.end), handle);
                });
            }
        }
    }
}

fn knows(forms: &[Form], secret: &[u8]) -> bool {
    secret.len() < SECRET_LENGTH_LIMIT
        || forms.iter().any(|form| form.coding == Coding::Plain && *form.text == secret)
}

/// What protocols make of a part of a secret.
fn forms_of(handle: &str, part: &[u8]) -> Vec<Form> {
    let form = |text: Vec<u8>, coding| Form { text: Zeroizing::new(text), handle: handle.to_owned(), coding };
    let base64 = encoding::base64_forms(part).into_iter();
    let hex = encoding::hex_forms(part).into_iter();
    [form(part.to_vec(), Coding::Plain)]
        .into_iter()
        .chain(base64.map(|text| form(text.into_bytes(), Coding::Base64)))
        .chain(hex.map(|text| form(text.into_bytes(), Coding::Hexadecimal)))
        .collect()
}

/// A stretch of Base64 with the character on either side, which holds some bits of the secret, and the padding.
fn with_neighbours(text: &[u8], range: Range<usize>) -> Range<usize> {
    let start = range.start - usize::from(is_base64(before(text, range.start)));
    let end = range.end + usize::from(is_base64(byte(text, range.end)));
    start..run(text, end, 2, |byte| byte == b'=')
}
