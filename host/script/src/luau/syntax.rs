//! Luau text, read without running anything.
//!
//! The host reads tokens alone, in Rust and without recursion: enough for the imports. Whoever needs more lets Luau's own
//! compiler look first, in a process that holds nothing; it bounds how deep the text nests.

use fabric_model::Diagnostic;
use full_moon::LuaVersion;
use full_moon::ast::Ast;
use full_moon::tokenizer::{Lexer, LexerResult, Position, Symbol, Token, TokenType};
use mlua::chunk::Compiler;

use crate::language::Language;
use crate::modules::{Import, imported};

/// The function that imports.
pub(crate) const REQUIRE: &str = "require";

/// The imports of a script or module: each use of `require`, which stands before nothing but a literal path.
///
/// # Errors
/// When the text is not made of Luau's tokens, or an import is not a literal path of an allowed form.
pub(crate) fn imports(file: &str, source: &str) -> Result<Vec<Import>, Vec<Diagnostic>> {
    let tokens = tokens(file, source)?;
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| is_require(token)) {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        if before.is_some_and(|token| is_symbol(token, Symbol::Dot) || is_symbol(token, Symbol::Colon)) {
            continue;
        }
        match path_after(tokens.get(index + 1..).unwrap_or_default()) {
            Some((path, token)) => {
                let (line, column) = place(token.start_position());
                match imported(Language::Luau, file, path, line, column) {
                    Ok(import) => found.push(import),
                    Err(wrong) => errors.push(wrong),
                }
            }
            None => {
                let message = "`require` stands before anything but the literal path of a module";
                errors.push(
                    at(file, token.start_position(), message)
                        .hint(format!("Write it as in `{}`.", Language::Luau.import_example())),
                );
            }
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// The literal that an import names: alone, or in parentheses of its own.
fn path_after(rest: &[Token]) -> Option<(&str, &Token)> {
    match rest {
        [path, ..] if literal(path).is_some() => Some((literal(path)?, path)),
        [open, path, close, ..]
            if is_symbol(open, Symbol::LeftParen) && is_symbol(close, Symbol::RightParen) =>
        {
            Some((literal(path)?, path))
        }
        _ => None,
    }
}

fn literal(token: &Token) -> Option<&str> {
    match token.token_type() {
        TokenType::StringLiteral { literal, .. } => Some(literal),
        _ => None,
    }
}

fn is_require(token: &Token) -> bool {
    matches!(token.token_type(), TokenType::Identifier { identifier } if identifier.as_str() == REQUIRE)
}

fn is_symbol(token: &Token, wanted: Symbol) -> bool {
    matches!(token.token_type(), TokenType::Symbol { symbol } if *symbol == wanted)
}

/// The tokens that mean something. It ends at the first thing that is none: behind it a lexer only guesses.
fn tokens(file: &str, source: &str) -> Result<Vec<Token>, Vec<Diagnostic>> {
    let mut lexer = Lexer::new(source, LuaVersion::luau());
    let mut tokens = Vec::new();
    while let Some(next) = lexer.consume() {
        match next {
            LexerResult::Ok(token) => tokens.push(token.token().clone()),
            LexerResult::Recovered(_, errors) | LexerResult::Fatal(errors) => {
                return Err(errors.iter().map(|e| at(file, e.position(), e.error().to_string())).collect());
            }
        }
    }
    Ok(tokens)
}

/// The tree of a script or module.
///
/// Not for a process that holds secrets: Luau's compiler is C++. It goes first because it refuses what nests deeper than some
/// hundred levels, and the parser that gives the tree recurses without a limit; even so it needs a stack of several MiB.
///
/// # Errors
/// What either of them finds wrong.
pub(crate) fn parse(file: &str, source: &str) -> Result<Ast, Vec<Diagnostic>> {
    compiles(file, source).map_err(|wrong| vec![wrong])?;
    full_moon::parse_fallible(source, LuaVersion::luau()).into_result().map_err(|errors| {
        errors.iter().map(|e| at(file, e.range().0, e.error_message().into_owned())).collect()
    })
}

/// Whether Luau's own compiler takes the text.
///
/// # Errors
/// What it says is wrong, at the line.
pub(crate) fn compiles(file: &str, source: &str) -> Result<(), Diagnostic> {
    match Compiler::new().compile(source) {
        Ok(_bytecode) => Ok(()),
        Err(mlua::Error::SyntaxError { message, .. }) => Err(refused(file, &message)),
        Err(error) => Err(Diagnostic::whole(file, error.to_string())),
    }
}

/// What the compiler says: the line, where a chunk has a name after that, a colon, and what is wrong.
pub(crate) fn refused(file: &str, message: &str) -> Diagnostic {
    let placed = message.split_once(": ").and_then(|(place, what)| {
        let line = place.rsplit(':').next()?;
        Some((line.parse::<usize>().ok()?, what))
    });
    let (line, what) = placed.unwrap_or((0, message));
    let mut letters = what.chars();
    let what = letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect());
    Diagnostic { line, ..Diagnostic::whole(file, what) }
}

/// Something wrong at a position of the tokens.
pub(crate) fn at(file: &str, position: Position, message: impl Into<String>) -> Diagnostic {
    let (line, column) = place(position);
    Diagnostic { line, column, ..Diagnostic::whole(file, message) }
}

/// Line and column, counted from 1.
pub(crate) fn place(position: Position) -> (usize, usize) {
    (position.line(), position.character())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Result<Vec<String>, String> {
        imports("a.luau", source)
            .map(|imports| imports.into_iter().map(|import| import.module).collect())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn imports_are_found_wherever_they_stand_and_not_in_text() {
        let source = "local a = require(\"lib/a\")\nlocal f = function() return require 'lib/b'.x end\n\
                      local c = require[[lib/c]]\n-- require(\"no\")\nlocal t = \"require('no')\" local y = `require(\"no\") {require(\"lib/d\")}`";
        assert_eq!(found(source), Ok(["lib/a", "lib/b", "lib/c", "lib/d"].map(str::to_owned).to_vec()));
        assert_eq!(found("local x = t.require local y = t:require()"), Ok(Vec::new()));
    }

    #[test]
    fn an_import_that_is_computed_or_leaves_the_project_is_refused_at_its_place() {
        for (source, says) in [
            ("local r = require", "a.luau:1:11: `require` stands before anything but"),
            ("require(\"a\" .. x)", "a.luau:1:1: `require` stands"),
            ("require(p)", "a.luau:1:1: `require` stands"),
            ("pcall(require, \"a\")", "a.luau:1:7: `require` stands"),
            ("\n require(\"../a\")", "a.luau:2:10: `../a` is not the path of a module"),
            ("require(\"/etc/x\")", "is not the path of a module"),
            ("require(\"li\\98/x\")", "is not the path of a module"),
            ("local x = \"unfinished", "a.luau:1:"),
        ] {
            let wrong = found(source).expect_err(source);
            assert!(wrong.contains(says), "{source}: {wrong}");
        }
    }

    #[test]
    fn what_luau_refuses_is_refused_in_its_words_at_the_line() {
        let wrong = parse("a.luau", "local x = 1\nlocal y =\n").expect_err("no expression");
        let shown = wrong.first().expect("one").to_string();
        assert!(shown.starts_with("a.luau:3: expected identifier"), "{shown}");
    }

    #[test]
    fn text_that_nests_too_deep_is_refused_before_anything_recurses_over_it() {
        for (open, close) in [
            ("(", ")"),
            ("{", "}"),
            ("not ", ""),
            ("-", ""),
            ("function() return ", " end"),
            ("if a then b else ", ""),
        ] {
            let source = format!("local x = {}1{}", open.repeat(20_000), close.repeat(20_000));
            let wrong = std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn(move || parse("a.luau", &source).map(|_| ()).expect_err("too deep"))
                .expect("a thread")
                .join()
                .expect("no overflow");
            assert!(!wrong.is_empty(), "{open}");
        }
    }
}
