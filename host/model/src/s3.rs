//! What an S3 server holds, as calls and grants name it: buckets, objects, and folders of them.
//!
//! In a resource each name stands percent-encoded (RFC 3986, 2.1) in the one spelling in which a character that a resource or a pattern
//! would read as anything but itself is never plain: `s3:minio/tfstate/a%20b/x`. A key is divided at its slashes; one that begins or
//! ends an own segment would be empty, so it is `%2F` there.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Slug;

/// The longest key of an object, in bytes of UTF-8.
pub const KEY_LENGTH_LIMIT: usize = 1024;

/// The name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit, no two dots
/// in a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct BucketName(String);

/// The key of an object: 1 to 1,024 bytes of UTF-8 without control characters, which no listing could carry. Nothing in it is special;
/// `..` is two dots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ObjectKey(String);

/// What keys begin with: nothing, for the whole bucket, or a text like a key that ends with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Folder(String);

/// Why a text is not a name of that kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotS3 {
    /// It is no [`BucketName`].
    #[error(
        "`{0}` is not the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"
    )]
    Bucket(String),
    /// It is no [`ObjectKey`].
    #[error("`{0}` is not the key of an object: 1 to 1024 bytes of UTF-8 without control characters")]
    Key(String),
    /// It is no [`Folder`].
    #[error("`{0}` is not a folder of keys: empty, or like a key that ends with `/`")]
    Folder(String),
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn is_key(text: &str) -> bool {
    (1..=KEY_LENGTH_LIMIT).contains(&text.len()) && !text.contains(char::is_control)
}

impl FromStr for BucketName {
    type Err = NotS3;

    fn from_str(text: &str) -> Result<Self, NotS3> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends = [text.bytes().next(), text.bytes().next_back()];
        let sound = (3..=63).contains(&text.len())
            && ends.into_iter().all(|end| end.is_some_and(plain))
            && text.bytes().all(|b| plain(b) || b == b'.' || b == b'-')
            && !text.contains("..");
        if sound { Ok(Self(text.to_owned())) } else { Err(NotS3::Bucket(shown(text))) }
    }
}

impl FromStr for ObjectKey {
    type Err = NotS3;

    fn from_str(text: &str) -> Result<Self, NotS3> {
        if is_key(text) { Ok(Self(text.to_owned())) } else { Err(NotS3::Key(shown(text))) }
    }
}

impl FromStr for Folder {
    type Err = NotS3;

    fn from_str(text: &str) -> Result<Self, NotS3> {
        let sound = text.is_empty() || (is_key(text) && text.ends_with('/') && text != "/");
        if sound { Ok(Self(text.to_owned())) } else { Err(NotS3::Folder(shown(text))) }
    }
}

macro_rules! text_of {
    ($name:ident) => {
        impl $name {
            /// The text, as the server knows it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotS3;

            fn try_from(text: String) -> Result<Self, NotS3> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_of!(BucketName);
text_of!(ObjectKey);
text_of!(Folder);

/// What of a server is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum S3Place {
    /// The server itself, with the list of its buckets.
    Server,
    /// One bucket, without what is in it.
    Bucket(BucketName),
    /// The listing of all objects whose keys begin with this.
    Folder(BucketName, Folder),
    /// One object, with all its versions.
    Object(BucketName, ObjectKey),
}

impl S3Place {
    /// The bucket, where it is about one.
    pub fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::Server => None,
            Self::Bucket(bucket) | Self::Folder(bucket, _) | Self::Object(bucket, _) => Some(bucket),
        }
    }

    /// The segments behind the server's name, as resources and patterns spell them: the bucket, and those of the key.
    pub fn segments(&self) -> Vec<String> {
        let (bucket, key) = match self {
            Self::Server => return Vec::new(),
            Self::Bucket(bucket) => (bucket, ""),
            Self::Folder(bucket, folder) => (bucket, folder.0.strip_suffix('/').unwrap_or_default()),
            Self::Object(bucket, key) => (bucket, key.as_str()),
        };
        let key = Some(encoded(key)).filter(|key| !key.is_empty());
        let segments = key.iter().flat_map(|key| key.split('/'));
        std::iter::once(bucket.as_str()).chain(segments).map(str::to_owned).collect()
    }

    /// Whether it is a listing.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(..))
    }

    /// Reads what stands behind the server's name and its slash; none for another spelling than the one there is.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Self::Server) };
        let Some((bucket, key)) = text.split_once('/') else { return text.parse().ok().map(Self::Bucket) };
        let bucket = bucket.parse().ok()?;
        let place = match key.strip_suffix('/') {
            _ if key.is_empty() => Self::Folder(bucket, Folder::default()),
            Some(folder) => Self::Folder(bucket, format!("{}/", decoded(folder)?).parse().ok()?),
            None => Self::Object(bucket, decoded(key)?.parse().ok()?),
        };
        Some(place).filter(|place| place.to_string() == text)
    }
}

