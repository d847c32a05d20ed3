//! One attack: a folder with a script in one language or both, and what must come of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fabric_twin::TwinFault;
use serde::Deserialize;

/// A language of scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rhai,
    Luau,
}

impl Language {
    /// The ending of its files.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Rhai => "rhai",
            Self::Luau => "luau",
        }
    }
}

/// One folder of the corpus.
#[derive(Clone, Debug)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) expect: Expect,
}

/// `expect.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// What it tries, in one line.
    pub(crate) what: String,
    /// How it ends: `denied`, `script fault`, `limit`, `aborted`, or `refused` before it begins.
    pub(crate) outcome: String,
    /// More words for the command line.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// The requests that it may make, as the counter writes them.
    #[serde(default)]
    pub(crate) contacts: Vec<String>,
    /// Whether nothing that it prints may be seen.
    #[serde(default)]
    pub(crate) silent: bool,
    /// Whether checks of it may pass.
    #[serde(default)]
    pub(crate) passes: bool,
    /// Whether its lines end as on another system.
    #[serde(default)]
    pub(crate) carriage_returns: bool,
    pub(crate) rhai: Option<End>,
    pub(crate) luau: Option<End>,
    /// Links of the project: what they are called, without ending, and where they lead.
    #[serde(default)]
    pub(crate) links: BTreeMap<String, String>,
    /// What stands for `@NAME@` in the scripts: they would be too long to read.
    #[serde(default)]
    pub(crate) marks: BTreeMap<String, Mark>,
    pub(crate) series: Option<Series>,
    /// What is planted in the twin.
    #[serde(default)]
    pub(crate) faults: Vec<TwinFault>,
}

/// How it ends in one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    /// The outcome, where it is another than in the other language.
    pub(crate) outcome: Option<String>,
    /// The exit code.
    pub(crate) code: i32,
    /// What is said of it.
    pub(crate) says: String,
    /// Whether it has a packet: not where it is refused before it begins.
    #[serde(default = "yes")]
    pub(crate) packet: bool,
}

/// A text, many times over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    pub(crate) text: String,
    /// The text in Luau, where it is another.
    pub(crate) luau: Option<String>,
    pub(crate) times: usize,
}

/// Modules whose names end in a number, counted from 0; `NEXT` in their texts is the number of the next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Series {
    pub(crate) module: String,
    pub(crate) times: usize,
    pub(crate) rhai: String,
    pub(crate) luau: String,
}

fn yes() -> bool {
    true
}

/// The folder of the corpus.
pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile")
}

/// Every attack, by name.
pub(crate) fn all() -> Vec<Attack> {
    let entries = fs::read_dir(corpus().join("scripts")).expect("the corpus is there");
    let mut attacks: Vec<Attack> = entries.map(|entry| read(&entry.expect("an entry").path())).collect();
    attacks.sort_by(|a, b| a.name.cmp(&b.name));
    attacks
}

/// The attack and the language that the name of its script says, as in `eval.rhai`.
pub(crate) fn named(script: &str) -> Option<(Attack, Language)> {
    let (name, ending) = script.rsplit_once('.')?;
    let attack = all().into_iter().find(|attack| attack.name == name)?;
    let language = attack.languages().into_iter().find(|language| language.ending() == ending)?;
    Some((attack, language))
}

fn read(folder: &Path) -> Attack {
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(folder.join("expect.toml")).expect("each attack has an expectation");
    let expect: Expect = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!expect.what.is_empty(), "{name} does not say what it tries");
    for (language, end) in [(Language::Rhai, &expect.rhai), (Language::Luau, &expect.luau)] {
        let script = folder.join(format!("attack.{}", language.ending()));
        assert_eq!(script.exists(), end.is_some(), "{name}: a script and its end belong together");
    }
    Attack { name, folder: folder.to_owned(), expect }
}

impl Attack {
    /// The languages that it is written in.
    pub(crate) fn languages(&self) -> Vec<Language> {
        let both = [(Language::Rhai, &self.expect.rhai), (Language::Luau, &self.expect.luau)];
        both.into_iter().filter(|(_, end)| end.is_some()).map(|(language, _)| language).collect()
    }

    /// How it ends in a language.
    pub(crate) fn end(&self, language: Language) -> &End {
        let end = match language {
            Language::Rhai => &self.expect.rhai,
            Language::Luau => &self.expect.luau,
        };
        end.as_ref().expect("only languages that it has are asked for")
    }

    /// What comes of it in a language.
    pub(crate) fn outcome(&self, language: Language) -> &str {
        self.end(language).outcome.as_ref().unwrap_or(&self.expect.outcome)
    }

    /// The bytes of its script, with everything that stands for marks.
    pub(crate) fn script(&self, language: Language) -> Vec<u8> {
        let mut script =
            fs::read(self.folder.join(format!("attack.{}", language.ending()))).expect("checked before");
        for (name, mark) in &self.expect.marks {
            let text = mark.luau.as_ref().filter(|_| language == Language::Luau).unwrap_or(&mark.text);
            script = replaced(&script, format!("@{name}@").as_bytes(), text.repeat(mark.times).as_bytes());
        }
        if self.expect.carriage_returns { replaced(&script, b"\n", b"\r\n") } else { script }
    }
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    all.extend_from_slice(rest);
    all
}
