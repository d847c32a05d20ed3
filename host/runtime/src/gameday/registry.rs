//! The registry of testcases: `gamedays/registry.toml`.

use std::collections::BTreeMap;

use fabric_model::exit::Exit;
use fabric_model::{Diagnostic, Slug};
use fabric_script::language::Language;
use serde::Deserialize;
use toml::Spanned;

use crate::refusal::Refusal;

/// The only version of registries so far.
const FORMAT: u32 = 1;

const HINT: &str = "docs/gamedays.md explains the keys.";

/// Every testcase that a contract can name.
#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    /// The testcases by name.
    pub testcases: BTreeMap<String, Testcase>,
    /// The file and its text, to show a line of it.
    file: String,
    text: String,
}

/// What a testcase stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Testcase {
    /// What running it does.
    pub mode: Limit<Mode>,
    /// The script, relative to the project's root; none where nothing runs it.
    pub script: Option<String>,
    /// The script's parameters, as on the command line. `front` names the VIP.
    pub params: BTreeMap<String, String>,
    /// The environments in which it may be run.
    pub environments: Limit<Vec<Slug>>,
    /// The types of consumers that it may be run for.
    pub consumers: Limit<Vec<String>>,
    /// The groups of VIPs that it may be run on.
    pub groups: Limit<Vec<Slug>>,
}

/// What the registry allows, and where it says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit<T> {
    /// What is allowed.
    pub allowed: T,
    /// The offset in the registry's text, in bytes.
    offset: usize,
}

/// What running a testcase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It changes things and takes them back.
    Gameday,
    /// It looks.
    ReadOnly,
    /// It destroys something: it has a name, and nothing runs it.
    Destructive,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: Spanned<u32>,
    testcases: BTreeMap<Spanned<String>, WrittenTestcase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTestcase {
    mode: Spanned<Mode>,
    script: Option<Spanned<String>>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    environments: Option<Spanned<Vec<Slug>>>,
    consumers: Option<Spanned<Vec<String>>>,
    groups: Option<Spanned<Vec<Slug>>>,
}

impl<T> Limit<T> {
    fn of(written: Spanned<T>) -> Self {
        Self { offset: written.span().start, allowed: written.into_inner() }
    }
}

impl<T> Limit<Vec<T>> {
    /// Nothing where nothing is written.
    fn or_nothing(written: Option<Spanned<Vec<T>>>) -> Self {
        written.map_or_else(|| Self { allowed: Vec::new(), offset: 0 }, Self::of)
    }
}

impl Registry {
    /// Reads a registry.
    ///
    /// # Errors
    /// Every error found, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            vec![Diagnostic::at(file, text, offset, message).hint(HINT)]
        })?;
        let mut errors = Vec::new();
        let mut refuse = |offset: usize, message: String| {
            errors.push(Diagnostic::at(file, text, offset, message).hint(HINT));
        };
        if *written.format.get_ref() != FORMAT {
            refuse(written.format.span().start, format!("the format of a registry is {FORMAT}"));
        }
        let mut testcases = BTreeMap::new();
        for (name, testcase) in written.testcases {
            for wrong in testcase.wrong() {
                let place = testcase.script.as_ref().filter(|_| wrong.about_script).map(Spanned::span);
                refuse(
                    place.unwrap_or_else(|| name.span()).start,
                    format!("testcase `{}` {}", name.get_ref(), wrong.what),
                );
            }
            testcases.insert(name.into_inner(), testcase.read());
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { testcases, file: file.to_owned(), text: text.to_owned() })
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// A refusal because of a limit, with the line that sets it and what to do about it.
    pub(super) fn refused<T>(
        &self,
        limit: &Limit<T>,
        message: String,
        says: &str,
        remedy: String,
    ) -> Refusal {
        let at = Diagnostic::at(&self.file, &self.text, limit.offset, says);
        Refusal { diagnostics: vec![at], ..Refusal::new(Exit::Denied, message) }.hint(remedy)
    }
}

