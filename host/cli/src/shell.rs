//! Command lines for people to paste.

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// An option and its value.
pub(crate) fn option(name: &str, value: &str) -> [String; 2] {
    [format!("--{name}"), quoted(value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("zone=a.b"), "zone=a.b");
        assert_eq!(quoted("why=it's on"), r"'why=it'\''s on'");
        assert_eq!(quoted(""), "''");
    }
}
