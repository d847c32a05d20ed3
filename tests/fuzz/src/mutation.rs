//! Mutations for the short run: few and blind, and the same in every run. Whoever looks for more uses the long one.

/// A stream of numbers that a seed settles (xorshift64*).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of them, where there is any.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// A number below `limit`; 0 where that is 0.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() >> 16).unwrap_or_default().checked_rem(limit).unwrap_or_default()
    }
}

/// Pieces that parsers trip over.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[",
    b"/",
    b"../",
    b"*",
    b":",
    b",",
    b"=",
    b"#",
    b"//",
    b"-",
    b"-1",
    b"0",
    b"1e999",
    b"0.1",
    b"9223372036854775807",
    b"18446744073709551616",
    b"null",
    b"\xff",
    b"\xc2",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"\x1b[2J",
    b"::ffff:10.0.0.1",
    b"\xff\xff\xff\xff",
    b"\xc0\x0c",
];

/// The longest input that is made, in bytes.
const LENGTH_LIMIT: usize = 64 << 10;

/// `seed` with one to eight changes, some of them pieces of `other`.
pub fn mutate(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len() + 1);
        let piece = match dice.below(6) {
            0 => piece_of(other, dice),
            1 => piece_of(seed, dice),
            2 => vec![u8::try_from(dice.below(256)).unwrap_or_default()],
            3 => Vec::new(),
            _ => dice.pick(PIECES).map_or_else(Vec::new, |piece| piece.to_vec()),
        };
        let gone = if dice.below(2) == 0 { piece.len().max(1) } else { dice.below(16) };
        let end = (at + gone).min(bytes.len());
        bytes.splice(at..end, piece);
        if dice.below(5) == 0
            && let Some(byte) = bytes.get_mut(at)
        {
            *byte ^= 1 << dice.below(8);
        }
    }
    bytes.truncate(LENGTH_LIMIT);
    bytes
}

fn piece_of(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let start = dice.below(bytes.len() + 1);
    let end = start + dice.below((bytes.len() - start).min(64) + 1);
    bytes.get(start..end).unwrap_or_default().to_vec()
}
