//! What is wrong with a site file, each entry at the key that is to blame.

use fabric_model::Diagnostic;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a site file and what was found wrong with it so far.
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    tree: Spanned<DeTable<'a>>,
    found: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    /// Parses the TOML; its syntax errors, one per line, are the first findings.
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let (tree, errors) = DeTable::parse_recoverable(text);
        let found = errors.iter().map(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            Diagnostic::at(file, text, offset, error.message().trim_end_matches('\n'))
                .hint("Mend the TOML syntax here; https://toml.io/en/v1.0.0 describes it.")
        });
        let mut found: Vec<_> = found.collect();
        // After an error the parser stumbles over the rest of the line as well.
        found.dedup_by_key(|diagnostic| diagnostic.line);
        Self { file, text, tree, found }
    }

    /// Whether nothing was found wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// The parsed file.
    pub(super) fn tree(&self) -> &Spanned<DeTable<'a>> {
        &self.tree
    }

    /// Records an error at a key. The path holds keys, and for items of an array their index in decimal.
    pub(super) fn at(&mut self, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        self.at_offset(self.offset(path), message, hint);
    }

    /// Records an error at a byte offset.
    pub(super) fn at_offset(&mut self, offset: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::at(self.file, self.text, offset, message).hint(hint));
    }

    /// Records an error about the file as a whole.
    pub(super) fn whole(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Diagnostic::whole(self.file, message).hint(hint));
    }

    /// Where a path begins in the text: its last key, or as much of the path as the file has. A missing key is thus
    /// reported at the table that lacks it.
    pub(super) fn offset(&self, path: &[&str]) -> usize {
        let mut offset = self.tree.span().start;
        let mut table = Some(self.tree.get_ref());
        let mut array = None;
        for step in path {
            let next = if let Some(entries) = table {
                entries
                    .iter()
                    .find(|(key, _)| key.get_ref() == step)
                    .map(|(key, value)| (key.span().start, value.get_ref()))
            } else {
                item_of(array, step)
            };
            let Some((start, value)) = next else { break };
            offset = start;
            table = value.as_table();
            array = value.as_array();
        }
        offset
    }

    /// Everything that was found, in the order of the file.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort();
        self.found.dedup();
        self.found
    }
}

fn item_of<'t, 'a>(array: Option<&'t toml::de::DeArray<'a>>, step: &str) -> Option<(usize, &'t DeValue<'a>)> {
    let item = array?.get(step.parse::<usize>().ok()?)?;
    Some((item.span().start, item.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_through_tables_and_arrays() {
        let text = "[hosts.a]\nvmid = 1\ninterfaces = [\n  { name = \"eth0\", mac = \"x\" },\n]\n";
        let report = Report::new("f", text);
        for (path, wanted) in [
            (&["hosts", "a"][..], "a]"),
            (&["hosts", "a", "vmid"], "vmid"),
            (&["hosts", "a", "interfaces", "0"], "{ name"),
            (&["hosts", "a", "interfaces", "0", "mac"], "mac ="),
            (&["hosts", "a", "missing"], "a]"),
        ] {
            let found = text.get(report.offset(path)..).expect("an offset inside the text");
            assert!(found.starts_with(wanted), "{path:?}: {found:?}");
        }
    }

    #[test]
    fn every_syntax_error_is_reported() {
        let found = Report::new("f", "a = \nb = 1\nc == 2\n").into_diagnostics();
        assert_eq!(found.iter().map(|d| d.line).collect::<Vec<_>>(), [1, 3], "{found:?}");
    }
}
