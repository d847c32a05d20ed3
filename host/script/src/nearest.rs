//! What somebody probably meant by a name that does not exist.

/// The known name that is most like `name`, when one is like it at all: no more than a third of its letters differ.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = known.into_iter().map(|k| (distance(name, k), k)).min()?;
    (distance <= name.chars().count().max(3) / 3).then_some(best)
}

/// `; did you mean …?`, or nothing.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

/// Letters to insert, remove, replace or swap with their neighbour. Names are cut at 64 letters: a script may pass 1 MiB.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in a.chars().take(64).enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, column) + usize::from(from != *to);
            let mut best = replaced.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let swapped = column > 0 && previous == Some(*to) && b.get(column - 1) == Some(&from);
            if swapped {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(from);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_another_word_finds_nothing() {
        let known = ["query", "transfer", "zone"];
        assert_eq!(nearest("qeury", known), Some("query"));
        assert_eq!(nearest("zones", known), Some("zone"));
        assert_eq!(nearest("handshake", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(suggestion("qury", known), "; did you mean `query`?");
    }
}
