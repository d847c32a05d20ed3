//! The declaration at the top of a script: what it is, how far it reaches, which parameters it takes and which primitives it
//! needs on which resources. It is TOML in a block of comments, so it can be read without running anything.

use std::collections::BTreeMap;
use std::fmt;

use fabric_model::{Class, Diagnostic, PrimitiveName, Value};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::language::Language;

/// What a script declares of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Header {
    /// One line for lists and reports.
    pub title: String,
    /// What the script is for.
    pub kind: ScriptKind,
    /// The strongest class of primitive that it may call.
    pub reach: Class,
    /// Its parameters by name.
    pub params: BTreeMap<String, Param>,
    /// What it may call on what, in the order of the script.
    pub needs: Vec<Need>,
}

/// What a script is for. The kind decides when the host undoes changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptKind {
    /// A suite of checks.
    Acceptance,
    /// A rehearsed failure: changes are undone on success too.
    Gameday,
    /// Disaster recovery.
    Dr,
    /// Changes that stay when they succeed.
    Operation,
    /// What is gathered for somebody to read: documents of a packet.
    Report,
}

impl ScriptKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acceptance => "acceptance",
            Self::Gameday => "gameday",
            Self::Dr => "dr",
            Self::Operation => "operation",
            Self::Report => "report",
        }
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parameter that the operator may set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Param {
    /// What it must be.
    pub kind: ParamKind,
    /// What it is when the operator does not set it; without a default it must be set.
    pub default: Option<Value>,
    /// One sentence for the operator; empty where the script gives none.
    pub doc: String,
}

/// The types a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl ParamKind {
    /// The word for it, the same as [`Value::kind`] gives.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }

    /// Whether a value is of this type.
    pub fn admits(self, value: &Value) -> bool {
        value.kind() == self.as_str()
    }

    /// The value that an operator's text on the command line stands for; nothing when the text is not of this type.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::String => Some(Value::from(text)),
            Self::Integer => text.parse::<i64>().ok().map(Value::Int),
            Self::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        }
    }
}

/// One declared need: a primitive on a pattern of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Which primitive.
    pub primitive: PrimitiveName,
    /// The pattern's text; the gate parses it.
    pub resource: String,
    /// The line of the script on which it stands, counted from 1.
    pub line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    kind: ScriptKind,
    reach: Class,
    #[serde(default)]
    params: BTreeMap<Spanned<String>, WrittenParam>,
    #[serde(default)]
    needs: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenParam {
    #[serde(rename = "type")]
    kind: ParamKind,
    default: Option<Spanned<Value>>,
    #[serde(default)]
    doc: String,
}

/// Reads the declaration of a script, in comments of the language that its ending names.
///
/// # Errors
/// Every error found, with its place in the script.
pub fn parse(file: &str, source: &str) -> Result<Header, Vec<Diagnostic>> {
    parse_with(file, source, Language::of(file).comment())
}

/// Reads the declaration of a script whose comments begin with `comment`.
///
/// # Errors
/// Every error found, with its place in the script.
fn parse_with(file: &str, source: &str, comment: &str) -> Result<Header, Vec<Diagnostic>> {
    let block = Block::find(file, source, comment).map_err(|e| vec![e])?;
    let written: Written = toml::from_str(&block.toml).map_err(|e| vec![block.misread(file, source, &e)])?;
    block.accept(file, source, written)
}

/// The TOML of the block, and where each of its lines stands in the script.
struct Block {
    toml: String,
    /// Offset of a line in `toml`, and the offset in the script of the same character.
    lines: Vec<(usize, usize)>,
    start: usize,
}

