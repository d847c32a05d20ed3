//! Searches a text for many words at once.
//!
//! A search that looks at each byte, as an automaton over all words does, comes to a few hundred megabytes a second. This one looks at three
//! bytes at every second place and asks a table of bits whether such three stand in any word: most of a text is passed over without a
//! branch. What the table lets through is compared with the words themselves.

use std::collections::BTreeMap;
use std::ops::Range;

/// Bits of the table, as a power of two: its 16 KiB stay in the nearest cache.
const TABLE: u32 = 17;
/// Slots behind the table, as a power of two.
const SLOTS: u32 = 15;
/// Set in every byte: letters of either case become one, and so do some other bytes, which the comparison tells apart.
const FOLD: u64 = 0x2020_2020_2020_2020;
/// The three bytes that are looked at.
const GRAM: u64 = 0x00ff_ffff;
/// Letters of which texts are full: what has none of them is met more seldom.
const COMMON: &[u8] = b" etaoinsr";

/// Whether the case of letters counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// It does.
    Counts,
    /// It does not.
    Ignored,
}

/// Words that are searched for all at once.
pub(crate) struct Words<W> {
    words: Vec<W>,
    case: Case,
    longest: usize,
    /// A bit for each gram of a word, by its hash.
    table: Box<[u64; 1 << (TABLE - 6)]>,
    /// Which of `places` has the grams of this hash.
    slots: Vec<u16>,
    places: Vec<Vec<Place>>,
}

/// Where a gram stands in a word: `begin` is one more than how far behind the word's beginning, as some begin in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    word: usize,
    begin: usize,
}

/// A word that stands in the text. Of those that end together the longest comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    end: usize,
    start: usize,
    word: usize,
}

impl<W: AsRef<[u8]>> Words<W> {
    /// Ready for the search. A word has at least two bytes, or it is not found.
    pub(crate) fn new(words: Vec<W>, case: Case) -> Self {
        let mut table = Box::new([0_u64; 1 << (TABLE - 6)]);
        let mut by_slot: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        for (number, word) in words.iter().enumerate() {
            let word = word.as_ref();
            let best = best_begin(word);
            for begin in [best, best + 1] {
                for gram in grams(word, begin) {
                    let hash = hash(gram);
                    let (at, bit) = table_bit(hash);
                    if let Some(bits) = table.get_mut(at) {
                        *bits |= bit;
                    }
                    by_slot.entry(slot(hash)).or_default().push(Place { word: number, begin });
                }
            }
        }
        // Many grams stand for the same words: all those with a byte of which nothing is known.
        let mut places = vec![Vec::new()];
        let mut numbers: BTreeMap<Vec<Place>, u16> = BTreeMap::new();
        let mut slots = vec![0; 1 << SLOTS];
        for (slot, mut here) in by_slot {
            here.sort_unstable();
            here.dedup();
            let number = *numbers.entry(here).or_insert_with_key(|here| {
                places.push(here.clone());
                // There are fewer slots than that.
                u16::try_from(places.len() - 1).unwrap_or_default()
            });
            if let Some(of) = slots.get_mut(slot) {
                *of = number;
            }
        }
        let longest = words.iter().map(|word| word.as_ref().len()).max().unwrap_or(0);
        Self { words, case, longest, table, slots, places }
    }

    /// The words, in the order in which they were given.
    pub(crate) fn words(&self) -> &[W] {
        &self.words
    }

    /// The words, to which others can be added.
    pub(crate) fn into_words(self) -> Vec<W> {
        self.words
    }

    /// Each word that begins within `starts`, by its number, in the order of where they end.
    pub(crate) fn each(&self, text: &[u8], starts: Range<usize>, mut found: impl FnMut(usize, Range<usize>)) {
        let mut waiting = Vec::new();
        let mut found = |word, range: Range<usize>| {
            if starts.contains(&range.start) {
                found(word, range);
            }
        };
        let until = text.len().min(starts.end.saturating_add(self.longest));
        let mut place = starts.start.saturating_sub(1) & !1;
        while let Some(eight) = text.get(place..until).and_then(<[u8]>::first_chunk::<8>) {
            let bytes = u64::from_le_bytes(*eight) | FOLD;
            let grams = [bytes & GRAM, bytes >> 16 & GRAM, bytes >> 32 & GRAM];
            if grams.iter().fold(false, |any, gram| any | self.may_be(*gram)) {
                for (gram, place) in grams.into_iter().zip((place..).step_by(2)) {
                    self.look(text, place, gram, &mut waiting, &mut found);
                }
            }
            place += 6;
        }
        while place < until {
            // Behind the text stands nothing, which is as good as any byte of which nothing is known.
            let byte = |at: usize| text.get(at).copied().map_or(0, u64::from);
            let bytes = byte(place) | byte(place + 1) << 8 | byte(place + 2) << 16;
            self.look(text, place, (bytes | FOLD) & GRAM, &mut waiting, &mut found);
            place += 2;
        }
        release(&mut waiting, usize::MAX, &mut found);
    }

    fn may_be(&self, gram: u64) -> bool {
        let (at, bit) = table_bit(hash(gram));
        self.table.get(at).is_some_and(|bits| bits & bit != 0)
    }

