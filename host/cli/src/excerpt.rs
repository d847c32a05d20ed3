//! What is wrong in a file that a person wrote, with the line itself: file, line and column, the line, a mark under the place, and
//! what to do. One form for scripts, site, policy, trust and contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use fabric_model::Diagnostic;
use fabric_redact::Redactor;
use fabric_script::language::Language;

use crate::terminal::plain;

/// The largest file that is read for a line of it, in bytes: scripts have at most a quarter of that.
const SOURCE_LIMIT: u64 = 1 << 20;
/// Columns of the terminal that an excerpt fills at most; a longer line is cut around the place.
const WIDTH: usize = 140;

/// How grave what is shown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gravity {
    Error,
    Warning,
}

/// The files that excerpts are taken from, each read once.
pub(crate) struct Sources {
    project: Option<PathBuf>,
    read: BTreeMap<String, Option<Source>>,
    /// What nobody should read is not shown because something else on its line is wrong.
    redactor: Arc<Redactor>,
}

/// A file without secrets, and its lines that have one.
struct Source {
    text: String,
    redacted: BTreeSet<usize>,
}

impl Sources {
    /// Files are looked for from the current folder, and then from the project's, as modules of scripts are named.
    pub(crate) fn new(project: Option<&Path>) -> Self {
        Self { project: project.map(Path::to_owned), read: BTreeMap::new(), redactor: Arc::default() }
    }

    /// The same, without the secrets that this one knows.
    pub(crate) fn knowing(self, redactor: Arc<Redactor>) -> Self {
        Self { redactor, ..self }
    }

    fn keep(&mut self, file: &str, text: Option<String>) {
        let source = text.map(|text| {
            let (text, redacted) = self.redactor.redact_lines(&text);
            Source { text, redacted }
        });
        self.read.insert(file.to_owned(), source);
    }

    /// A line of a file, counted from 1, and whether it is as it stands there.
    fn line(&mut self, file: &str, number: usize) -> Option<(&str, bool)> {
        if !self.read.contains_key(file) {
            let places = [Some(PathBuf::from(file)), self.project.as_ref().map(|project| project.join(file))];
            let text = places.into_iter().flatten().find_map(|path| text_of(&path));
            self.keep(file, text);
        }
        let Source { text, redacted } = self.read.get(file)?.as_ref()?;
        Some((text.lines().nth(number.checked_sub(1)?)?, !redacted.contains(&number)))
    }
}

fn text_of(path: &Path) -> Option<String> {
    // A device or a pipe would keep us waiting.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(SOURCE_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Shows one diagnostic; `code` is what `fabric explain` knows it by.
pub(crate) fn show(
    gravity: Gravity,
    code: Option<&str>,
    diagnostic: &Diagnostic,
    sources: &mut Sources,
) -> String {
    let level = match gravity {
        Gravity::Error => Level::ERROR,
        Gravity::Warning => Level::WARNING,
    };
    render(level, code, diagnostic, sources)
}

fn render(level: Level<'_>, code: Option<&str>, diagnostic: &Diagnostic, sources: &mut Sources) -> String {
    let Diagnostic { file, line, column, message, hint } = diagnostic;
    let shown_file = plain(file);
    let mut lines = message.lines().map(plain);
    let title = level.primary_title(lines.next().unwrap_or_default());
    let title = match code {
        Some(code) => title.id(code.to_owned()),
        None => title,
    };
    let source = (*line > 0).then(|| sources.line(file, *line)).flatten();
    let source = source.map(|(source, whole)| (plain_line(source), if whole { *column } else { 0 }));
    let mut group = Group::with_title(title);
    group = match &source {
        Some((source, column)) => {
            let mark = AnnotationKind::Primary.span(place(source, *column));
            group
                .element(Snippet::source(source.as_str()).line_start(*line).path(shown_file).annotation(mark))
        }
        None => {
            let origin = Origin::path(shown_file);
            group.element(match (line, column) {
                (0, _) => origin,
                (line, 0) => origin.line(*line),
                (line, column) => origin.line(*line).char_column(*column),
            })
        }
    };
    for more in lines {
        group = group.element(Level::NOTE.no_name().message(more));
    }
    if let Some(hint) = hint {
        let told: Vec<String> = hint.lines().map(plain).collect();
        group = group.element(Level::HELP.with_name("hint").message(told.join("\n")));
    }
    Renderer::styled().decor_style(DecorStyle::Ascii).term_width(WIDTH).render(&[group])
}

/// What a script threw, with the line where it began and the calls that led there. The worker ends such a message with its places:
/// ` at FILE:LINE:COLUMN, called at FILE:LINE:COLUMN`, and the column may be missing.
///
/// Nothing where the message names no place in a script: what stands before the places is the script's own text, and no file is read
/// because of that.
pub(crate) fn thrown(message: &str, sources: &mut Sources) -> Option<String> {
    /// Calls that are shown; more say little.
    const CALLS: usize = 4;
    let mut rest = message;
    let mut calls = Vec::new();
    while let Some((before, place)) = rest.rsplit_once(", called at ") {
        calls.push(Spot::parse(place)?);
        rest = before;
    }
    let (what, place) = rest.rsplit_once(" at ")?;
    let began = Spot::parse(place)?;
    let mut shown = show(Gravity::Error, None, &began.diagnostic(what), sources);
    for call in calls.iter().rev().take(CALLS) {
        let called = call.diagnostic("called here");
        let excerpt = render(Level::NOTE, None, &called, sources);
        shown.push('\n');
        shown.push_str(&excerpt);
    }
    Some(shown)
}

/// A place in a script, as a message of the worker says it.
struct Spot<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Spot<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (before, last) = text.rsplit_once(':')?;
        let last: usize = last.parse().ok()?;
        let (file, line, column) = match before.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
            Some((file, Ok(line))) => (file, line, last),
            _ => (before, last, 0),
        };
        let is_script =
            Language::ALL.iter().any(|language| file.ends_with(&format!(".{}", language.ending())));
        (is_script && !file.contains("..")).then_some(Self { file, line, column })
    }

    fn diagnostic(&self, message: &str) -> Diagnostic {
        Diagnostic { line: self.line, column: self.column, ..Diagnostic::whole(self.file, message) }
    }
}

