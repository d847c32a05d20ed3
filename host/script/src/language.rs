//! The languages in which scripts are written.

/// A script language. A script and all of its modules are of one language, told by the ending of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rhai, in files that end in `.rhai`.
    Rhai,
    /// Luau, in files that end in `.luau`.
    Luau,
}

impl Language {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Rhai, Self::Luau];

    /// The language of a file. What does not end in `.luau` is Rhai, and its parser says what is wrong with it.
    pub fn of(path: &str) -> Self {
        if path.ends_with(".luau") { Self::Luau } else { Self::Rhai }
    }

    /// The ending of its files, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Rhai => "rhai",
            Self::Luau => "luau",
        }
    }

    /// How a comment to the end of the line begins.
    pub fn comment(self) -> &'static str {
        match self {
            Self::Rhai => "//",
            Self::Luau => "--",
        }
    }

    /// How an import is written, for hints.
    pub(crate) fn import_example(self) -> &'static str {
        match self {
            Self::Rhai => "import \"lib/dns\" as lib;",
            Self::Luau => "local lib = require(\"lib/dns\")",
        }
    }
}
