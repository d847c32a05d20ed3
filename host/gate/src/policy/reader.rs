//! Reads TOML with the place of every error, and goes on after each.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use fabric_model::Diagnostic;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A file that is being read, and what is wrong with it so far.
pub(super) struct Reader<'i> {
    file: &'i str,
    text: &'i str,
    wrong: Vec<Diagnostic>,
}

impl<'i> Reader<'i> {
    pub(super) fn new(file: &'i str, text: &'i str) -> Self {
        Self { file, text, wrong: Vec::new() }
    }

    /// The file's root.
    ///
    /// # Errors
    /// Where the text is not TOML, which is then all there is to say.
    pub(super) fn root(&mut self) -> Result<DeTable<'i>, Vec<Diagnostic>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().unwrap_or_default();
            self.wrong(at, error.message().trim_end_matches('.'), "Mend the TOML syntax on this line.");
        }
        if self.wrong.is_empty() { Ok(root.into_inner()) } else { Err(std::mem::take(&mut self.wrong)) }
    }

    /// Notes an error.
    pub(super) fn wrong(&mut self, at: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.wrong.push(Diagnostic::at(self.file, self.text, at.start, message).hint(hint));
    }

    /// The line of a place, counted from 1.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        Diagnostic::at(self.file, self.text, at.start, "").line
    }

    /// What was read, unless anything was wrong; errors in the order of the file.
    pub(super) fn finish<T>(mut self, read: T) -> Result<T, Vec<Diagnostic>> {
        self.wrong.sort_by_key(|found| (found.line, found.column));
        if self.wrong.is_empty() { Ok(read) } else { Err(self.wrong) }
    }

    /// Notes every key that is not known, with the known one that was probably meant.
    pub(super) fn only(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let meant = known.iter().find(|word| is_near(word, name));
            let hint = match meant {
                Some(word) => format!("Write `{word}`."),
                None => format!("Remove it; the keys here are {}.", listed(known)),
            };
            self.wrong(key.span(), format!("unknown key `{name}`"), hint);
        }
    }

    /// A key that must be there.
    pub(super) fn required<'t, 'd>(
        &mut self,
        table: &'t DeTable<'d>,
        at: &Range<usize>,
        key: &str,
    ) -> Option<&'t Value<'d>> {
        let value = table.get(key);
        if value.is_none() {
            self.wrong(at.clone(), format!("`{key}` is missing"), format!("Add `{key}` here."));
        }
        value
    }

    /// The tables of `[[key]]`; none where there is no such key.
    pub(super) fn tables<'t, 'd>(
        &mut self,
        root: &'t DeTable<'d>,
        key: &str,
    ) -> Vec<(&'t DeTable<'d>, Range<usize>)> {
        let Some(value) = root.get(key) else { return Vec::new() };
        let array = value.get_ref().as_array();
        let tables: Option<Vec<_>> = array.and_then(|items| {
            items.iter().map(|item| item.get_ref().as_table().map(|table| (table, item.span()))).collect()
        });
        tables.unwrap_or_else(|| {
            self.wrong(
                value.span(),
                format!("`{key}` is not a list of tables"),
                format!("Write `[[{key}]]`."),
            );
            Vec::new()
        })
    }

    /// A list of at least one text, each parsed; what does not parse is noted and left out.
    pub(super) fn list<T: FromStr<Err: Display>>(&mut self, key: &str, value: &Value<'_>) -> Vec<(T, usize)> {
        let hint = format!("Write it as `{key} = [\"...\"]`.");
        let Some(items) = value.get_ref().as_array() else {
            let kind = value.get_ref().type_str();
            self.wrong(value.span(), format!("`{key}`: expected a list of strings, found {kind}"), hint);
            return Vec::new();
        };
        if items.is_empty() {
            let hint = "Name at least one, or remove the rule: an empty list matches nothing.";
            self.wrong(value.span(), format!("`{key}` is empty"), hint);
        }
        let mut parsed = Vec::new();
        for item in items.iter() {
            let Some(text) = item.get_ref().as_str() else {
                self.wrong(item.span(), format!("an entry of `{key}` is not a string"), hint.clone());
                continue;
            };
            match text.parse() {
                Ok(one) => parsed.push((one, self.line(&item.span()))),
                Err(error) => {
                    self.wrong(item.span(), format!("{error}"), format!("Mend this entry of `{key}`."))
                }
            }
        }
        parsed
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether one word is the other with at most two letters added, lost or changed (Levenshtein distance up to 2). Two is what a
/// slip of the finger or a plural takes; more would suggest unrelated words.
fn is_near(one: &str, other: &str) -> bool {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut next = vec![i + 1];
        for (b, costs) in other.chars().zip(row.windows(2)) {
            let &[diagonal, above] = costs else { break };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().is_some_and(|distance| *distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_near_and_another_word_is_not() {
        for near in ["role", "rolse", "roles", "Roles"] {
            assert!(is_near("roles", near), "{near}");
        }
        for far in ["name", "environments", ""] {
            assert!(!is_near("roles", far), "{far}");
        }
    }
}
