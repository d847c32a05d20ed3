//! Secrets that are known, found in whatever a protocol has made of them.

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use memchr::memmem;
use zeroize::Zeroizing;

use crate::encoding;
use crate::text::{before, byte, is_base64, run};
use crate::unescape::{Escapes, Plain};

/// A shorter secret is not searched for: it would be found all over innocent text. Such a secret protects nothing anyway.
const SECRET_LENGTH_LIMIT: usize = 4;

/// A shorter line of a longer secret, such as a key file's last one, is not searched for by itself.
const LINE_LENGTH_LIMIT: usize = 16;

/// The longest form that is part of the automaton. A longer one is searched for by itself, or the automaton of a secret of 64 KiB would
/// take more memory than anything else.
const FORM_LENGTH_LIMIT: usize = 512;

/// How many escapes are taken away one after the other: JSON in JSON, a percent-encoded JSON string.
const DEPTH: usize = 2;

/// Every known secret.
#[derive(Default)]
pub(crate) struct Known {
    short: Vec<Form>,
    long: Vec<Form>,
    /// Over the short forms; made when it is needed first after the last secret became known.
    automaton: OnceLock<Option<AhoCorasick>>,
    /// Whether a secret has a space, which forms write as `+`.
    has_spaces: bool,
}

struct Form {
    text: Zeroizing<Vec<u8>>,
    handle: String,
    coding: Coding,
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
        self.add(handle, secret);
        let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| line.len() >= LINE_LENGTH_LIMIT && !line.starts_with(b"-----")) {
            self.add(handle, line);
        }
    }

    /// Whether nothing new would become known.
    pub(crate) fn knows(&self, secret: &[u8]) -> bool {
        let plain = |form: &Form| form.coding == Coding::Plain && *form.text == secret;
        secret.len() < SECRET_LENGTH_LIMIT || self.short.iter().chain(&self.long).any(plain)
    }

    fn add(&mut self, handle: &str, part: &[u8]) {
        if self.knows(part) {
            return;
        }
        self.has_spaces |= part.contains(&b' ');
        let base64 = encoding::base64_forms(part).into_iter().map(|form| (form.into_bytes(), Coding::Base64));
        let hex = encoding::hex_forms(part).into_iter().map(|form| (form.into_bytes(), Coding::Hexadecimal));
        for (text, coding) in [(part.to_vec(), Coding::Plain)].into_iter().chain(base64).chain(hex) {
            let forms = if text.len() <= FORM_LENGTH_LIMIT { &mut self.short } else { &mut self.long };
            forms.push(Form { text: Zeroizing::new(text), handle: handle.to_owned(), coding });
        }
        self.automaton = OnceLock::new();
    }

    /// Whether a secret has this handle.
    pub(crate) fn has_handle(&self, name: &str) -> bool {
        self.short.iter().chain(&self.long).any(|form| form.handle == name)
    }

    /// Where secrets stand in this text, each with its handle. What is found can lie in one another.
    pub(crate) fn find<'k>(&'k self, text: &[u8], mut found: impl FnMut(Range<usize>, &'k str)) {
        if !self.short.is_empty() || !self.long.is_empty() {
            self.find_within(text, DEPTH, &mut found);
        }
    }

    fn find_within<'k>(&'k self, text: &[u8], depth: usize, found: &mut dyn FnMut(Range<usize>, &'k str)) {
        self.find_plain(text, found);
        if depth == 0 {
            return;
        }
        for escapes in [Escapes::Json, Escapes::Percent, Escapes::Form] {
            if escapes == Escapes::Form && !self.has_spaces {
                continue;
            }
            if let Some(plain) = Plain::of(text, escapes) {
                self.find_within(&plain.bytes, depth - 1, &mut |range, handle| {
                    found(plain.start(range.start)..plain.end(range.end), handle);
                });
            }
        }
    }

    fn find_plain<'k>(&'k self, text: &[u8], found: &mut dyn FnMut(Range<usize>, &'k str)) {
        let mut take = |range: Range<usize>, form: &'k Form| match form.coding {
            Coding::Base64 => found(with_neighbours(text, range), &form.handle),
            Coding::Plain | Coding::Hexadecimal => found(range, &form.handle),
        };
        match self.automaton() {
            Some(automaton) => automaton.find_overlapping_iter(text).for_each(|at| {
                if let Some(form) = self.short.get(at.pattern().as_usize()) {
                    take(at.range(), form);
                }
            }),
            None => self.short.iter().for_each(|form| each(text, form, &mut take)),
        }
        // Preparing the search for a long form costs more than most texts are long.
        let long = self.long.iter().filter(|form| form.text.len() <= text.len());
        long.for_each(|form| each(text, form, &mut take));
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let make = || {
            let forms = self.short.iter().map(|form| form.text.as_slice());
            AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(forms).ok()
        };
        self.automaton.get_or_init(make).as_ref()
    }
}

fn each<'k>(text: &[u8], form: &'k Form, take: &mut impl FnMut(Range<usize>, &'k Form)) {
    memmem::find_iter(text, form.text.as_slice()).for_each(|at| take(at..at + form.text.len(), form));
}

/// A stretch of Base64 with the character on either side, which holds some bits of the secret, and the padding.
fn with_neighbours(text: &[u8], range: Range<usize>) -> Range<usize> {
    let start = range.start - usize::from(is_base64(before(text, range.start)));
    let end = range.end + usize::from(is_base64(byte(text, range.end)));
    start..run(text, end, 2, |byte| byte == b'=')
}
