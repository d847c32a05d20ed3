//! What secrets look like: one table of detectors, each with the words at which it looks.

mod assigned;
mod directive;
mod hash;
mod header;
mod key;
mod proxmox;
mod url;
mod vendor;

use std::ops::Range;
use std::sync::LazyLock;

use crate::class::Class;
use crate::redactor::{Found, What};
use crate::text::stands;
use crate::words::{Case, Words};

/// Looks around the anchor that stands here.
type Look = fn(&[u8], Range<usize>) -> Option<(Range<usize>, Class)>;

/// One way to recognise a secret.
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// Its name, by which the corpus of cases knows it.
    pub name: &'static str,
    /// Words without which there is nothing to find, in any case of letters.
    anchors: &'static [&'static str],
    /// Looks around an anchor that stands here: what is to be hidden, and what it is. It looks at a bounded part of the text, or
    /// finds as much as it has looked at, so that all of them together take time in proportion to the text.
    look: Look,
}

impl Detector {
    /// The detector of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        DETECTORS.iter().find(|detector| detector.name == name)
    }

    /// What it finds by itself.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut all = Vec::new();
        find(
            text,
            0..text.len(),
            |detector| detector.name == self.name,
            |range, class| {
                all.push(Found { range, what: What::Looks(class) });
            },
        );
        all
    }
}

/// Every detector.
pub const DETECTORS: &[Detector] = &[
    Detector { name: "age-identity", anchors: &["AGE-SECRET-KEY-"], look: key::age },
    Detector { name: "assigned", anchors: assigned::ANCHORS, look: assigned::look },
    Detector { name: "authorization", anchors: &["basic ", "bearer "], look: header::scheme },
    Detector { name: "aws-key", anchors: &["AKIA", "ASIA"], look: vendor::aws },
    Detector { name: "directive", anchors: directive::ANCHORS, look: directive::look },
    Detector { name: "github-token", anchors: vendor::GITHUB, look: vendor::github },
    Detector { name: "gitlab-token", anchors: vendor::GITLAB, look: vendor::gitlab },
    Detector { name: "go-dsn", anchors: &["@tcp(", "@unix("], look: url::go_dsn },
    Detector { name: "jwt", anchors: &["eyJ"], look: vendor::jwt },
    Detector { name: "mc-alias", anchors: &["alias set ", "config host add "], look: directive::mc_alias },
    Detector { name: "password-hash", anchors: hash::ANCHORS, look: hash::look },
    Detector { name: "pem", anchors: &["-----BEGIN ", "---- BEGIN "], look: key::pem },
    Detector { name: "pem-in-base64", anchors: &["LS0tLS1CRUdJTi"], look: key::pem_in_base64 },
    Detector { name: "proxmox-csrf", anchors: &["CSRFPreventionToken"], look: proxmox::csrf },
    Detector { name: "proxmox-ticket", anchors: proxmox::TICKETS, look: proxmox::ticket },
    Detector { name: "proxmox-token", anchors: proxmox::TOKENS, look: proxmox::token },
    Detector { name: "putty-key", anchors: &["Private-Lines:"], look: key::putty },
    Detector { name: "url-password", anchors: &["://"], look: url::password },
    Detector { name: "vault-token", anchors: &["hvs.", "hvb.", "hvr.", "s.", "b."], look: vendor::vault },
];

/// All anchors, and for each of them its detector.
struct Anchors {
    words: Words<&'static str>,
    detectors: Vec<&'static Detector>,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let all =
        DETECTORS.iter().flat_map(|detector| detector.anchors.iter().map(move |anchor| (*anchor, detector)));
    let (words, detectors): (Vec<_>, Vec<_>) = all.unzip();
    Anchors { words: Words::new(words, Case::Ignored), detectors }
});

/// What the detectors find of which the anchor begins within `within`, in the order of where it begins to be looked for. Parts of it can
/// lie in one another.
pub(crate) fn find(
    text: &[u8],
    within: Range<usize>,
    asks: impl Fn(&Detector) -> bool,
    mut found: impl FnMut(Range<usize>, Class),
) {
    // Until where the text is covered by what was found, so that nothing is looked at over and over.
    let mut covered = 0;
    ANCHORS.words.each(text, within, |word, anchor| {
        let detector =
            ANCHORS.detectors.get(word).filter(|detector| anchor.start >= covered && asks(detector));
        if let Some((range, class)) = detector.and_then(|detector| (detector.look)(text, anchor)) {
            covered = covered.max(range.end);
            found(range, class);
        }
    });
}

/// Whether any of these stands there as it is written, in this case of letters.
fn any_exact(text: &[u8], at: usize, words: &[&str]) -> bool {
    words.iter().any(|word| stands(text, at, word) && text.get(at..at + word.len()) == Some(word.as_bytes()))
}
