//! `manifest.sha256`: every file of the sealed core with its digest, as `sha256sum -c` reads it. What is signed is this file.

use std::collections::BTreeMap;
use std::fmt;

use fabric_model::Digest;

/// The name of the manifest in a packet.
pub const NAME: &str = "manifest.sha256";

/// The files that every packet has.
pub const REQUIRED: [&str; 5] = ["checks.json", "journal.jsonl", "report.html", "report.md", "run.json"];

/// The folder of further files, such as answers too long for the journal.
pub const ARTIFACTS: &str = "artifacts/";

/// The folder of signatures.
pub const SIGNATURES: &str = "signatures/";

/// The in-toto statement, a sidecar.
pub const STATEMENT: &str = "statement.dsse.json";

/// The files of a sealed core by relative path, sorted bytewise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<String, Digest>,
}

/// Why a line of a manifest, or the whole, is refused. [`Refused::class`] is stable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The line, counted from 1; 0 for the whole.
    pub line: usize,
    /// A stable word.
    pub class: &'static str,
    /// What is wrong.
    pub message: String,
}

/// Why a path cannot stand in a packet, as the class of the finding.
pub(crate) fn path_fault(path: &str) -> Option<&'static str> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-');
    if path.starts_with('/') {
        Some("manifest.absolute_path")
    } else if path.split('/').any(|part| part == "..") {
        Some("manifest.leaving_path")
    } else if !path.bytes().all(allowed) || path.split('/').any(|part| part.is_empty() || part == ".") {
        Some("manifest.path_form")
    } else {
        None
    }
}

/// Whether the sealed core of format 1 has a file of this name.
pub(crate) fn is_core(path: &str) -> bool {
    REQUIRED.contains(&path) || path.starts_with(ARTIFACTS)
}

impl Manifest {
    /// Adds a file. The path must be one that a packet may have.
    ///
    /// # Errors
    /// The class of the finding that a verifier would report.
    pub fn insert(&mut self, path: &str, digest: Digest) -> Result<(), &'static str> {
        if let Some(class) = path_fault(path) {
            return Err(class);
        }
        if !is_core(path) {
            return Err("manifest.unknown_file");
        }
        match self.files.insert(path.to_owned(), digest) {
            Some(_) => Err("manifest.duplicate"),
            None => Ok(()),
        }
    }

    /// The files, sorted.
    pub fn files(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.files.iter().map(|(path, digest)| (path.as_str(), *digest))
    }

    /// The digest of a file.
    pub fn get(&self, path: &str) -> Option<Digest> {
        self.files.get(path).copied()
    }

    /// Reads a manifest, and nothing but the one spelling of it.
    ///
    /// # Errors
    /// Every line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Refused>> {
        let whole = |class, message: &str| vec![Refused { line: 0, class, message: message.to_owned() }];
        if bytes.is_empty() {
            return Err(whole("manifest.empty", "the manifest is empty"));
        }
        if bytes.contains(&b'\r') {
            return Err(whole("manifest.line_end", "the manifest holds a carriage return"));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(whole("manifest.line_form", "the manifest is not text"));
        };
        let Some(text) = text.strip_suffix('\n') else {
            return Err(whole("manifest.line_end", "the last line has no line end"));
        };
        let mut manifest = Self::default();
        let mut refused = Vec::new();
        let mut before = "";
        for (index, line) in text.split('\n').enumerate() {
            let mut refuse =
                |class, message: String| refused.push(Refused { line: index + 1, class, message });
            let parsed = line.split_once("  ").and_then(|(hex, path)| Some((hex.parse().ok()?, path)));
            let Some((digest, path)) = parsed else {
                refuse(
                    "manifest.line_form",
                    "a line is 64 lower-case hexadecimal digits, two spaces, a path".to_owned(),
                );
                continue;
            };
            if let Some(twin) = manifest.twin(path) {
                refuse("manifest.case_twin", format!("`{path}` differs from `{twin}` in case alone"));
            }
            match manifest.insert(path, digest) {
                Ok(()) if before > path => {
                    refuse("manifest.order", format!("`{path}` is not in bytewise order"))
                }
                Ok(()) => {}
                Err(class) => refuse(class, format!("`{}` cannot stand here", path.escape_debug())),
            }
            before = path;
        }
        for path in REQUIRED.into_iter().filter(|path| manifest.get(path).is_none()) {
            refused.push(Refused {
                line: 0,
                class: "manifest.incomplete",
                message: format!("`{path}` is not listed"),
            });
        }
        if refused.is_empty() { Ok(manifest) } else { Err(refused) }
    }

    fn twin(&self, path: &str) -> Option<&str> {
        // What is known is in lower case already.
        let folded = Some(path.to_lowercase()).filter(|folded| folded != path)?;
        let (known, _) = self.files.get_key_value(&folded)?;
        (known != path).then_some(known)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|(path, digest)| writeln!(f, "{digest}  {path}"))
    }
}
