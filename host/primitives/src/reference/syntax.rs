//! Values and calls as a script language writes them.

use fabric_model::{PrimitiveName, Value};

/// A script language, as far as writing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `dns::query(#{ name: "a" })`
    Rhai,
    /// `dns.query{ name = "a" }`
    Luau,
}

impl Syntax {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Rhai, Self::Luau];

    /// What Markdown calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rhai => "rhai",
            Self::Luau => "luau",
        }
    }

    /// Words that cannot stand as a bare key of a table.
    fn keywords(self) -> &'static [&'static str] {
        match self {
            // Those that it keeps for later included.
            Self::Rhai => &[
                "as",
                "async",
                "await",
                "break",
                "case",
                "catch",
                "const",
                "continue",
                "default",
                "do",
                "else",
                "exit",
                "export",
                "false",
                "fn",
                "for",
                "global",
                "go",
                "goto",
                "if",
                "import",
                "in",
                "is",
                "let",
                "loop",
                "match",
                "module",
                "new",
                "nil",
                "null",
                "package",
                "private",
                "protected",
                "public",
                "return",
                "shared",
                "spawn",
                "static",
                "super",
                "switch",
                "sync",
                "this",
                "thread",
                "throw",
                "true",
                "try",
                "until",
                "use",
                "var",
                "void",
                "while",
                "with",
                "yield",
            ],
            Self::Luau => &[
                "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in",
                "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
            ],
        }
    }
}

/// A call of a primitive with named arguments, in this order.
pub fn call<'a>(
    syntax: Syntax,
    primitive: &PrimitiveName,
    arguments: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> String {
    let table = table(syntax, arguments);
    let (area, verb) = (primitive.area(), primitive.verb());
    match syntax {
        Syntax::Rhai => format!("{area}::{verb}({table})"),
        Syntax::Luau => format!("{area}.{verb}{table}"),
    }
}

/// A value as it stands in a script.
pub fn literal(syntax: Syntax, value: &Value) -> String {
    match value {
        Value::Null => match syntax {
            Syntax::Rhai => "()".to_owned(),
            Syntax::Luau => "nil".to_owned(),
        },
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        // With a point also where it is whole, or Rhai would read an integer.
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => quoted(syntax, text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| literal(syntax, item)).collect();
            match syntax {
                Syntax::Rhai => format!("[{}]", items.join(", ")),
                Syntax::Luau => format!("{{{}}}", items.join(", ")),
            }
        }
        Value::Map(entries) => table(syntax, entries.iter().map(|(name, value)| (name.as_str(), value))),
    }
}

fn table<'a>(syntax: Syntax, entries: impl IntoIterator<Item = (&'a str, &'a Value)>) -> String {
    let fields: Vec<String> = entries
        .into_iter()
        .map(|(name, value)| {
            let (key, value) = (key(syntax, name), literal(syntax, value));
            match syntax {
                Syntax::Rhai => format!("{key}: {value}"),
                Syntax::Luau => format!("{key} = {value}"),
            }
        })
        .collect();
    let open = match syntax {
        Syntax::Rhai => "#{",
        Syntax::Luau => "{",
    };
    if fields.is_empty() { format!("{open}}}") } else { format!("{open} {} }}", fields.join(", ")) }
}

pub(super) fn key(syntax: Syntax, name: &str) -> String {
    let is_word = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match (is_word && !syntax.keywords().contains(&name), syntax) {
        (true, _) => name.to_owned(),
        (false, Syntax::Rhai) => quoted(syntax, name),
        (false, Syntax::Luau) => format!("[{}]", quoted(syntax, name)),
    }
}

/// A text in quotes. Both languages know these escapes, and differ in how they write a character by its number.
fn quoted(syntax: Syntax, text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&match syntax {
                Syntax::Rhai => format!("\\u{:04x}", u32::from(control)),
                Syntax::Luau => format!("\\u{{{:x}}}", u32::from(control)),
            }),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_each_language_reads_it() {
        let value = Value::table([
            ("a-b", Value::Float(2.0)),
            ("end", Value::List(vec![Value::Null, true.into(), Value::Int(-1)])),
            ("x", Value::Map(std::collections::BTreeMap::new())),
            ("y", "a\"\\\n\u{1b}".into()),
        ]);
        assert_eq!(
            literal(Syntax::Rhai, &value),
            "#{ \"a-b\": 2.0, end: [(), true, -1], x: #{}, y: \"a\\\"\\\\\\n\\u001b\" }"
        );
        assert_eq!(
            literal(Syntax::Luau, &value),
            "{ [\"a-b\"] = 2.0, [\"end\"] = {nil, true, -1}, x = {}, y = \"a\\\"\\\\\\n\\u{1b}\" }"
        );
        let name = "dns.query".parse().expect("a name");
        assert_eq!(call(Syntax::Luau, &name, [("a", &Value::Int(1))]), "dns.query{ a = 1 }");
        assert_eq!(call(Syntax::Rhai, &name, [("a", &Value::Int(1))]), "dns::query(#{ a: 1 })");
    }
}
