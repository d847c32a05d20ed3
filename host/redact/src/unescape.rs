//! A text without its escapes, and where each of its bytes came from.

use std::ops::Range;

use crate::text::byte;

/// Which escapes are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Those of a JSON string: `\n`, `\"`, `\u0041`. Most other languages have the same.
    Json,
    /// `%41`.
    Percent,
    /// The same, and `+` for a space.
    Form,
}

/// A text without its escapes.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) bytes: Vec<u8>,
    /// What each escape stands for ended here in `bytes`, and the escape there in the text before; in between both go on alike. A text
    /// is far below 4 GiB.
    steps: Vec<(u32, u32)>,
    /// How long each escape is.
    lengths: Vec<u8>,
}

impl Plain {
    /// The text without these escapes; none where it has none.
    pub(crate) fn of(text: &[u8], escapes: Escapes) -> Option<Self> {
        let marks: &[u8] = match escapes {
            Escapes::Json => b"\\",
            Escapes::Percent => b"%",
            Escapes::Form => b"%+",
        };
        let first = text.iter().position(|byte| marks.contains(byte))?;
        let mut plain =
            Self { bytes: Vec::with_capacity(text.len()), steps: Vec::new(), lengths: Vec::new() };
        plain.bytes.extend_from_slice(text.get(..first).unwrap_or_default());
        let mut at = first;
        while at < text.len() {
            let mut decoded = [0; 4];
            let taken = match byte(text, at) {
                b'\\' if escapes == Escapes::Json => json(text, at, &mut decoded),
                b'%' if escapes != Escapes::Json => percent(text, at, &mut decoded),
                b'+' if escapes == Escapes::Form => Some((1, [b' '].as_slice())),
                _ => None,
            };
            match taken {
                Some((length, meant)) => {
                    plain.bytes.extend_from_slice(meant);
                    at += usize::from(length);
                    plain.lengths.push(length);
                    plain.steps.push((narrow(plain.bytes.len()), narrow(at)));
                }
                None => {
                    plain.bytes.push(byte(text, at));
                    at += 1;
                }
            }
        }
        (!plain.steps.is_empty()).then_some(plain)
    }

    /// Where something that begins here began in the text before.
    pub(crate) fn start(&self, at: usize) -> usize {
        let next = self.next(at);
        let here = self.after(next, at);
        // Within the bytes of an escape it began with the escape.
        self.escape(next).map_or(here, |escape| here.min(escape.start))
    }

    /// Where something that ends here ended in the text before.
    pub(crate) fn end(&self, at: usize) -> usize {
        let next = self.next(at);
        let here = self.after(next, at);
        // In the middle of what one escape stands for it ended with the escape.
        self.escape(next).filter(|escape| here > escape.start).map_or(here, |escape| escape.end)
    }

    /// The first escape that does not end before this.
    fn next(&self, at: usize) -> usize {
        self.steps.partition_point(|(after, _)| *after as usize <= at)
    }

    fn escape(&self, number: usize) -> Option<Range<usize>> {
        let (_, end) = self.steps.get(number)?;
        Some(*end as usize - usize::from(*self.lengths.get(number)?)..*end as usize)
    }

    fn after(&self, next: usize, at: usize) -> usize {
        match next.checked_sub(1).and_then(|last| self.steps.get(last)) {
            Some((after, original)) => *original as usize + (at - *after as usize),
            None => at,
        }
    }
}

fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn percent<'d>(text: &[u8], at: usize, decoded: &'d mut [u8; 4]) -> Option<(u8, &'d [u8])> {
    let value = hexadecimal(text, at + 1, 2)?;
    decoded[0] = u8::try_from(value).ok()?;
    Some((3, &decoded[..1]))
}

fn json<'d>(text: &[u8], at: usize, decoded: &'d mut [u8; 4]) -> Option<(u8, &'d [u8])> {
    let single = match byte(text, at + 1) {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        same @ (b'"' | b'\\' | b'/' | b'\'') => same,
        b'u' => return unicode(text, at, decoded),
        _ => return None,
    };
    decoded[0] = single;
    Some((2, &decoded[..1]))
}

fn unicode<'d>(text: &[u8], at: usize, decoded: &'d mut [u8; 4]) -> Option<(u8, &'d [u8])> {
    let high = hexadecimal(text, at + 2, 4)?;
    let (length, code) = match high {
        0xd800..=0xdbff if byte(text, at + 6) == b'\\' && byte(text, at + 7) == b'u' => {
            let low = hexadecimal(text, at + 8, 4)?;
            (12, 0x10000 + ((high - 0xd800) << 10) + low.checked_sub(0xdc00)?)
        }
        code => (6, code),
    };
    Some((length, char::from_u32(code)?.encode_utf8(decoded).as_bytes()))
}

fn hexadecimal(text: &[u8], at: usize, digits: usize) -> Option<u32> {
    (at..at + digits)
        .try_fold(0, |value, at| char::from(byte(text, at)).to_digit(16).map(|digit| value * 16 + digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_taken_away_and_its_place_is_known() {
        let json = Plain::of(br#"ab\"c\u00e9\ud83d\ude00d"#, Escapes::Json).expect("it has escapes");
        assert_eq!(json.bytes, "ab\"cé😀d".as_bytes());
        assert_eq!((json.start(2), json.end(3)), (2, 4), "the quote");
        assert_eq!((json.start(4), json.end(6)), (5, 11), "é");
        assert_eq!((json.start(5), json.end(5)), (5, 11), "the middle of it");
        assert_eq!((json.start(10), json.end(11)), (23, 24), "the last letter");
        let form = Plain::of(b"a+b%2fc%zz", Escapes::Form).expect("it has escapes");
        assert_eq!(form.bytes, b"a b/c%zz");
        assert_eq!((form.start(0), form.end(5)), (0, 7));
        assert!(Plain::of(b"a+b", Escapes::Percent).is_none() && Plain::of(b"a\\q", Escapes::Json).is_none());
    }
}
