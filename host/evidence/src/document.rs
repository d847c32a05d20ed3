//! Documents that a script put into its packet: a snapshot's metadata, a checklist, a timeline.
//!
//! Each is one file under [`FOLDER`] and one event of the journal with its digest. Nothing else lies there, so that nobody adds a
//! document to a sealed run, and none goes unread.

use std::collections::BTreeSet;

use fabric_model::{Digest, Value};

use crate::canonical;
use crate::exact;
use crate::manifest;

/// Where documents lie in a packet.
pub const FOLDER: &str = "artifacts/documents/";

/// The most documents of one packet. The largest standard packet has one for each collector and host.
pub const COUNT_LIMIT: usize = 256;

/// The largest document, in bytes. The list of packages of a full host has 100 KiB.
pub const SIZE_LIMIT: usize = 1 << 20;

/// The longest name, in bytes.
const NAME_LIMIT: usize = 128;

/// The endings of documents that are text as they stand, and what they are.
const TEXTS: [(&str, &str); 4] =
    [(".csv", "text/csv"), (".md", "text/markdown"), (".sha256", "text/plain"), (".txt", "text/plain")];

/// Why a document cannot be put into a packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its name is none of a document.
    #[error(
        "`{0}` is not the name of a document: lower-case letters, digits, `._-` and `/`, and .json, .csv, .md, .sha256 or .txt at its end"
    )]
    Name(String),
    /// There is one of this name.
    #[error("the packet has a document `{0}` already")]
    Twice(String),
    /// There are too many.
    #[error("a packet has at most {COUNT_LIMIT} documents")]
    TooMany,
    /// It is too large.
    #[error("a document has at most {SIZE_LIMIT} bytes, and `{0}` has more")]
    TooLarge(String),
    /// Its content is not text although its name says so.
    #[error("the content of `{0}` is not text; only a document that ends in .json holds other values")]
    Content(String),
}

/// The documents that a packet has so far.
#[derive(Debug, Default)]
pub struct Documents(BTreeSet<String>);

impl Documents {
    /// The path and the bytes of a document. A `.json` document is the canonical JSON of its content with a line end, written like
    /// all script values; any other is text as it stands.
    ///
    /// # Errors
    /// When the packet cannot have it. Then it has not been taken notice of.
    pub fn admit(&mut self, name: &str, content: &Value) -> Result<(String, Vec<u8>), Unfit> {
        let path = path(name).ok_or_else(|| Unfit::Name(name.chars().take(NAME_LIMIT).collect()))?;
        if self.0.contains(&path) {
            return Err(Unfit::Twice(name.to_owned()));
        }
        if self.0.len() >= COUNT_LIMIT {
            return Err(Unfit::TooMany);
        }
        let bytes = render(name, content).ok_or_else(|| Unfit::Content(name.to_owned()))?;
        if bytes.len() > SIZE_LIMIT {
            return Err(Unfit::TooLarge(name.to_owned()));
        }
        self.0.insert(path.clone());
        Ok((path, bytes))
    }
}

/// Where a document of this name lies; none where it is no name. A part never begins with a dot.
fn path(name: &str) -> Option<String> {
    let path = format!("{FOLDER}{name}");
    let ending = name.ends_with(".json") || TEXTS.iter().any(|(ending, _)| name.ends_with(ending));
    let hidden = name.split('/').any(|part| part.starts_with('.'));
    let fits = ending && !hidden && name.len() <= NAME_LIMIT && manifest::path_fault(&path).is_none();
    fits.then_some(path)
}

fn render(name: &str, content: &Value) -> Option<Vec<u8>> {
    match content {
        Value::Text(text) if !name.ends_with(".json") => Some(text.clone().into_bytes()),
        value if name.ends_with(".json") => {
            let mut bytes = canonical::bytes(&exact::encode(value)).ok()?;
            bytes.push(b'\n');
            Some(bytes)
        }
        _ => None,
    }
}