/// What is wrong with a testcase.
struct Wrong {
    what: &'static str,
    about_script: bool,
}

impl WrittenTestcase {
    fn wrong(&self) -> Vec<Wrong> {
        let about = |what, about_script| Wrong { what, about_script };
        if *self.mode.get_ref() == Mode::Destructive {
            let named = self.script.is_some();
            return named.then(|| about("is destructive, so it has no script", true)).into_iter().collect();
        }
        let mut wrong = Vec::new();
        match &self.script {
            None => wrong.push(about("needs a `script`", false)),
            Some(script) if !is_in_gamedays(script.get_ref()) => {
                wrong.push(about("has a script that does not lie under gamedays/", true));
            }
            Some(_) => {}
        }
        if !self.params.contains_key("front") {
            wrong.push(about("needs the parameter `front`, the VIP that binds it to its targets", false));
        }
        if is_empty(&self.environments) || is_empty(&self.consumers) || is_empty(&self.groups) {
            wrong.push(about("is allowed nowhere: it needs `environments`, `consumers` and `groups`", false));
        }
        wrong
    }

    fn read(self) -> Testcase {
        let Self { mode, script, params, environments, consumers, groups } = self;
        Testcase {
            mode: Limit::of(mode),
            script: script.map(Spanned::into_inner),
            params,
            environments: Limit::or_nothing(environments),
            consumers: Limit::or_nothing(consumers),
            groups: Limit::or_nothing(groups),
        }
    }
}

fn is_empty<T>(written: &Option<Spanned<Vec<T>>>) -> bool {
    written.as_ref().is_none_or(|list| list.get_ref().is_empty())
}

/// A registry points at reviewed scripts of the project and nowhere else.
fn is_in_gamedays(script: &str) -> bool {
    let name = script.strip_prefix("gamedays/").and_then(|rest| rest.rsplit_once('.'));
    let named = name.filter(|(_, ending)| Language::ALL.iter().any(|l| l.ending() == *ending));
    named.is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "format = 1\n[testcases.a]\nmode = \"gameday\"\nscript = \"gamedays/x.rhai\"\n\
        params = { front = \"dns\" }\nenvironments = [\"lab\"]\nconsumers = [\"cache\"]\ngroups = [\"dns\"]\n\
        [testcases.b]\nmode = \"destructive\"\n";

    #[test]
    fn the_registry_of_the_project_is_sound() {
        let text = include_str!("../../../../gamedays/registry.toml");
        let registry = Registry::parse("gamedays/registry.toml", text).expect("sound");
        let names: Vec<&str> = registry.testcases.keys().map(String::as_str).collect();
        let expected = [
            "gameday:service-restart",
            "gameday:vip-failover",
            "node-loss",
            "service-restart",
            "storage-unavailable",
            "vip-failover",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn each_mistake_is_told_at_its_line() {
        assert!(Registry::parse("r.toml", GOOD).is_ok());
        for (from, to, line, says) in [
            ("format = 1", "format = 2", 1, "the format of a registry is 1"),
            ("mode = \"gameday\"", "mode = \"safe\"", 3, "unknown variant `safe`"),
            ("script = \"gamedays/x.rhai\"", "skript = \"x\"", 4, "unknown field `skript`"),
            ("script = \"gamedays/x.rhai\"\n", "", 2, "`a` needs a `script`"),
            ("gamedays/x.rhai", "gamedays/../x.rhai", 4, "does not lie under gamedays/"),
            ("front = \"dns\"", "back = \"dns\"", 2, "needs the parameter `front`"),
            ("groups = [\"dns\"]", "groups = []", 2, "is allowed nowhere"),
            (
                "mode = \"destructive\"",
                "mode = \"destructive\"\nscript = \"gamedays/x.rhai\"",
                11,
                "has no script",
            ),
        ] {
            let found = Registry::parse("r.toml", &GOOD.replace(from, to)).expect_err(to);
            let first = found.first().expect("one error");
            assert!(first.line == line && first.message.contains(says), "{to}: {first}");
        }
    }
}
