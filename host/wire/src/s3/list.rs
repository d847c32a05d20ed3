//! Listings, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{document, etag, garbage};
use super::client::{Asked, Client};
use super::xml::Element;
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::Response;

/// The most entries that one listing may ask for.
pub const LISTING_LIMIT: u32 = 10_000;

/// The most entries of a page; servers give no more, whatever they are asked for.
const PAGE: u32 = 1_000;

/// What is listed, and whether there is more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listing<T> {
    /// The entries, in the server's order.
    pub entries: Vec<T>,
    /// Whether there are more than the limit that was asked for.
    pub truncated: bool,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectEntry {
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// The entity tag, without its quotes.
    pub etag: String,
    /// When it was last written, as the server says.
    pub modified: String,
}

/// One version of an object, or a mark that it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionEntry {
    /// The key.
    pub key: String,
    /// The version's id; `null` for what was written before the bucket had versions.
    pub version: String,
    /// Whether it is what a plain read finds.
    pub latest: bool,
    /// Whether it only marks that the object was deleted.
    pub deleted: bool,
    /// The size in bytes; none for a mark.
    pub size: Option<u64>,
    /// The entity tag, without its quotes; none for a mark.
    pub etag: Option<String>,
    /// When it was written, as the server says.
    pub modified: String,
}

impl Client {
    /// Lists the objects whose keys begin with `prefix`: GET /BUCKET?list-type=2, page by page. Needs s3:ListBucket.
    ///
    /// # Errors
    /// As [`Client`]'s reads; [`WireError::Garbage`] for a server that does not come on from page to page.
    pub async fn objects(
        &self,
        bucket: &str,
        prefix: &str,
        limit: u32,
        deadline: Deadline,
    ) -> Result<Listing<ObjectEntry>, WireError> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = page(limit, entries.len());
            let mut query =
                vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix), ("max-keys", &page)];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let asked = Asked { bucket: Some(bucket), query: &query, ..Asked::default() };
            let page = objects(&self.get(asked, deadline).await?)?;
            entries.extend(page.entries);
            match reached(&mut entries, limit, page.more) {
                Some(truncated) => return Ok(Listing { entries, truncated }),
                None => token = Some(onward(token, page.next)?),
            }
        }
    }

    /// Lists the versions of the objects whose keys begin with `prefix`: GET /BUCKET?versions, page by page. Needs
    /// s3:ListBucketVersions.
    ///
    /// # Errors
    /// As [`Self::objects`].
    pub async fn versions(
        &self,
        bucket: &str,
        prefix: &str,
        limit: u32,
        deadline: Deadline,
    ) -> Result<Listing<VersionEntry>, WireError> {
        let mut entries = Vec::new();
        let mut after: Option<(String, String)> = None;
        loop {
            let page = page(limit, entries.len());
            let mut query =
                vec![("versions", ""), ("encoding-type", "url"), ("prefix", prefix), ("max-keys", &page)];
            if let Some((key, version)) = &after {
                query.push(("key-marker", key));
                query.push(("version-id-marker", version));
            }
            let asked = Asked { bucket: Some(bucket), query: &query, ..Asked::default() };
            let page = versions(&self.get(asked, deadline).await?)?;
            entries.extend(page.entries);
            match reached(&mut entries, limit, page.more) {
                Some(truncated) => return Ok(Listing { entries, truncated }),
                None => after = Some(onward(after, page.next)?),
            }
        }
    }
}

/// One page of a listing.
#[derive(Debug)]
pub(super) struct Page<T, N> {
    entries: Vec<T>,
    /// Whether there are more pages.
    more: bool,
    /// By what the next one is asked for.
    next: Option<N>,
}

/// A page of objects.
pub(super) fn objects(response: &Response) -> Result<Page<ObjectEntry, String>, WireError> {
    let read = document(response, "ListBucketResult")?;
    let encoding = Encoding::of(&read);
    let entries = read.all("Contents").map(|found| object(found, encoding)).collect::<Result<_, _>>()?;
    let next = read.text_of("NextContinuationToken").map(str::to_owned);
    Ok(Page { entries, more: is_truncated(&read), next })
}

