//! nft's text form as words.

use super::read::SyntaxError;

/// A word, with the line that it stands on, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    /// Text between quotes.
    Quoted(String),
    /// `{`, `}`, `,`, `=`, and `!` for `!=`.
    Mark(char),
    /// The end of a statement: a semicolon or the end of a line.
    End,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut tokens = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let number = place + 1;
        let mut push = |kind| tokens.push(Token { kind, line: number });
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '#' => rest.len(),
                '"' => {
                    let text = rest.get(1..).unwrap_or_default();
                    let end = text.find('"').ok_or_else(|| SyntaxError::at(number, "unterminated string"))?;
                    push(Kind::Quoted(text.get(..end).unwrap_or_default().to_owned()));
                    end + 2
                }
                ';' => {
                    push(Kind::End);
                    1
                }
                '{' | '}' | ',' | '=' => {
                    push(Kind::Mark(first));
                    1
                }
                '!' if rest.starts_with("!=") => {
                    push(Kind::Mark('!'));
                    2
                }
                space if space.is_whitespace() => space.len_utf8(),
                letter if is_word(letter) => {
                    let end = rest.find(|other: char| !is_word(other)).unwrap_or(rest.len());
                    push(Kind::Word(rest.get(..end).unwrap_or_default().to_owned()));
                    end
                }
                other => return Err(SyntaxError::at(number, &format!("syntax error, unexpected {other}"))),
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        push(Kind::End);
    }
    Ok(tokens)
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-./:@+*[]".contains(letter)
}
