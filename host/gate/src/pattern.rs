//! Resource patterns: the one way in which scripts and policies name what may be touched.

mod overlap;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use fabric_model::resource::{NotAResource, canonical_address, split_kind};
use fabric_model::{Class, Kind, RemotePath, Resource, Slug};
use ipnet::IpNet;

use crate::network;

/// A pattern of resources, `kind:segment` or `kind:segment/segment`; for files `file:segment/segment/…`, a host and a path.
///
/// `*` stands for any run of characters, also none, within one segment and never crosses `/`. A pattern without a part matches
/// only resources without a part: `host:dns-edge-1` is the host, `host:dns-edge-1/*` is any one part of it. Kind `addr` takes an
/// address or a network. Letters of a `name:` are compared without case and without the final dot, as DNS does.
///
/// An `s3:` pattern matches what is as deep as it is: `s3:minio` the server, `s3:minio/tfstate` a bucket, `s3:minio/tfstate/a/*` objects
/// right below `a/`, and `s3:minio/tfstate/a/`, which ends with `/`, the listing of all keys that begin with `a/`, however deep. A key's
/// segments are spelled as in resources. Denying a server, a bucket or a folder denies what is in it, and denying anything in a bucket
/// denies the listings that would show it.
///
/// A `file:` pattern matches paths of its own depth. Without a path, or with the path of a folder, it names no file: it grants
/// nothing, and denies every file of the host or below the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Shape);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Shape {
    Network(IpNet),
    File { host: Segment, path: Vec<Segment> },
    S3 { server: Segment, within: Vec<Segment>, folder: bool },
    Named { kind: Kind, name: Segment, part: Option<Segment> },
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPattern {
    /// Its kind or address is wrong, as in a resource.
    #[error(transparent)]
    Resource(#[from] NotAResource),
    /// A segment is neither a name nor one with `*` in it.
    #[error(
        "`{0}` has a segment that is not a name (letters, digits and `._@:+-`, and `*` for any run of them)"
    )]
    Segment(String),
    /// Two `*` in a row, which mean "across segments" elsewhere.
    #[error("`{0}` has two `*` in a row; one `*` stands for any run of characters and never crosses `/`")]
    DoubleStar(String),
    /// An address has bits beyond its prefix.
    #[error("`{text}` has bits beyond its prefix; the network is `{network}`")]
    HostBits {
        /// As it was written.
        text: String,
        /// The network with these bits off.
        network: IpNet,
    },
    /// A raw address in the place of a name.
    #[error("`{0}` names an address; addresses are written `addr:`")]
    AddressAsName(String),
}

impl Pattern {
    /// Whether the pattern holds this resource.
    pub fn matches(&self, resource: &Resource) -> bool {
        match (&self.0, resource) {
            (Shape::Network(network), Resource::Addr(address)) => network::contains(network, *address),
            (Shape::File { host, path: pattern }, Resource::File { host: name, path }) => {
                host.matches(name.as_str())
                    && pattern.len() == folders(path).count()
                    && leads_to(pattern, path)
            }
            (Shape::S3 { server, within, folder }, Resource::S3(path)) => {
                let there = path.place.segments();
                server.matches(path.server.as_str())
                    && *folder == path.place.is_folder()
                    && within.len() == there.len()
                    && within.iter().zip(&there).all(|(segment, name)| segment.matches(name))
            }
            (Shape::Named { kind, name, part }, Resource::Named { kind: k, name: n, part: p }) => {
                let same_part = match (part, p) {
                    (None, None) => true,
                    (Some(part), Some(p)) => part.matches(p.as_str()),
                    _ => false,
                };
                kind == k && same_part && name.matches(&folded(*k, n.as_str()))
            }
            _ => false,
        }
    }

    /// Whether the pattern can match more than one resource: it has a `*`, or is a network wider than one address.
    /// A host without a path stands for all of its files.
    pub fn has_wildcard(&self) -> bool {
        match &self.0 {
            Shape::Network(network) => network.prefix_len() < network.max_prefix_len(),
            Shape::File { host, path } => {
                path.is_empty() || host.has_wildcard() || path.iter().any(Segment::has_wildcard)
            }
            Shape::S3 { server, within, .. } => {
                server.has_wildcard() || within.iter().any(Segment::has_wildcard)
            }
            Shape::Named { name, part, .. } => {
                name.has_wildcard() || part.as_ref().is_some_and(Segment::has_wildcard)
            }
        }
    }