/// As it stands behind the server's name and a slash.
impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments().join("/"))?;
        if self.is_folder() { f.write_str("/") } else { Ok(()) }
    }
}

/// Whether a byte of a key stands for itself in a resource.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._@:+-".contains(&byte)
}

/// A key in segments of which none is empty and none is made of dots alone.
fn encoded(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    let mut divided = true;
    for (place, byte) in key.bytes().enumerate() {
        let divides = byte == b'/' && !divided && place + 1 < key.len();
        if divides || is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        divided = divides;
    }
    let dots = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b == b'.');
    let segments = text
        .split('/')
        .map(|segment| if dots(segment) { segment.replace('.', "%2E") } else { segment.to_owned() });
    segments.collect::<Vec<_>>().join("/")
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// A place on a server of the site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct S3Path {
    /// The server, by its name in the site.
    pub server: Slug,
    /// What of it is meant.
    pub place: S3Place,
}

impl S3Path {
    /// Reads `server` or `server/place`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (server, place) = match text.split_once('/') {
            Some((server, place)) => (server, Some(place)),
            None => (text, None),
        };
        Some(Self { server: server.parse().ok()?, place: S3Place::parse(place)? })
    }
}

impl fmt::Display for S3Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            S3Place::Server => write!(f, "{}", self.server),
            _ => write!(f, "{}/{}", self.server, self.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> String {
        let key = key.parse().expect("a key");
        S3Place::Object("tfstate".parse().expect("a bucket"), key).to_string()
    }

    #[test]
    fn every_key_has_one_spelling_that_leads_back_to_it() {
        for (key, spelled) in [
            ("a/b.tfstate", "tfstate/a/b.tfstate"),
            ("a b+c", "tfstate/a%20b+c"),
            ("../x", "tfstate/%2E%2E/x"),
            ("a/.", "tfstate/a/%2E"),
            ("..a", "tfstate/..a"),
            ("/a", "tfstate/%2Fa"),
            ("a//b", "tfstate/a/%2Fb"),
            ("a/", "tfstate/a%2F"),
            ("///", "tfstate/%2F/%2F"),
            ("*", "tfstate/%2A"),
            ("%41", "tfstate/%2541"),
            ("ä", "tfstate/%C3%A4"),
        ] {
            assert_eq!(object(key), spelled);
            let read = S3Place::parse(Some(spelled)).expect("a place");
            assert_eq!(
                read,
                S3Place::Object("tfstate".parse().expect("a bucket"), key.parse().expect("a key"))
            );
        }
    }

    #[test]
    fn another_spelling_is_refused() {
        for bad in [
            "tfstate/a b",
            "tfstate/%41",
            "tfstate/%c3%a4",
            "tfstate/a//b",
            "tfstate/..",
            "tfstate/%2",
            "TF/a",
            "tfstate//",
        ] {
            assert_eq!(S3Place::parse(Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_listing_is_no_object() {
        let place = |text| S3Place::parse(Some(text)).expect("a place");
        let bucket = || "tfstate".parse::<BucketName>().expect("a bucket");
        assert_eq!(place("tfstate"), S3Place::Bucket(bucket()));
        assert_eq!(place("tfstate/"), S3Place::Folder(bucket(), Folder::default()));
        assert_eq!(place("tfstate/a/"), S3Place::Folder(bucket(), "a/".parse().expect("a folder")));
        assert_eq!(place("tfstate/a%2F"), S3Place::Object(bucket(), "a/".parse().expect("a key")));
    }

    #[test]
    fn names_have_their_limits() {
        for good in ["abc", "a-b.c", &"a".repeat(63)] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        for bad in ["ab", "Abc", "-ab", "ab-", "a..b", "a/b", "a_b", &"a".repeat(64)] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
        assert!("ä".repeat(512).parse::<ObjectKey>().is_ok());
        for bad in ["", "a\nb", "a\0", &"ä".repeat(513)] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad:?}");
        }
        for bad in ["a", "/", "a\n/"] {
            assert!(bad.parse::<Folder>().is_err(), "{bad:?}");
        }
    }
}
