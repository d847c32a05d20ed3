//! An error in a file that a person wrote, with its place and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One error in a site, policy or trust file or in a script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// The file as the operator named it.
    pub file: String,
    /// The line, counted from 1; 0 where the error is about the file as a whole.
    pub line: usize,
    /// The column in characters, counted from 1; 0 where the error is about the line as a whole.
    pub column: usize,
    /// A lower-case fragment without a period: what is wrong.
    pub message: String,
    /// A full sentence: what to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a byte offset of `text`.
    pub fn at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        Self { file: file.to_owned(), line, column, message: message.into(), hint: None }
    }

    /// An error about the file as a whole.
    pub fn whole(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, message: message.into(), hint: None }
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}: {}", self.file, self.message)?,
            (line, 0) => write!(f, "{}:{line}: {}", self.file, self.message)?,
            (line, column) => write!(f, "{}:{line}:{column}: {}", self.file, self.message)?,
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_columns_from_one() {
        let found = Diagnostic::at("a.toml", "x = 1\nyé = 2\n", 9, "wrong").hint("Mend it.");
        assert_eq!(found.to_string(), "a.toml:2:3: wrong\n  hint: Mend it.");
    }
}