/// A page of versions.
pub(super) fn versions(response: &Response) -> Result<Page<VersionEntry, (String, String)>, WireError> {
    let read = document(response, "ListVersionsResult")?;
    let encoding = Encoding::of(&read);
    let mut entries = Vec::new();
    for found in &read.children {
        match found.name.as_str() {
            "Version" => entries.push(version(found, encoding, false)?),
            "DeleteMarker" => entries.push(version(found, encoding, true)?),
            _ => {}
        }
    }
    let id = read.text_of("NextVersionIdMarker").unwrap_or_default();
    let key = read.text_of("NextKeyMarker").map(|key| encoding.decode(key)).transpose()?;
    Ok(Page { entries, more: is_truncated(&read), next: key.map(|key| (key, id.to_owned())) })
}

fn page(limit: u32, have: usize) -> String {
    let left = limit.saturating_sub(u32::try_from(have).unwrap_or(u32::MAX));
    left.clamp(1, PAGE).to_string()
}

/// Whether the listing is done, and then whether there is more.
fn reached<T>(entries: &mut Vec<T>, limit: u32, more: bool) -> Option<bool> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let over = entries.len() > limit;
    entries.truncate(limit);
    (over || !more || entries.len() == limit).then_some(over || more)
}

/// By what the next page is asked for, which is not what the last one was asked for.
fn onward<N: PartialEq>(last: Option<N>, next: Option<N>) -> Result<N, WireError> {
    let same = last == next;
    next.filter(|_| !same).ok_or_else(|| garbage("a page of a listing that does not come on"))
}

fn is_truncated(read: &Element) -> bool {
    read.text_of("IsTruncated") == Some("true")
}

/// How keys stand in a listing.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// What the server says that it did, whatever it was asked for.
    fn of(read: &Element) -> Self {
        match read.text_of("EncodingType") {
            Some("url") => Self::Url,
            _ => Self::Plain,
        }
    }

    fn decode(self, text: &str) -> Result<String, WireError> {
        match self {
            Self::Plain => Ok(text.to_owned()),
            Self::Url => decoded(text).ok_or_else(|| garbage("a key that is not percent-encoded UTF-8")),
        }
    }
}

/// A percent-encoded key, in which some servers write a space as `+`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn object(found: &Element, encoding: Encoding) -> Result<ObjectEntry, WireError> {
    Ok(ObjectEntry {
        key: key(found, encoding)?,
        size: size(found)?,
        etag: etag(found.text_of("ETag"))?,
        modified: found.text_of("LastModified").unwrap_or_default().to_owned(),
    })
}

fn version(found: &Element, encoding: Encoding, deleted: bool) -> Result<VersionEntry, WireError> {
    Ok(VersionEntry {
        key: key(found, encoding)?,
        version: found.text_of("VersionId").ok_or_else(|| garbage("a version without an id"))?.to_owned(),
        latest: found.text_of("IsLatest") == Some("true"),
        deleted,
        size: if deleted { None } else { Some(size(found)?) },
        etag: if deleted { None } else { Some(etag(found.text_of("ETag"))?) },
        modified: found.text_of("LastModified").unwrap_or_default().to_owned(),
    })
}

fn key(found: &Element, encoding: Encoding) -> Result<String, WireError> {
    encoding.decode(found.text_of("Key").ok_or_else(|| garbage("an object without a key"))?)
}

fn size(found: &Element) -> Result<u64, WireError> {
    let size = found.text_of("Size").and_then(|size| size.parse().ok());
    size.ok_or_else(|| garbage("an object without a size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_however_the_server_writes_a_space() {
        assert_eq!(decoded("a+b%2Bc%20d/%C3%A4").as_deref(), Some("a b+c d/ä"));
        for bad in ["%", "%4", "%zz", "%C3"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_listing_ends_at_its_limit_and_says_so() {
        assert_eq!(reached(&mut vec![1, 2], 2, true), Some(true));
        assert_eq!(reached(&mut vec![1, 2], 2, false), Some(false));
        assert_eq!(reached(&mut vec![1, 2, 3], 2, false), Some(true));
        assert_eq!(reached(&mut vec![1], 2, true), None);
        assert!(onward(Some("x"), Some("x")).is_err() && onward(None::<&str>, None).is_err());
    }
}
