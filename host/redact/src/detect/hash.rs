//! Hashes of passwords.

use std::ops::Range;

use crate::class::Class;
use crate::text::{before, run};

/// Beginnings of the forms of crypt(3) and of Argon2.
pub(super) const ANCHORS: &[&str] = &[
    "$1$",
    "$2a$",
    "$2b$",
    "$2y$",
    "$5$",
    "$6$",
    "$7$",
    "$y$",
    "$gy$",
    "$argon2i$",
    "$argon2id$",
    "$argon2d$",
];

/// From its marker to its end.
pub(super) fn look(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let of =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'$' | b'=' | b',' | b'+');
    let end = run(text, anchor.end, 512, of);
    let alone = !before(text, anchor.start).is_ascii_alphanumeric();
    (alone && end - anchor.end >= 24).then_some((anchor.start..end, Class::PasswordHash))
}
