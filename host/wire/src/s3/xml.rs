//! The XML of answers as a small tree, within limits. A document type or an entity of its own is refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::WireError;

/// How deep elements of an answer may lie in each other: `ListBucketResult/Contents/Owner/ID` is 4.
const DEPTH_LIMIT: usize = 8;

/// The most elements of one answer: a page of 1,000 versions has some ten each.
const ELEMENT_LIMIT: usize = 30_000;

/// An element: its name without prefix, the text in it, and the elements in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The elements of this name in it.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of this name in it.
    pub(super) fn child<'a>(&'a self, name: &'a str) -> Option<&'a Self> {
        self.all(name).next()
    }

    /// The text of the first element of this name in it, where that is not empty.
    pub(super) fn text_of<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// Reads a whole document.
///
/// # Errors
/// [`WireError::Garbage`] for anything that is not one well-formed document of UTF-8 without a document type;
/// [`WireError::TooMany`] beyond the limits.
pub(super) fn parse(bytes: &[u8]) -> Result<Element, WireError> {
    let text = std::str::from_utf8(bytes).map_err(|_| garbage("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0_usize;
    loop {
        match reader.read_event().map_err(garbage)? {
            Event::Start(start) => {
                count += 1;
                if count > ELEMENT_LIMIT || open.len() >= DEPTH_LIMIT {
                    return Err(WireError::TooMany { items: "elements", limit: ELEMENT_LIMIT });
                }
                open.push(named(&start));
            }
            Event::Empty(empty) => {
                count += 1;
                if count > ELEMENT_LIMIT {
                    return Err(WireError::TooMany { items: "elements", limit: ELEMENT_LIMIT });
                }
                close(named(&empty), &mut open, &mut root)?;
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| garbage("an element ends that did not begin"))?;
                close(done, &mut open, &mut root)?;
            }
            Event::Text(text) => {
                let text = text.decode().map_err(garbage)?;
                add(&text, &mut open)?;
            }
            Event::CData(text) => {
                let text = text.decode().map_err(garbage)?;
                add(&text, &mut open)?;
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(garbage)?;
                let plain = match reference.resolve_char_ref().map_err(garbage)? {
                    Some(character) => character,
                    None => predefined(&name).ok_or_else(|| garbage("it has an entity of its own"))?,
                };
                add(plain.encode_utf8(&mut [0; 4]), &mut open)?;
            }
            Event::DocType(_) => return Err(garbage("it has a document type")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match (open.is_empty(), root) {
        (true, Some(root)) => Ok(root),
        _ => Err(garbage("it breaks off")),
    }
}

fn named(start: &BytesStart<'_>) -> Element {
    Element { name: String::from_utf8_lossy(start.local_name().as_ref()).into_owned(), ..Element::default() }
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), WireError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None if root.is_none() => *root = Some(done),
        None => return Err(garbage("it holds more than one document")),
    }
    Ok(())
}

fn add(text: &str, open: &mut [Element]) -> Result<(), WireError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(garbage("it has text outside of elements")),
    }
    Ok(())
}

/// The entities that every document has (XML 1.0, 4.6).
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn garbage(why: impl std::fmt::Display) -> WireError {
    WireError::Garbage(crate::error::printable(&format!("S3's XML: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_by_name_with_their_entities() {
        let text = "<?xml version=\"1.0\"?>\n<a xmlns=\"http://s3/\"><b>x &amp; &#x41;&lt;</b><b/><c><d>1</d></c></a>\n";
        let read = parse(text.as_bytes()).expect("a document");
        assert_eq!((read.name.as_str(), read.text_of("b")), ("a", Some("x & A<")));
        assert_eq!(read.all("b").count(), 2);
        assert_eq!(read.child("c").and_then(|c| c.text_of("d")), Some("1"));
    }

    #[test]
    fn what_is_no_plain_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(DEPTH_LIMIT + 1), "</a>".repeat(DEPTH_LIMIT + 1));
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENT_LIMIT));
        for bad in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&own;</a>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
            &deep,
            &wide,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{}", bad.chars().take(40).collect::<String>());
        }
        assert!(parse(b"<a>\xff</a>").is_err());
    }
}
