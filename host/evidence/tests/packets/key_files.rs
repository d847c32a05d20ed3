//! A secret key file is its owner's alone, and holds the one kind of key that is used here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fabric_evidence::Signer;
use fabric_evidence::key::{self, KeyError};
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::serialize::SerializeInto as _;

use crate::sample::{Bench, later, start};

#[test]
fn a_written_key_is_private_and_loads_again() {
    let bench = Bench::new();
    let path = bench.path("key.asc");
    let cert = key::generate("x", start()).expect("entropy");
    key::write_secret(&path, &cert).expect("new");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let signer = Signer::load(&path).expect("a key");
    assert_eq!(Some(signer.fingerprint()), key::fingerprint(&cert).ok().as_ref());
    assert!(signer.usable_at(later()).is_ok());
    assert!(matches!(signer.usable_at(start() - Duration::from_secs(86_400)), Err(KeyError::NotNow { .. })));
    assert!(
        matches!(key::write_secret(&path, &cert), Err(KeyError::Io { .. })),
        "a key is never overwritten"
    );
    assert!(!format!("{signer:?}").contains("Secret"));
}

#[test]
fn a_key_file_that_others_can_use_is_refused_with_what_to_do() {
    let bench = Bench::new();
    let path = bench.path("key.asc");
    key::write_secret(&path, &key::generate("x", start()).expect("entropy")).expect("new");
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        let refused = Signer::load(&path).expect_err("exposed");
        assert!(matches!(refused, KeyError::Exposed { mode: found, .. } if found == mode), "{refused}");
        assert!(refused.hint().contains("chmod 600"));
    }
}

#[test]
fn other_keys_are_refused() {
    let bench = Bench::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = bench.path(name);
        fs::write(&path, bytes).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        path
    };
    let p256 =
        CertBuilder::new().set_cipher_suite(CipherSuite::P256).add_userid("x").generate().expect("entropy").0;
    let locked =
        CertBuilder::new().set_password(Some("x".into())).add_userid("x").generate().expect("entropy").0;
    let public = bench.signer.public_armored().expect("a certificate");
    let cases = [
        ("p256", p256.as_tsk().armored().to_vec().expect("bytes"), "not an Ed25519 key"),
        ("locked", locked.as_tsk().armored().to_vec().expect("bytes"), "passphrase"),
        ("public", public, "no secret key"),
        ("text", b"hello".to_vec(), "not an OpenPGP key"),
    ];
    for (name, bytes, why) in cases {
        let refused = Signer::load(&write(name, &bytes)).expect_err(name);
        assert!(refused.to_string().contains(why), "{name}: {refused}");
    }
}