    /// Compares the words that have this gram with the text around it.
    fn look(
        &self,
        text: &[u8],
        place: usize,
        gram: u64,
        waiting: &mut Vec<Hit>,
        found: &mut impl FnMut(usize, Range<usize>),
    ) {
        if !self.may_be(gram) {
            return;
        }
        // Whatever is still to be found ends behind this place.
        release(waiting, place, found);
        let number = self.slots.get(slot(hash(gram))).copied().map_or(0, usize::from);
        for Place { word, begin } in self.places.get(number).into_iter().flatten() {
            let (Some(start), Some(wanted)) = ((place + 1).checked_sub(*begin), self.words.get(*word)) else {
                continue;
            };
            let (wanted, end) = (wanted.as_ref(), start + wanted.as_ref().len());
            let same = text.get(start..end).is_some_and(|there| match self.case {
                Case::Counts => there == wanted,
                Case::Ignored => there.eq_ignore_ascii_case(wanted),
            });
            if same {
                waiting.push(Hit { end, start, word: *word });
            }
        }
    }
}

/// Gives out what ends no later than `settled`, in order.
fn release(waiting: &mut Vec<Hit>, settled: usize, found: &mut impl FnMut(usize, Range<usize>)) {
    waiting.sort_unstable();
    let ready = waiting.partition_point(|hit| hit.end <= settled);
    waiting.drain(..ready).for_each(|hit| found(hit.word, hit.start..hit.end));
}

fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9e37_79b1) & 0xffff_ffff
}

/// Where the table has the bit of a hash.
fn table_bit(hash: u64) -> (usize, u64) {
    let bit = hash >> (32 - TABLE);
    ((bit >> 6) as usize, 1 << (bit & 63))
}

fn slot(hash: u64) -> usize {
    (hash >> (32 - SLOTS)) as usize
}

/// Where the first of the two grams begins by which a word is found, one of which stands at an even place wherever the word does.
fn best_begin(word: &[u8]) -> usize {
    let seldom = |begin: &usize| {
        let pair = word.get(begin - 1..begin + 3).unwrap_or_default();
        let seldom = |gram: &[u8]| gram.iter().filter(|byte| !COMMON.contains(&(*byte | 0x20))).count();
        pair.windows(3).map(seldom).min()
    };
    // A short word has only one gram of its own, or none: the other has a byte of which nothing is known.
    (1..word.len().saturating_sub(2)).max_by_key(seldom).unwrap_or(0)
}

/// The gram of a word that begins there, folded; one for each value of a byte in front of the word or behind it.
fn grams(word: &[u8], begin: usize) -> Vec<u64> {
    let known = |at: usize| at.checked_sub(1).and_then(|at| word.get(at));
    (0..3).fold(vec![0], |grams, at| {
        let bytes = known(begin + at).map_or(0..=0xff, |byte| *byte..=*byte);
        let folded =
            bytes.filter(|byte| known(begin + at).is_some() || byte & 0x20 != 0).map(|byte| byte | 0x20);
        grams
            .iter()
            .flat_map(|gram| folded.clone().map(move |byte| gram | u64::from(byte) << (8 * at)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(words: &[&str], case: Case, text: &[u8], starts: Range<usize>) -> Vec<(usize, Range<usize>)> {
        let mut all = Vec::new();
        Words::new(words.to_vec(), case).each(text, starts, |word, range| all.push((word, range)));
        all
    }

    /// Each word at each place.
    fn expected(words: &[&str], case: Case, text: &[u8], starts: Range<usize>) -> Vec<(usize, Range<usize>)> {
        let mut all = Vec::new();
        for start in starts {
            for (number, word) in words.iter().enumerate() {
                let there = text.get(start..start + word.len()).unwrap_or_default();
                if there == word.as_bytes()
                    || case == Case::Ignored && there.eq_ignore_ascii_case(word.as_bytes())
                {
                    all.push((number, start..start + word.len()));
                }
            }
        }
        all.sort_by_key(|(number, range)| (range.end, range.start, *number));
        all
    }

    #[test]
    fn words_are_found_at_every_place_also_at_the_ends() {
        let words = ["s.", "psk", "AKIA", "token", "token_value", "en_v", "://"];
        for ahead in 0..20 {
            for behind in 0..12 {
                for word in words {
                    let text = format!("{}{word}{}", "x".repeat(ahead), "y".repeat(behind));
                    let all = 0..text.len();
                    let found = found(&words, Case::Ignored, text.as_bytes(), all.clone());
                    assert_eq!(found, expected(&words, Case::Ignored, text.as_bytes(), all), "{text}");
                    assert!(!found.is_empty(), "{text}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_of_each_place_finds(
            words in prop::collection::vec("[abA_. ]{2,7}", 1..20),
            text in "[abAB_. é\u{0}]{0,300}",
            ignored: bool,
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let case = if ignored { Case::Ignored } else { Case::Counts };
            let (one, other) = (cut.0.index(text.len() + 1), cut.1.index(text.len() + 1));
            for starts in [0..text.len(), one.min(other)..one.max(other)] {
                prop_assert_eq!(
                    found(&words, case, text.as_bytes(), starts.clone()),
                    expected(&words, case, text.as_bytes(), starts)
                );
            }
        }
    }
}