    /// Whether a declaration or a grant with this pattern holds for a call: it matches, and what destroys is named in full.
    pub(crate) fn permits(&self, class: Class, resource: &Resource) -> bool {
        self.matches(resource) && !(class == Class::Destroy && self.has_wildcard())
    }

    /// Whether a denial of this pattern holds for a resource. Denying a thing denies every part of it: whoever writes
    /// `host:vault-1` does not mean to leave `host:vault-1/sshd` or `file:vault-1/etc/passwd` open.
    pub(crate) fn forbids(&self, resource: &Resource) -> bool {
        match (&self.0, resource) {
            (Shape::Named { part: None, .. }, Resource::Named { kind, name, part: Some(_) }) => {
                self.matches(&Resource::named(*kind, name.clone()))
            }
            (Shape::Named { kind: Kind::Host, part: None, .. }, Resource::File { host, .. }) => {
                self.matches(&Resource::named(Kind::Host, host.clone()))
            }
            (Shape::File { host, path: pattern }, Resource::File { host: name, path }) => {
                host.matches(name.as_str()) && leads_to(pattern, path)
            }
            (Shape::S3 { server, within, folder }, Resource::S3(path)) => {
                let there = path.place.segments();
                let along = within.iter().zip(&there).all(|(segment, name)| segment.matches(name));
                let shown = path.place.is_folder() && there.len() < within.len();
                server.matches(path.server.as_str())
                    && along
                    && (shown || holds(within.len(), *folder, there.len(), path.place.is_folder()))
            }
            _ => self.matches(resource),
        }
    }
}

/// Whether a place on an S3 server, so deep and a folder or not, is or holds another one on the same way: servers and buckets hold
/// everything behind them, folders what is deeper, objects nothing.
fn holds(depth: usize, folder: bool, other_depth: usize, other_folder: bool) -> bool {
    match (depth, folder) {
        (0 | 1, false) => depth <= other_depth,
        (_, true) => depth < other_depth || (depth == other_depth && other_folder),
        (_, false) => depth == other_depth && !other_folder,
    }
}

/// The segments of a path, the file's own name last.
fn folders(path: &RemotePath) -> impl Iterator<Item = &str> {
    path.as_str().split('/').skip(1)
}

/// Whether a path begins with these segments.
fn leads_to(pattern: &[Segment], path: &RemotePath) -> bool {
    let mut there = folders(path);
    pattern.iter().all(|segment| there.next().is_some_and(|name| segment.matches(name)))
}

/// The address that a `name:` resource or pattern spells, if it does: it would be reached without any name being resolved.
pub(crate) fn address_as_name(kind: Kind, name: &str) -> Option<IpAddr> {
    folded(kind, name).parse().ok().filter(|_| kind == Kind::Name)
}

/// DNS names in the one spelling in which they are compared; other names as they are.
fn folded(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Name => name.trim_end_matches('.').to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let (kind, rest) = split_kind(text)?;
        if kind == Kind::Addr {
            return network::parse(rest).map(|network| Self(Shape::Network(network)));
        }
        if text.contains("**") {
            return Err(NotAPattern::DoubleStar(text.to_owned()));
        }
        if address_as_name(kind, rest).is_some() {
            return Err(NotAPattern::AddressAsName(text.to_owned()));
        }
        let segment =
            |segment: &str| Segment::parse(segment).ok_or_else(|| NotAPattern::Segment(text.to_owned()));
        if kind == Kind::File {
            let mut segments = rest.split('/');
            let host = segment(segments.next().unwrap_or_default())?;
            let below =
                |name: &str| Segment::below(name).ok_or_else(|| NotAPattern::Segment(text.to_owned()));
            let path = segments.map(below).collect::<Result<_, _>>()?;
            return Ok(Self(Shape::File { host, path }));
        }
        if kind == Kind::S3 {
            let (rest, folder) = rest.strip_suffix('/').map_or((rest, false), |rest| (rest, true));
            let mut segments = rest.split('/');
            let server = segment(segments.next().unwrap_or_default())?;
            let key = |name: &str| Segment::of_key(name).ok_or_else(|| NotAPattern::Segment(text.to_owned()));
            let within = segments.map(key).collect::<Result<Vec<_>, _>>()?;
            // Only buckets have listings.
            return match folder && within.is_empty() {
                true => Err(NotAPattern::Segment(text.to_owned())),
                false => Ok(Self(Shape::S3 { server, within, folder })),
            };
        }
        let (name, part) = match rest.split_once('/') {
            Some((_, part)) if part.contains('/') => {
                return Err(NotAResource::TooManySegments(text.to_owned()).into());
            }
            Some((name, part)) => (name, Some(segment(part)?)),
            None => (rest, None),
        };
        Ok(Self(Shape::Named { kind, name: segment(&folded(kind, name))?, part }))
    }
}

