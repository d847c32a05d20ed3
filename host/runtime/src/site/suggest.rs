//! The name that somebody probably meant.

/// The closest of `names` to `wanted`, if it is close: at most a third of its letters differ.
pub(super) fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(steps, _)| *steps <= limit)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, name)| name)
}

/// A hint: the close name, or else all names, or else how to get one.
pub(super) fn hint<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str> + Clone,
    otherwise: &str,
) -> String {
    /// More names than this are no help.
    const NAMES_LIMIT: usize = 30;
    if let Some(name) = nearest(wanted, names.clone()) {
        return format!("Did you mean `{name}`?");
    }
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() || names.len() > NAMES_LIMIT {
        return otherwise.to_owned();
    }
    format!("{otherwise} Known: {}.", names.join(", "))
}

/// Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, a) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut last = row + 1;
        let mut b_before = None;
        for (column, b) in right.iter().copied().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replace = at(&above, column) + usize::from(a != b);
            let mut best = replace.min(at(&above, column + 1) + 1).min(last + 1);
            if previous == Some(b) && b_before == Some(a) && column > 0 {
                best = best.min(at(&before, column - 1).saturating_add(1));
            }
            current.push(best);
            last = best;
            b_before = Some(b);
        }
        previous = Some(a);
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_far_ones_are_not() {
        let names = ["dns-edge-1", "dns-auth-1", "vmid"];
        assert_eq!(nearest("dns-egde-1", names), Some("dns-edge-1"));
        assert_eq!(nearest("vmdi", names), Some("vmid"));
        assert_eq!(nearest("VMID", names), Some("vmid"));
        assert_eq!(nearest("proxmox", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (left, right, steps) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ä", "a", 1),
        ] {
            assert_eq!(distance(left, right), steps, "{left} {right}");
        }
    }

    #[test]
    fn a_far_name_gets_the_list() {
        assert_eq!(hint("zzz", ["ab", "cd"], "Add it."), "Add it. Known: `ab`, `cd`.");
        assert_eq!(hint("zzz", [], "Add it."), "Add it.");
    }
}