/// The name that the script gave to a document, and its media type (RFC 6838), which follows from that name's ending.
pub(crate) fn told(artifact: &str) -> (&str, &'static str) {
    let name = artifact.strip_prefix(FOLDER).unwrap_or(artifact);
    let text = TEXTS.iter().find(|(ending, _)| name.ends_with(ending));
    (name, text.map_or("application/json", |(_, media_type)| media_type))
}

/// What is wrong with the documents of a packet: those that the journal names, in its order, against those that lie there. With the
/// path that it is about.
pub(crate) fn faults<'a>(
    named: &[(&'a str, Digest)],
    lying: impl Iterator<Item = &'a str>,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (path, digest) in named {
        let is_document = path.strip_prefix(FOLDER).is_some_and(|name| self::path(name).is_some());
        if !is_document {
            found.push(((*path).to_owned(), "it is not where documents lie"));
        } else if !known.insert(*path) {
            found.push(((*path).to_owned(), "the journal names it twice"));
        } else if read(path).is_some_and(|bytes| Digest::of(&bytes) != *digest) {
            found.push(((*path).to_owned(), "it is not the document whose digest stands in the journal"));
        }
    }
    let unnamed = lying.filter(|path| path.starts_with(FOLDER) && !known.contains(path));
    found.extend(unnamed.map(|path| (path.to_owned(), "the journal does not name it")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_canonical_json_or_the_text_that_it_was() {
        let mut documents = Documents::default();
        let value = Value::table([("b", 1_i64.into()), ("a", Value::Float(1.0))]);
        let (path, bytes) = documents.admit("hosts/metadata.json", &value).expect("fits");
        assert_eq!(path, "artifacts/documents/hosts/metadata.json");
        assert_eq!(bytes, b"{\"a\":{\"$float\":\"1.0\"},\"b\":1}\n");
        let (_, bytes) = documents.admit("a.md", &"# A\nb".into()).expect("fits");
        assert_eq!(bytes, b"# A\nb");
    }

    #[test]
    fn what_no_packet_can_have_is_refused() {
        let mut documents = Documents::default();
        for name in
            ["", "a", "a.html", "A.json", "../a.json", "/a.json", "a//b.json", ".json", "x/.a.md", "a b.txt"]
        {
            assert_eq!(documents.admit(name, &Value::Null), Err(Unfit::Name(name.to_owned())), "{name}");
        }
        assert!(documents.admit(&format!("{}.json", "a".repeat(124)), &Value::Null).is_err());
        assert_eq!(documents.admit("a.md", &Value::Int(1)), Err(Unfit::Content("a.md".to_owned())));
        let long = Value::Text("x".repeat(SIZE_LIMIT + 1));
        assert_eq!(documents.admit("a.md", &long), Err(Unfit::TooLarge("a.md".to_owned())));
        assert!(documents.admit("a.json", &Value::Null).is_ok());
        assert_eq!(documents.admit("a.json", &Value::Null), Err(Unfit::Twice("a.json".to_owned())));
        for number in 1..COUNT_LIMIT {
            assert!(documents.admit(&format!("{number}.txt"), &"".into()).is_ok());
        }
        assert_eq!(documents.admit("z.txt", &"".into()), Err(Unfit::TooMany));
    }

    #[test]
    fn what_lies_there_and_what_is_named_is_the_same() {
        let digest = Digest::of(b"x");
        let named = ["artifacts/documents/a.txt", "artifacts/documents/a.txt", "artifacts/plan.json"];
        let named: Vec<_> = named.iter().map(|path| (*path, digest)).collect();
        let lying = ["artifacts/documents/a.txt", "artifacts/documents/b.txt", "artifacts/c.txt"];
        let found = faults(&named, lying.into_iter(), |_| Some(b"x".to_vec()));
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["artifacts/documents/a.txt", "artifacts/plan.json", "artifacts/documents/b.txt"]);
        assert_eq!(faults(&named[..1], lying[..1].iter().copied(), |_| Some(b"y".to_vec())).len(), 1);
        assert_eq!(faults(&named[..1], lying[..1].iter().copied(), |_| Some(b"x".to_vec())), []);
    }
}