/// The pattern of exactly this resource.
impl From<&Resource> for Pattern {
    fn from(resource: &Resource) -> Self {
        Self(match resource {
            Resource::Addr(address) => Shape::Network(canonical_address(*address).into()),
            Resource::File { host, path } => Shape::File {
                host: Segment(host.to_string()),
                path: folders(path).map(|name| Segment(name.to_owned())).collect(),
            },
            Resource::S3(path) => Shape::S3 {
                server: Segment(path.server.to_string()),
                within: path.place.segments().into_iter().map(Segment).collect(),
                folder: path.place.is_folder(),
            },
            Resource::Named { kind, name, part } => Shape::Named {
                kind: *kind,
                name: Segment(folded(*kind, name.as_str())),
                part: part.as_ref().map(|part| Segment(part.to_string())),
            },
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Network(network) if self.has_wildcard() => write!(f, "addr:{network}"),
            Shape::Network(network) => write!(f, "addr:{}", network.addr()),
            Shape::File { host, path } => {
                write!(f, "file:{}", host.0)?;
                path.iter().try_for_each(|segment| write!(f, "/{}", segment.0))
            }
            Shape::S3 { server, within, folder } => {
                write!(f, "s3:{}", server.0)?;
                within.iter().try_for_each(|segment| write!(f, "/{}", segment.0))?;
                f.write_str(if *folder { "/" } else { "" })
            }
            Shape::Named { kind, name, part: None } => write!(f, "{}:{}", kind.as_str(), name.0),
            Shape::Named { kind, name, part: Some(part) } => {
                write!(f, "{}:{}/{}", kind.as_str(), name.0, part.0)
            }
        }
    }
}

/// The longest segment of a key in a pattern, in bytes; a longer one is matched with `*`.
const KEY_SEGMENT_LIMIT: usize = 255;

/// A name in which `*` may stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Segment(String);

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        // With a letter for each `*` it has to be a name: so a pattern can match names only, and is no longer than one.
        text.replace('*', "a").parse::<Slug>().ok().map(|_| Self(text.to_owned()))
    }

    /// A segment of a path, which may begin with one dot more than a name.
    fn below(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix('.').unwrap_or(text)).map(|_| Self(text.to_owned()))
    }

    /// A segment of a key, as a resource spells it: never empty, never dots alone, `%` only before two digits.
    fn of_key(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._@:+-*".contains(&b);
        let digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let sound = match byte {
                b'%' => rest.next().is_some_and(digit) && rest.next().is_some_and(digit),
                other => plain(other),
            };
            if !sound {
                return None;
            }
        }
        let named = text.len() <= KEY_SEGMENT_LIMIT && text.bytes().any(|b| b != b'.');
        named.then(|| Self(text.to_owned()))
    }

    fn has_wildcard(&self) -> bool {
        self.0.contains('*')
    }

    /// Linear in the text for each piece: the leftmost place for each is always as good as any later one.
    fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut left) = text.strip_prefix(head) else { return false };
        let mut pieces = rest.split('*');
        let tail = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            match left.split_once(piece) {
                Some((_, after)) => left = after,
                None => return false,
            }
        }
        left.ends_with(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, resource: &str) -> bool {
        let pattern = pattern.parse::<Pattern>().expect("a pattern");
        pattern.matches(&resource.parse().expect("a resource"))
    }

    #[test]
    fn a_pattern_without_a_part_is_the_thing_itself() {
        assert!(holds("host:dns-edge-1", "host:dns-edge-1"));
        assert!(!holds("host:dns-edge-1", "host:dns-edge-1/keepalived"));
        assert!(!holds("host:*", "host:dns-edge-1/keepalived"));
        assert!(!holds("host:dns-edge-1/*", "host:dns-edge-1"));
        assert!(holds("host:dns-edge-1/*", "host:dns-edge-1/keepalived"));
    }

    #[test]
    fn the_kind_is_part_of_the_name() {
        assert!(!holds("host:*", "vip:dns"));
        assert!(!holds("name:*", "addr:10.0.0.1"));
        assert!(!holds("via:dns-edge-1", "host:dns-edge-1"));
    }

    #[test]
    fn dns_names_have_one_spelling() {
        assert!(holds("name:Example.com", "name:example.COM."));
        assert!(holds("name:*.example.com.", "name:www.example.com"));
        assert!(holds("name:example.com..", "name:example.com."));
        assert_eq!("name:*.a..".parse::<Pattern>().map(|p| p.to_string()).as_deref(), Ok("name:*.a"));
        assert!(!holds("host:DNS", "host:dns"));
    }

    #[test]
    fn a_network_holds_its_addresses_in_every_form() {
        assert!(holds("addr:10.0.0.0/24", "addr:10.0.0.7"));
        assert!(holds("addr:10.0.0.0/24", "addr:::ffff:10.0.0.7"));
        assert!(!holds("addr:10.0.0.0/24", "addr:10.0.1.7"));
        let made_by_hand = Resource::Addr("::ffff:10.0.0.7".parse().expect("an address"));
        assert!("addr:10.0.0.7".parse::<Pattern>().expect("a pattern").matches(&made_by_hand));
    }

    #[test]
    fn what_destroys_is_named_in_full() {
        let resource = "host:dns-edge-1".parse().expect("a resource");
        for (pattern, permitted) in [("host:dns-edge-*", false), ("host:dns-edge-1", true)] {
            let pattern = pattern.parse::<Pattern>().expect("a pattern");
            assert!(pattern.permits(Class::Change, &resource));
            assert_eq!(pattern.permits(Class::Destroy, &resource), permitted);
        }
        let address = "addr:10.0.0.1".parse().expect("a resource");
        assert!(!"addr:10.0.0.0/31".parse::<Pattern>().expect("one").permits(Class::Destroy, &address));
        assert!("addr:10.0.0.1/32".parse::<Pattern>().expect("one").permits(Class::Destroy, &address));
    }

    #[test]
    fn denying_a_thing_denies_its_parts() {
        let pattern = "host:vault-*".parse::<Pattern>().expect("a pattern");
        assert!(pattern.forbids(&"host:vault-1/sshd".parse().expect("a resource")));
        let one_part = "host:vault-*/sshd".parse::<Pattern>().expect("a pattern");
        assert!(!one_part.forbids(&"host:vault-1".parse().expect("a resource")));
        assert!(!one_part.forbids(&"host:vault-1/vault".parse().expect("a resource")));
    }

    #[test]
    fn a_file_is_matched_segment_by_segment() {
        assert!(holds("file:dns-*/etc/keepalived/*.conf", "file:dns-edge-1/etc/keepalived/keepalived.conf"));
        assert!(holds("file:dns-edge-1/etc/.*", "file:dns-edge-1/etc/.hidden"));
        assert!(!holds("file:dns-edge-1/etc/*", "file:dns-edge-1/etc/keepalived/keepalived.conf"));
        assert!(!holds("file:*/etc/x", "host:dns-edge-1"));
        assert!(!holds("host:dns-edge-1/*", "file:dns-edge-1/etc"));
        for folder in ["file:dns-edge-1", "file:dns-edge-1/etc"] {
            assert!(!holds(folder, "file:dns-edge-1/etc/x"), "{folder} grants what it does not name");
        }
    }

    #[test]
    fn denying_a_host_or_a_folder_denies_its_files() {
        let forbids = |pattern: &str, resource: &str| {
            let pattern = pattern.parse::<Pattern>().expect("a pattern");
            pattern.forbids(&resource.parse().expect("a resource"))
        };
        for pattern in
            ["host:vault-*", "file:vault-*", "file:vault-1/etc", "file:*/etc/*.d", "file:vault-1/etc/a.d/b"]
        {
            assert!(forbids(pattern, "file:vault-1/etc/a.d/b"), "{pattern}");
        }
        for pattern in
            ["host:vault-2", "host:vault-1/b", "vip:vault-1", "file:vault-1/et", "file:vault-1/etc/a.d/b/c"]
        {
            assert!(!forbids(pattern, "file:vault-1/etc/a.d/b"), "{pattern}");
        }
        assert!(!forbids("file:vault-1", "host:vault-1/sshd"));
    }

    #[test]
    fn a_key_is_matched_segment_by_segment_and_a_listing_is_no_object() {
        assert!(holds(
            "s3:minio/tf*/samakia-*/*/terraform.tfstate",
            "s3:minio/tfstate/samakia-a/b/terraform.tfstate"
        ));
        assert!(holds("s3:minio/tfstate/a/*", "s3:minio/tfstate/a/b%20c"));
        assert!(holds("s3:minio/tfstate/a/", "s3:minio/tfstate/a/"));
        assert!(holds("s3:minio/*", "s3:minio/tfstate"));
        for (pattern, resource) in [
            ("s3:minio", "s3:minio/tfstate"),
            ("s3:minio/tfstate", "s3:minio/tfstate/"),
            ("s3:minio/tfstate/*", "s3:minio/tfstate/a/b"),
            ("s3:minio/tfstate/*", "s3:minio/tfstate/"),
            ("s3:minio/tfstate/", "s3:minio/tfstate/a/"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/a/b"),
            ("s3:minio/tfstate/a/*", "s3:minio/tfstate/a%2F"),
            ("s3:minio/tfstate/a/*", "s3:minio/tfstate/a/b/"),
            ("s3:minio/tfstate/a/b", "s3:minio/tfstate/a/%2E%2E/a/b"),
            ("host:minio", "s3:minio"),
        ] {
            assert!(!holds(pattern, resource), "{pattern} {resource}");
        }
    }

    #[test]
    fn denying_a_thing_of_s3_denies_what_is_in_it_and_the_listings_that_show_it() {
        let forbids = |pattern: &str, resource: &str| {
            let pattern = pattern.parse::<Pattern>().expect("a pattern");
            pattern.forbids(&resource.parse().expect("a resource"))
        };
        for (pattern, resource) in [
            ("s3:minio", "s3:minio/tfstate/a/b"),
            ("s3:minio/tfstate", "s3:minio/tfstate/"),
            ("s3:minio/tfstate", "s3:minio/tfstate/a/b"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/a/b/c"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/a/b/"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/"),
            ("s3:minio/tfstate/*/secret", "s3:minio/tfstate/a/"),
            ("s3:minio/tfstate/a/secret", "s3:minio/tfstate/"),
        ] {
            assert!(forbids(pattern, resource), "{pattern} {resource}");
        }
        for (pattern, resource) in [
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/a"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate/b/c"),
            ("s3:minio/tfstate/a/", "s3:minio/tfstate"),
            ("s3:minio/tfstate/a/b", "s3:minio/tfstate/a/b/c"),
            ("s3:minio/tfstate/a/b", "s3:minio/tfstate/c/"),
            ("s3:other", "s3:minio/tfstate/a"),
        ] {
            assert!(!forbids(pattern, resource), "{pattern} {resource}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "s3:",
            "s3:minio/",
            "s3:minio//",
            "s3:minio/a//b",
            "s3:minio/a/../b",
            "s3:minio/a/%2e",
            "s3:minio/a/%2",
            "s3:minio/a/**",
            "host",
            "lan:*",
            "secret:*",
            "*:x",
            "host:",
            "host:**",
            "host:a/**",
            "host:a/b/c",
            "host:/a",
            "host:a/",
            "host:[ab]",
            "host:a?",
            "host:-*",
            "host:.*",
            "addr:10.0.*",
            "addr:*",
            "addr:10.0.0.1/24",
            "name:10.0.0.1",
            "name:10.0.0.1.",
            "host:a b",
            "file:",
            "file:a/",
            "file:/etc",
            "file:a//x",
            "file:a/etc/../x",
            "file:a/etc/./x",
            "file:a/etc/**",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_prints_as_it_was_written() {
        for text in [
            "host:dns-*/net.ipv4.*",
            "vip:*",
            "addr:10.0.0.0/24",
            "addr:10.0.0.1",
            "name:*.example.com",
            "file:a",
            "file:a-*/etc/.*/b",
            "s3:minio/tf*/a%20b/",
            "s3:minio",
        ] {
            assert_eq!(text.parse::<Pattern>().map(|p| p.to_string()).as_deref(), Ok(text));
        }
    }
}
