//! What the tests of timestamps ask of an authority: that it is trusted, and that it signs whatever it is told to.

use std::fs;

use fabric_evidence::timestamp::{Anchors, Authority};

use crate::tsa::KEYS;

pub(crate) use crate::tsa::{FOR_TIMESTAMPS, POLICY, Tsa};

/// The keys that [`Tsa::new`] takes.
pub(crate) fn kinds_of_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name)
}

impl Tsa {
    /// What its token says, without the signature.
    pub(crate) fn content(&self, answer: &[u8]) -> Vec<u8> {
        fs::write(self.path("a.tsr"), answer).expect("room");
        self.openssl(&["ts", "-reply", "-in", "a.tsr", "-token_out", "-out", "token"]);
        self.openssl(&["cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "content"]);
        fs::read(self.path("content")).expect("it is there")
    }

    /// An answer that says this, signed by its key as `openssl cms` signs anything, with these further arguments.
    pub(crate) fn sign(&self, content: &[u8], more: &[&str]) -> Vec<u8> {
        fs::write(self.path("content"), content).expect("room");
        let sign =
            ["cms", "-sign", "-in", "content", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256"];
        let with = ["-signer", "tsa.pem", "-inkey", "tsa.key", "-econtent_type", "1.2.840.113549.1.9.16.1.4"];
        self.openssl(&[&sign[..], &with, more, &["-out", "forged"]].concat());
        let token = fs::read(self.path("forged")).expect("it is there");
        // SEQUENCE { SEQUENCE { INTEGER 0 }, token }
        let status = [0x30, 0x03, 0x02, 0x01, 0x00];
        let length = u16::try_from(status.len() + token.len()).expect("short").to_be_bytes();
        [&[0x30, 0x82], length.as_slice(), &status, &token].concat()
    }

    /// What a trust file says of it.
    pub(crate) fn trusted(&self) -> Authority {
        Authority {
            name: "tsa".to_owned(),
            url: None,
            server_authority: None,
            policies: Vec::new(),
            valid_from: None,
            valid_until: None,
            anchors: Anchors::from_pem(&self.root()).expect("a root"),
        }
    }

    /// Its root certificate, in PEM.
    pub(crate) fn root(&self) -> Vec<u8> {
        fs::read(self.path("ca.pem")).expect("it was made")
    }
}
