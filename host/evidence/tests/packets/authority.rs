//! A timestamp authority by `openssl ts`, with a root of its own; and one that signs whatever it is told to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fabric_evidence::timestamp::{Anchors, Authority};

/// The policy of its tokens.
pub(crate) const POLICY: &str = "1.3.6.1.4.1.99999.1";

/// What a certificate of an honest authority says of itself.
pub(crate) const FOR_TIMESTAMPS: &str = "extendedKeyUsage=critical,timeStamping";

const KEYS: &[(&str, &[&str])] = &[
    ("rsa", &["-newkey", "rsa:2048"]),
    ("ec", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
];

/// The keys that [`Tsa::new`] takes.
pub(crate) fn kinds_of_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name)
}

pub(crate) struct Tsa {
    dir: tempfile::TempDir,
}

impl Tsa {
    /// An authority with a key of this kind, whose certificate has this extension.
    pub(crate) fn new(key: &str, usage: &str) -> Self {
        let tsa = Self { dir: tempfile::tempdir().expect("a folder") };
        let (_, newkey) = KEYS.iter().find(|(name, _)| *name == key).expect("a kind of key");
        let root = ["-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=root"];
        let extensions = ["-addext", "keyUsage=critical,keyCertSign"];
        tsa.openssl(&[&["req", "-x509"], *newkey, &root, &extensions].concat());
        tsa.certify("tsa", newkey, usage);
        tsa.write("serial", "01\n");
        tsa.configure("sha256", "sha256");
        tsa
    }

    /// A certificate of the root for a new key.
    fn certify(&self, name: &str, newkey: &[&str], usage: &str) {
        self.write("ext", &format!("basicConstraints=CA:FALSE\n{usage}\n"));
        let (key, csr, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        let request = ["-nodes", "-keyout", &key, "-out", &csr, "-subj", &subject];
        self.openssl(&[&["req", "-new"], newkey, &request].concat());
        let sign = ["x509", "-req", "-in", &csr, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        self.openssl(&[&sign[..], &["-days", "30", "-extfile", "ext", "-out", &pem]].concat());
    }

    /// Signs with this digest, and names its certificate by that one.
    pub(crate) fn configure(&self, signed: &str, named: &str) {
        self.write(
            "ts.cnf",
            &format!(
                "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\ncerts = ca.pem\nsigner_key = tsa.key\n\
                 signer_digest = {signed}\ndefault_policy = {POLICY}\nother_policies = 1.2.3.4\ndigests = sha256, sha512\n\
                 accuracy = secs:1, millisecs:500\nclock_precision_digits = 3\ntsa_name = yes\ness_cert_id_alg = {named}\n"
            ),
        );
    }

    /// Its answer.
    pub(crate) fn answer(&self, query: &[u8]) -> Vec<u8> {
        fs::write(self.path("q.tsq"), query).expect("room");
        self.openssl(&["ts", "-reply", "-config", "ts.cnf", "-queryfile", "q.tsq", "-out", "a.tsr"]);
        fs::read(self.path("a.tsr")).expect("it answered")
    }

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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("room");
    }

    /// Runs `openssl` in its folder; it must succeed.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> String {
        let run =
            Command::new("openssl").args(arguments).current_dir(self.dir.path()).output().expect("installed");
        assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    }
}
