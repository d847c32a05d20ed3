//! Every code that fabric prints, and what to do about it: faults, exit codes, rules of `fabric check`, findings of a verification. One table, from which
//! `fabric explain` answers and `docs/reference/codes.md` is written.

mod exits;
mod faults;
mod findings;
#[cfg(test)]
mod page;

use fabric_script::lint::{self, Rule};
use serde::Serialize;

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// As it is printed.
    pub(crate) code: &'static str,
    /// Where it is printed.
    pub(crate) kind: Kind,
    /// What it says.
    pub(crate) means: &'static str,
    /// How it comes about.
    pub(crate) arises: &'static str,
    /// What to do next.
    pub(crate) remedy: &'static str,
}

/// Where a code is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// What a command ends with.
    Exit,
    /// What a call, a guard or the host ends with.
    Fault,
    /// Why a packet does not verify.
    Finding,
    /// What `fabric check` finds in a script.
    Rule,
}

impl Kind {
    /// What it is called in a sentence.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exit => "exit code",
            Self::Fault => "fault",
            Self::Finding => "finding of a verification",
            Self::Rule => "rule of `fabric check`",
        }
    }
}

/// Every code, kind by kind.
pub(crate) fn all() -> impl Iterator<Item = Entry> {
    let own = exits::ENTRIES.iter().chain(faults::ENTRIES).chain(findings::ENTRIES);
    own.copied().chain(lint::RULES.iter().map(|rule| of_rule(rule)))
}

/// A rule says itself what it means.
fn of_rule(rule: &Rule) -> Entry {
    let Rule { id, means, arises, remedy, .. } = rule;
    Entry { code: id, kind: Kind::Rule, means, arises, remedy }
}

/// The entry of a code.
pub(crate) fn find(code: &str) -> Option<Entry> {
    all().find(|entry| entry.code == code)
}

/// The code that somebody probably meant: nothing where none is like it at all.
pub(crate) fn nearest(code: &str) -> Option<&'static str> {
    /// Less than that in common, and it is another word.
    const ALIKE: f64 = 0.7;
    let likeness = |known: &str| {
        // Its last word alone is often what one remembers.
        let last = known.rsplit_once('.').map_or(known, |(_, last)| last);
        strsim::normalized_damerau_levenshtein(code, known)
            .max(strsim::normalized_damerau_levenshtein(code, last))
    };
    let rated = all().map(|entry| (likeness(entry.code), entry.code));
    let best = rated.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, code)| code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fabric_model::Code;
    use fabric_model::exit::Exit;

    use super::*;

    const PACKET: &str = include_str!("../../../../evidence/SPEC.md");

    fn codes(kind: Kind) -> BTreeSet<String> {
        all().filter(|entry| entry.kind == kind).map(|entry| entry.code.to_owned()).collect()
    }

    #[test]
    fn every_fault_and_exit_is_explained_and_nothing_else() {
        assert_eq!(codes(Kind::Fault), Code::ALL.iter().map(|code| code.as_str().to_owned()).collect());
        assert_eq!(codes(Kind::Exit), Exit::ALL.iter().map(|exit| exit.code().to_string()).collect());
    }

    #[test]
    fn every_finding_of_the_packet_format_is_explained_and_nothing_else() {
        let (_, table) = PACKET.split_once("## Findings").expect("the section");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        assert_eq!(codes(Kind::Finding), rows.map(|(class, _)| class.to_owned()).collect());
    }

    #[test]
    fn each_explanation_is_of_whole_sentences_and_each_code_stands_once() {
        for entry in all() {
            for sentence in [entry.means, entry.arises, entry.remedy] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", entry.code);
            }
        }
        assert_eq!(all().map(|entry| entry.code).collect::<BTreeSet<_>>().len(), all().count());
    }

    #[test]
    fn a_slip_finds_the_code_and_another_word_finds_none() {
        assert_eq!(nearest("port.timout"), Some("port.timeout"));
        assert_eq!(nearest("undeclared"), Some("denied.undeclared"));
        assert_eq!(nearest("weather"), None);
    }
}