/// A line of somebody's file as it can be shown: a character that would move the cursor, hide text or turn its direction is replaced by
/// one that is seen, one for one, so that columns stay.
fn plain_line(line: &str) -> String {
    line.chars().map(|c| if c == '\t' { c } else { seen(c) }).collect()
}

/// The picture of a control character, where Unicode has one.
fn seen(c: char) -> char {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => plain(c.encode_utf8(&mut [0; 4])).chars().next().unwrap_or('\u{fffd}'),
    }
}

/// The bytes of what stands at a column, counted from 1 in characters: a word, a text in quotes, or one sign; for column 0 the whole line.
fn place(line: &str, column: usize) -> std::ops::Range<usize> {
    let Some(index) = column.checked_sub(1) else {
        let begin = line.len() - line.trim_start().len();
        return begin..line.trim_end().len().max(begin);
    };
    let Some((begin, first)) = line.char_indices().nth(index) else { return line.len()..line.len() };
    let rest = line.get(begin..).unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let length = match first {
        '"' | '\'' | '`' => {
            let end = rest.char_indices().skip(1).find(|(_, c)| *c == first).map(|(at, c)| at + c.len_utf8());
            end.unwrap_or(rest.trim_end().len())
        }
        c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        c => c.len_utf8(),
    };
    begin..begin + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize, column: usize) -> String {
        let mut sources = Sources::new(None);
        sources.keep("a.rhai", Some(text.to_owned()));
        let diagnostic =
            Diagnostic { line, column, ..Diagnostic::whole("a.rhai", "it is wrong") }.hint("Mend it.");
        anstream::adapter::strip_str(&show(Gravity::Error, Some("syntax"), &diagnostic, &mut sources))
            .to_string()
    }

    #[test]
    fn the_place_is_named_shown_and_marked() {
        let shown = shown("let x = 1;\nlet dns = 2;\n", 2, 5);
        for part in [
            "error[syntax]: it is wrong",
            "a.rhai:2:5",
            "2 | let dns = 2;",
            "  |     ^^^\n",
            "hint: Mend it.",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn a_mark_stands_under_its_place_behind_tabs_and_wide_letters() {
        let mark_of = |shown: &str| {
            let line = shown.lines().find(|line| line.contains('^')).expect("a mark").to_owned();
            line.find('^').expect("a mark")
        };
        let plain = mark_of(&shown("    wrong", 1, 5));
        assert_eq!(mark_of(&shown("\twrong", 1, 2)), plain, "a tab is four columns");
        assert_eq!(mark_of(&shown("名前wrong", 1, 3)), plain, "each of these letters is two columns");
    }

    #[test]
    fn what_would_forge_the_terminal_is_seen_and_does_nothing() {
        let shown = shown("let a = \"\u{1b}[2Jpass\u{202e}\u{200b}\r\"; wrong", 1, 24);
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\r']), "{shown:?}");
        assert!(shown.contains('\u{241b}'), "{shown:?}");
        let mut sources = Sources::new(None);
        let hostile = Diagnostic::whole("a\u{1b}[31m.rhai", "x\u{1b}[2J\nerror: forged").hint("y\u{202e}");
        let told = show(Gravity::Error, None, &hostile, &mut sources);
        let told = anstream::adapter::strip_str(&told).to_string();
        assert!(!told.contains("\u{1b}") && !told.contains('\u{202e}'), "{told:?}");
        assert!(!told.lines().any(|line| line.starts_with("error: forged")), "{told}");
    }

    #[test]
    fn a_long_line_is_cut_around_its_place() {
        let text = format!("{}wrong{}", "a ".repeat(5_000), " b".repeat(5_000));
        let shown = shown(&text, 1, 10_001);
        assert!(
            shown.contains("wrong") && shown.lines().all(|line| line.chars().count() <= WIDTH + 20),
            "{shown}"
        );
    }

    #[test]
    fn a_place_that_is_not_there_is_still_named() {
        assert!(shown("one line", 7, 3).contains("a.rhai:7:3"));
        assert!(shown("", 1, 1).contains("a.rhai:1"));
        assert!(shown("x", 0, 0).contains("a.rhai"));
    }

    #[test]
    fn what_a_script_threw_is_shown_where_it_began_and_where_it_was_called() {
        let mut sources = Sources::new(None);
        sources.keep("a.rhai", Some("lib::f();\n".to_owned()));
        sources.keep("lib/x.rhai", Some("fn f() {\n  throw \"at no:1:1\"\n}\n".to_owned()));
        let message = "at no:1:1 at lib/x.rhai:2:3, called at a.rhai:1:6";
        let shown = thrown(message, &mut sources).expect("it has places");
        let shown = anstream::adapter::strip_str(&shown).to_string();
        for part in [
            "error: at no:1:1",
            "lib/x.rhai:2:3",
            "throw \"at no",
            "note: called here",
            "a.rhai:1:6",
            "lib::f();",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for forged in ["x at /etc/passwd:1:1", "x at ../a.rhai:1:1", "x", "x at a.rhai"] {
            assert_eq!(thrown(forged, &mut sources), None, "{forged}");
        }
    }
}