impl Block {
    fn find(file: &str, source: &str, comment: &str) -> Result<Self, Diagnostic> {
        let missing = |offset, what: &str| {
            Diagnostic::at(file, source, offset, what).hint(format!(
                "Begin the script with `{comment} /// fabric`, the declaration as TOML in comments, and `{comment} ///`."
            ))
        };
        let mut found: Option<Self> = None;
        let mut offset = 0;
        for whole in source.split_inclusive('\n') {
            let line = whole.trim_end_matches(['\n', '\r']);
            let text = line.trim_start();
            let body = text.strip_prefix(comment);
            let Some(block) = &mut found else {
                match body {
                    Some(body) if is_opening(body) => {
                        found = Some(Self { toml: String::new(), lines: Vec::new(), start: offset });
                    }
                    Some(_) => {}
                    None if text.is_empty() || (offset == 0 && text.starts_with("#!")) => {}
                    None => break,
                }
                offset += whole.len();
                continue;
            };
            let Some(body) = body else {
                return Err(missing(offset, "the declaration is not closed before the code begins"));
            };
            if body.trim() == "///" {
                return Ok(found.unwrap_or(Self { toml: String::new(), lines: Vec::new(), start: 0 }));
            }
            let toml = body.strip_prefix(' ').unwrap_or(body);
            block.lines.push((block.toml.len(), offset + line.len() - toml.len()));
            block.toml.push_str(toml);
            block.toml.push('\n');
            offset += whole.len();
        }
        Err(match found {
            Some(block) => missing(block.start, "the declaration is not closed"),
            None => missing(0, "the script has no declaration"),
        })
    }

    /// The offset in the script of an offset in the TOML.
    fn in_script(&self, offset: usize) -> usize {
        let line = self.lines.iter().rev().find(|(toml, _)| *toml <= offset);
        line.map_or(self.start, |(toml, script)| script + (offset - toml))
    }

    fn misread(&self, file: &str, source: &str, error: &toml::de::Error) -> Diagnostic {
        let offset = error.span().map_or(self.start, |span| self.in_script(span.start));
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Diagnostic::at(file, source, offset, message).hint(
            "A declaration holds `title`, `kind`, `reach`, tables `[params.NAME]` and a table `[needs]`; see docs/scripting.md.",
        )
    }

    fn accept(&self, file: &str, source: &str, written: Written) -> Result<Header, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut refuse = |offset: usize, message: String, hint: &str| {
            errors.push(Diagnostic::at(file, source, self.in_script(offset), message).hint(hint));
        };
        let mut params = BTreeMap::new();
        for (name, param) in written.params {
            if !is_identifier(name.get_ref()) {
                let message = format!("`{}` is not a name for a parameter", name.get_ref());
                refuse(name.span().start, message, "Use lower-case letters, digits and `_`.");
            }
            if let Some(default) = param.default.as_ref().filter(|d| !param.kind.admits(d.get_ref())) {
                let message = format!(
                    "the default of `{}`: expected {}, found {}",
                    name.get_ref(),
                    param.kind.as_str(),
                    default.get_ref().kind()
                );
                refuse(default.span().start, message, "Make the default fit the type.");
            }
            let default = param.default.map(Spanned::into_inner);
            params.insert(name.into_inner(), Param { kind: param.kind, default, doc: param.doc });
        }
        let mut needs = Vec::new();
        for (name, resources) in written.needs {
            let start = name.span().start;
            let primitive = match name.get_ref().parse::<PrimitiveName>() {
                Ok(primitive) => primitive,
                Err(e) => {
                    refuse(
                        start,
                        e.to_string(),
                        "Name a primitive; `fabric list primitives` shows them all.",
                    );
                    continue;
                }
            };
            if resources.is_empty() {
                let message = format!("`{primitive}` is declared on no resource");
                refuse(start, message, "Name at least one resource, or remove the line.");
            }
            needs.extend(resources.into_iter().map(|resource| {
                let offset = self.in_script(resource.span().start);
                let line = source.get(..offset).map_or(0, |before| before.matches('\n').count()) + 1;
                Need { primitive: primitive.clone(), resource: resource.into_inner(), line }
            }));
        }
        if written.title.trim().is_empty() {
            refuse(0, "the title is empty".to_owned(), "Say in a few words what the script shows or does.");
        }
        if !errors.is_empty() {
            errors.sort();
            return Err(errors);
        }
        needs.sort_by_key(|need| need.line);
        Ok(Header { title: written.title, kind: written.kind, reach: written.reach, params, needs })
    }
}

