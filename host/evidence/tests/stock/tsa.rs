//! A timestamp authority by `openssl ts`, with a root of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The policy of its tokens.
pub(crate) const POLICY: &str = "1.3.6.1.4.1.99999.1";

/// What a certificate of an honest authority says of itself.
pub(crate) const FOR_TIMESTAMPS: &str = "extendedKeyUsage=critical,timeStamping";

/// The kinds of keys that [`Tsa::new`] takes, and how `openssl req` makes one.
pub(crate) const KEYS: &[(&str, &[&str])] = &[
    ("rsa", &["-newkey", "rsa:2048"]),
    ("ec", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
];

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
