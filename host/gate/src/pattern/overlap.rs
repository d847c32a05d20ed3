//! Patterns against patterns: whether two have a resource in common, and whether one holds everything that the other does.

use super::{Pattern, Segment, Shape, holds};

impl Pattern {
    /// Whether there can be a resource that both match.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Shape::Network(one), Shape::Network(two)) => one.contains(two) || two.contains(one),
            (Shape::File { host, path }, Shape::File { host: other_host, path: other_path }) => {
                host.meets(other_host)
                    && path.len() == other_path.len()
                    && path.iter().zip(other_path).all(|(one, two)| one.meets(two))
            }
            (
                Shape::S3 { server, within, folder },
                Shape::S3 { server: other_server, within: other_within, folder: other_folder },
            ) => {
                server.meets(other_server)
                    && folder == other_folder
                    && within.len() == other_within.len()
                    && within.iter().zip(other_within).all(|(one, two)| one.meets(two))
            }
            (
                Shape::Named { kind, name, part },
                Shape::Named { kind: other_kind, name: other_name, part: other_part },
            ) => {
                let parts = match (part, other_part) {
                    (None, None) => true,
                    (Some(one), Some(two)) => one.meets(two),
                    _ => false,
                };
                kind == other_kind && parts && name.meets(other_name)
            }
            _ => false,
        }
    }

    /// Whether this matches everything that the other can match.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.meets(other) && self.forbids_all_of(other)
    }

    /// Whether a denial of this pattern holds for everything that the other can match.
    pub(crate) fn forbids_all_of(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Shape::Network(one), Shape::Network(two)) => one.contains(two),
            (Shape::File { host, path }, Shape::File { host: other_host, path: other_path }) => {
                host.holds(other_host)
                    && path.len() <= other_path.len()
                    && path.iter().zip(other_path).all(|(one, two)| one.holds(two))
            }
            (
                Shape::S3 { server, within, folder },
                Shape::S3 { server: other_server, within: other_within, folder: other_folder },
            ) => {
                server.holds(other_server)
                    && within.iter().zip(other_within).all(|(one, two)| one.holds(two))
                    && holds(within.len(), *folder, other_within.len(), *other_folder)
            }
            (
                Shape::Named { kind, name, part },
                Shape::Named { kind: other_kind, name: other_name, part: other_part },
            ) => {
                let parts = match (part, other_part) {
                    (None, _) => true,
                    (Some(one), Some(two)) => one.holds(two),
                    (Some(_), None) => false,
                };
                kind == other_kind && parts && name.holds(other_name)
            }
            _ => false,
        }
    }
}

impl Segment {
    /// Whether every name that the other matches is matched by this: a `*` of the other is a letter that only a `*` matches.
    fn holds(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }

    /// Whether there is a name that both match. Segments are no longer than names, so the table of all their beginnings is small.
    fn meets(&self, other: &Self) -> bool {
        let (one, two): (Vec<char>, Vec<char>) = (self.0.chars().collect(), other.0.chars().collect());
        // Whether the rest of one from here on can be the same as the rest of the other, from the end to the beginning.
        let mut below: Vec<bool> = Vec::new();
        for left in (0..=one.len()).rev() {
            let mut row = vec![false; two.len() + 1];
            for right in (0..=two.len()).rev() {
                let at = |list: &[bool], index: usize| list.get(index).copied().unwrap_or(false);
                let same = match (one.get(left), two.get(right)) {
                    (None, None) => true,
                    (Some('*'), _) if at(&below, right) => true,
                    (_, Some('*')) if at(&row, right + 1) => true,
                    (Some('*'), Some(_)) => at(&row, right + 1),
                    (Some(_), Some('*')) => at(&below, right),
                    (Some(a), Some(b)) => a == b && at(&below, right + 1),
                    _ => false,
                };
                if let Some(place) = row.get_mut(right) {
                    *place = same;
                }
            }
            below = row;
        }
        below.first().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn two_patterns_meet_where_a_resource_has_both() {
        for (one, two, meet) in [
            ("host:a", "host:a", true),
            ("host:a", "host:b", false),
            ("host:a*", "host:*b", true),
            ("host:a*c", "host:ab*", true),
            ("host:a*", "host:b*", false),
            ("host:*", "host:*/x", false),
            ("host:a/*", "host:*/x", true),
            ("host:a", "vip:a", false),
            ("addr:10.0.0.0/8", "addr:10.1.0.0/16", true),
            ("addr:10.0.0.0/16", "addr:10.1.0.0/16", false),
            ("file:a/etc/*", "file:*/etc/hosts", true),
            ("file:a/etc/*", "file:a/etc/x/y", false),
            ("s3:a/b/*", "s3:*/b/c", true),
            ("s3:a/b/", "s3:a/b", false),
            ("s3:a/b/c/", "s3:a/b/c", false),
        ] {
            assert_eq!(pattern(one).meets(&pattern(two)), meet, "{one} {two}");
            assert_eq!(pattern(two).meets(&pattern(one)), meet, "{two} {one}");
        }
    }

    #[test]
    fn a_denial_holds_for_all_of_what_is_narrower() {
        for (deny, need, all) in [
            ("host:*", "host:a/b", true),
            ("host:a*", "host:ab*/x", true),
            ("host:ab*", "host:a*", false),
            ("host:a/x", "host:a", false),
            ("file:a/etc", "file:a/etc/hosts", true),
            ("addr:10.0.0.0/8", "addr:10.0.0.1", true),
            ("addr:10.0.0.1", "addr:10.0.0.0/8", false),
        ] {
            assert_eq!(pattern(deny).forbids_all_of(&pattern(need)), all, "{deny} {need}");
        }
    }
}
