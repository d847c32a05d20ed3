//! The functions that every script has beside the primitives: their page, and their part of the definitions for Luau's language server.
//! Both come from the catalogue of which both languages are made.

use std::fmt::Write as _;

use fabric_script::{CATALOGUE, Entry, SiteFunction, site_functions};

const HEAD: &str = "# Functions

What scripts have beside the primitives, in Rhai and in Luau alike. Generated from the catalogue of which both languages are made, whose
examples the tests run in both; `docs/scripting.md` explains how checks, steps and scopes go together.

Arguments are given in order. *Luau* is the type that `fabric docs --luau-definitions` gives an editor.
";

/// What can be read about: a function, or one of the namespace `site`.
pub(crate) enum Topic {
    Function(&'static Entry),
    Site(SiteFunction),
}

/// Every function, by name.
pub(crate) fn topics() -> Vec<Topic> {
    CATALOGUE.iter().map(Topic::Function).chain(site_functions().map(Topic::Site)).collect()
}

/// The function of a name.
pub(crate) fn find(name: &str) -> Option<Topic> {
    topics().into_iter().find(|topic| topic.name() == name)
}

impl Topic {
    /// As it is called, with the namespace that it has.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Function(entry) => entry.name.to_owned(),
            Self::Site(function) => format!("site.{}", function.name),
        }
    }

    pub(crate) fn summary(&self) -> &str {
        match self {
            Self::Function(entry) => entry.summary,
            Self::Site(function) => &function.summary,
        }
    }

    fn luau_type(&self) -> &'static str {
        match self {
            Self::Function(entry) => entry.luau_type,
            Self::Site(function) => function.luau_type,
        }
    }

    /// A use of it, in Rhai and in Luau.
    fn examples(&self) -> [String; 2] {
        match self {
            Self::Function(entry) => [entry.rhai.to_owned(), entry.luau.to_owned()],
            Self::Site(SiteFunction { name, argument, .. }) => match argument {
                Some("name") => ["::", "."].map(|path| format!("site{path}{name}(\"NAME\")")),
                Some(_) => [
                    format!("site::{name}(#{{ FIELD: \"VALUE\" }})"),
                    format!("site.{name}{{ FIELD = \"VALUE\" }}"),
                ],
                None => ["::", "."].map(|path| format!("site{path}{name}()")),
            },
        }
    }

    /// Its section of the page.
    pub(crate) fn section(&self) -> String {
        let [rhai, luau] = self.examples();
        let mut text = format!(
            "## `{}`\n\n{}\n\n```rhai\n{rhai}\n```\n\n```luau\n{luau}\n```\n",
            self.name(),
            self.summary()
        );
        if let Self::Function(entry) = self {
            text.push_str("\n| argument | kind |\n|---|---|\n");
            for parameter in entry.parameters {
                // Writing to a text does not fail.
                let _ = writeln!(text, "| `{}` | {} |", parameter.name, parameter.kind.word());
            }
        }
        let _ = writeln!(text, "\nLuau: `{}`", self.luau_type());
        text
    }
}

/// The page of all functions.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| function | what it does |\n|---|---|\n");
    for topic in topics() {
        let name = topic.name();
        let _ = writeln!(page, "| [`{name}`](#{}) | {} |", name.replace('.', ""), topic.summary());
    }
    for topic in topics() {
        let _ = write!(page, "\n{}", topic.section());
    }
    page
}

/// What Luau's language server reads of them.
pub(crate) fn definitions() -> String {
    /// What the language itself declares.
    const BUILT_IN: &str = "print";
    let mut text = String::new();
    for entry in CATALOGUE.iter().filter(|entry| entry.name != BUILT_IN) {
        let _ = write!(text, "\n--- {}\ndeclare {}: {}\n", entry.summary, entry.name, entry.luau_type);
    }
    text.push_str("\n--- What the site file says, as plain data.\ndeclare site: {\n");
    for SiteFunction { name, summary, luau_type, .. } in site_functions() {
        let _ = write!(text, "\t--- {summary}\n\t{name}: {luau_type},\n");
    }
    text.push_str("}\n");
    text
}