fn is_opening(body: &str) -> bool {
    let mut words = body.split_whitespace();
    words.next() == Some("///") && words.next() == Some("fabric") && words.next().is_none()
}

/// Whether a name is safe as a variable in every script language.
fn is_identifier(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#!/usr/bin/env fabric\n// The DNS plane.\n\n// /// fabric\n// title = \"DNS\"\n// kind = \"acceptance\"\n\
        // reach = \"observe\"\n// [params.zone]\n// type = \"string\"\n// default = \"a.test\"\n// doc = \"The zone.\"\n\
        // [needs]\n// \"unit.state\" = [\n//   \"host:a/x\",\n//   \"host:b/x\",\n// ]\n// \"dns.query\" = [\"vip:dns\"]\n// ///\nprint(1);\n";

    fn first(source: &str) -> Diagnostic {
        let errors = parse("a.rhai", source).expect_err("a mistake was planted");
        errors.into_iter().next().expect("at least one")
    }

    #[test]
    fn a_declaration_is_read_with_the_lines_of_its_needs() {
        let header = parse("a.rhai", GOOD).expect("good");
        assert_eq!(
            (header.title.as_str(), header.kind, header.reach),
            ("DNS", ScriptKind::Acceptance, Class::Observe)
        );
        let needs: Vec<_> =
            header.needs.iter().map(|n| (n.primitive.as_str(), n.resource.as_str(), n.line)).collect();
        assert_eq!(
            needs,
            [("unit.state", "host:a/x", 14), ("unit.state", "host:b/x", 15), ("dns.query", "vip:dns", 17)]
        );
        assert_eq!(header.params.get("zone").and_then(|p| p.default.clone()), Some(Value::from("a.test")));
    }

    #[test]
    fn carriage_returns_change_nothing() {
        assert_eq!(parse("a.rhai", &GOOD.replace('\n', "\r\n")), parse("a.rhai", GOOD));
    }

    #[test]
    fn another_comment_prefix_is_a_parameter() {
        let lua = GOOD.replace("\n// ", "\n-- ");
        assert_eq!(parse_with("a.lua", &lua, "--"), parse("a.rhai", GOOD));
    }

    #[test]
    fn a_mistake_is_reported_at_its_place_in_the_script() {
        for (from, to, line, column, says) in [
            ("\"acceptance\"", "\"suite\"", 6, 11, "unknown variant `suite`"),
            ("title", "titel", 5, 4, "unknown field `titel`"),
            ("\"string\"", "\"float\"", 9, 11, "unknown variant `float`"),
            ("\"a.test\"", "7", 10, 14, "the default of `zone`: expected string, found integer"),
            ("\"dns.query\"", "\"dns query\"", 17, 4, "is not a primitive"),
            ("[\"vip:dns\"]", "[]", 17, 4, "on no resource"),
            ("\"DNS\"", "\"DNS", 5, 16, "string"),
            ("params.zone", "params.Zone", 8, 12, "is not a name"),
        ] {
            let found = first(&GOOD.replace(from, to));
            assert_eq!((found.line, found.column), (line, column), "{found}");
            assert!(found.message.contains(says) && found.hint.is_some(), "{found}");
        }
    }

    #[test]
    fn a_missing_or_open_block_is_reported() {
        assert!(first("let x = 1;\n// /// fabric\n// ///\n").message.contains("no declaration"));
        assert!(first("").message.contains("no declaration"));
        assert!(first("// /// fabric\n// title = \"x\"\n").message.contains("not closed"));
        let open = first("// /// fabric\n// title = \"x\"\nlet x = 1;\n");
        assert_eq!((open.line, open.message.contains("before the code")), (3, true));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        assert_eq!(first(&GOOD.replace("// reach", "// title = \"y\"\n// reach")).line, 7);
    }

    #[test]
    fn text_on_the_command_line_becomes_the_type() {
        assert_eq!(ParamKind::Integer.parse("7"), Some(Value::Int(7)));
        assert_eq!(ParamKind::Integer.parse("7.0"), None);
        assert_eq!(ParamKind::Boolean.parse("true"), Some(Value::Bool(true)));
    }
}
