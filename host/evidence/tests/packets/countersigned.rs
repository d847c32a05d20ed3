//! Packets that more than one person signed, and signatures that somebody else saw: judged as of when, and for what they were given.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fabric_evidence::packet::Sealed;
use fabric_evidence::sidecar::{NotAdded, add_timestamp, countersign};
use fabric_evidence::timestamp::{Query, accept};
use fabric_evidence::{Signer, Stamp, Verified, verify};
use sequoia_openpgp::types::KeyFlags;

use crate::authority::{FOR_TIMESTAMPS, Tsa};
use crate::forgeries::{certificate, generated};
use crate::sample::{Bench, entry, later, new_signer, start, unlock};

const REQUIRE_SECURITY: &str = "[[require]]\ncountersigned_as = [\"security\"]\n";

/// A sealed packet, another signer whom the trust file knows as `security`, and perhaps an authority.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) second: Signer,
    tsa: Option<Tsa>,
}

impl Scene {
    pub(crate) fn new(tsa: Option<Tsa>, more: &str) -> Self {
        let scene = Self { bench: Bench::new(), second: new_signer(), tsa };
        scene.bench.add_certificate("b", &scene.second.public_armored().expect("a certificate"));
        if let Some(tsa) = &scene.tsa {
            fs::write(scene.bench.path("root.pem"), tsa.root()).expect("room");
        }
        scene.trust("", "", more);
        scene
    }

    /// Writes the trust file; `first` and `second` are further lines of the two principals.
    fn trust(&self, first: &str, second: &str, more: &str) {
        let authority = match &self.tsa {
            Some(_) => "[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"root.pem\"\n",
            None => "",
        };
        let entries = [
            entry("a", self.bench.signer.fingerprint(), &["site-dev"], first),
            entry("b", self.second.fingerprint(), &["security"], second),
            authority.to_owned(),
            more.to_owned(),
        ];
        self.bench.write_trust(&entries.concat());
    }

    pub(crate) fn sealed(&self) -> Sealed {
        self.bench.seal("run-1")
    }

    pub(crate) fn countersign(&self, sealed: &Sealed) {
        countersign(&sealed.dir, &self.second, "security", later()).expect("a usable key");
    }

    /// Has every signature of the packet stamped.
    pub(crate) fn notarize(&self, sealed: &Sealed) {
        for entry in fs::read_dir(sealed.dir.join("signatures")).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "asc") {
                stamp(&path, self.tsa.as_ref().expect("an authority"));
            }
        }
    }

    fn verified(&self, sealed: &Sealed) -> Verified {
        verify(&sealed.dir, &self.bench.trust(), now()).expect("it verifies")
    }

    fn classes(&self, sealed: &Sealed) -> Vec<&'static str> {
        let findings = verify(&sealed.dir, &self.bench.trust(), now()).expect_err("it does not verify");
        findings.iter().map(|finding| finding.class).collect()
    }
}

/// What a key of ours may do.
fn signing() -> KeyFlags {
    KeyFlags::empty().set_certification().set_signing()
}

/// Real time: the authority knows no other. The sample was sealed long before.
#[expect(clippy::disallowed_methods, reason = "the authority's clock is the machine's")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Has one signature stamped.
pub(crate) fn stamp(path: &Path, tsa: &Tsa) {
    let signature = fs::read(path).expect("there");
    let query = Query::about(&signature, None, [7; 8]).expect("a query");
    let bytes = query.to_der().expect("bytes");
    let answer = accept(&tsa.answer(&bytes), &query, &signature, &[tsa.trusted()], now());
    let (_, kept) = answer.expect("it is honest");
    add_timestamp(path, &bytes, &kept).expect("room");
}

pub(crate) fn with_authority() -> Option<Tsa> {
    Some(Tsa::new("ec", FOR_TIMESTAMPS))
}

#[test]
fn a_countersignature_counts_beside_the_seal_and_leaves_the_core_as_it_was() {
    let scene = Scene::new(None, REQUIRE_SECURITY);
    let sealed = scene.sealed();
    assert_eq!(scene.classes(&sealed), ["signature.required"]);
    let manifest = fs::read(sealed.dir.join("manifest.sha256")).expect("there");
    scene.countersign(&sealed);
    assert_eq!(fs::read(sealed.dir.join("manifest.sha256")).expect("there"), manifest);
    let verified = scene.verified(&sealed);
    let intents: Vec<_> =
        verified.signers.iter().map(|signer| (signer.role.as_str(), signer.intent.as_str())).collect();
    assert!(
        intents.contains(&("site-dev", "seal")) && intents.contains(&("security", "countersign")),
        "{intents:?}"
    );
    let again = countersign(&sealed.dir, &scene.second, "security", later());
    assert!(matches!(again, Err(NotAdded::Exists(_))), "{again:?}");
    let own = countersign(&sealed.dir, &scene.bench.signer, "security", later());
    assert!(matches!(own, Err(NotAdded::Exists(_))), "the sealer does not countersign himself: {own:?}");
}

#[test]
fn one_certificate_does_not_stand_for_two() {
    let scene = Scene::new(None, "[[require]]\ncountersigned_as = [\"security\", \"security\"]\n");
    let sealed = scene.sealed();
    scene.countersign(&sealed);
    assert_eq!(scene.classes(&sealed), ["signature.required"]);
    let elsewhere = Scene::new(None, "[[require]]\ncountersigned_as = [\"legal\"]\n");
    let sealed = elsewhere.sealed();
    elsewhere.countersign(&sealed);
    assert_eq!(elsewhere.classes(&sealed), ["signature.required"], "the role is another");
}

#[test]
fn a_requirement_is_for_what_it_names() {
    let scene = Scene::new(None, "[[require]]\nrealm = \"lab\"\ncountersigned_as = [\"security\"]\n");
    scene.verified(&scene.sealed());
    let scene = Scene::new(None, "[[require]]\nrealm = \"twin\"\nacts = [\"execute\"]\ntimestamps = true\n");
    scene.verified(&scene.sealed());
    let scene = Scene::new(None, "[[require]]\nrealm = \"twin\"\nacts = [\"observe\"]\ntimestamps = true\n");
    assert_eq!(scene.classes(&scene.sealed()), ["timestamp.required"]);
}

#[test]
fn a_countersignature_is_no_seal_and_a_seal_no_countersignature() {
    let scene = Scene::new(None, "");
    let sealed = scene.sealed();
    unlock(&sealed.dir);
    let manifest = fs::read(sealed.dir.join("manifest.sha256")).expect("there");
    let as_seal = scene.second.sign(&manifest, "security", "seal", later()).expect("usable");
    let second = sealed.dir.join(format!("signatures/{}.asc", scene.second.fingerprint()));
    fs::write(&second, as_seal).expect("room");
    assert_eq!(scene.classes(&sealed), ["signature.intent"]);
    fs::remove_file(second).expect("ours");
    let swapped = scene.bench.signer.sign(&manifest, "site-dev", "countersign", later()).expect("usable");
    fs::write(&sealed.signature, swapped).expect("room");
    assert_eq!(scene.classes(&sealed), ["signature.intent"]);
}

#[test]
fn a_stamped_signature_outlives_the_trust_in_its_certificate_and_an_unstamped_one_does_not() {
    let until = "valid_until = 2026-01-02T00:00:00Z";
    let scene = Scene::new(with_authority(), "");
    let sealed = scene.sealed();
    scene.trust(until, "", "");
    assert_eq!(scene.classes(&sealed), ["signature.expired"], "nobody knows that it is not of today");
    // The authority's clock is today's, which is after that date too.
    scene.notarize(&sealed);
    assert_eq!(scene.classes(&sealed), ["signature.expired"]);
    scene.trust("valid_from = 2026-01-02T00:00:00Z\nvalid_until = 2999-01-01T00:00:00Z", "", "");
    let verified = scene.verified(&sealed);
    let signer = verified.signers.first().expect("the sealer");
    assert_eq!(signer.attested.as_ref().map(|attested| attested.authority.as_str()), Some("tsa"));
    assert!(verified.to_string().contains(", which existed at 20"), "{verified}");
    let (within_the_hour, next_week) =
        (now() + Duration::from_secs(3600), now() + Duration::from_secs(604_800));
    scene.trust(&format!("valid_until = {}", Stamp::of(within_the_hour)), "", "");
    verify(&sealed.dir, &scene.bench.trust(), next_week).expect("the authority saw it before that");
    scene.trust("valid_from = 2999-01-01T00:00:00Z", "", "");
    assert_eq!(scene.classes(&sealed), ["signature.expired"]);
    scene.trust("revoked = true", "", "");
    assert_eq!(
        scene.classes(&sealed),
        ["signature.revoked"],
        "what the trust file revokes is revoked for all times"
    );
}

#[test]
fn an_expired_key_counts_for_what_an_authority_saw_while_it_was_alive() {
    let real = now();
    // The authority's token is of now; the verifier's clock goes on to next week, when the key has expired.
    let alive = real.duration_since(start()).expect("later") + Duration::from_secs(3600);
    let brief = generated(certificate().set_validity_period(alive).set_primary_key_flags(signing()));
    let second = Signer::from_cert(brief).expect("it can sign");
    let scene = Scene { second, ..Scene::new(with_authority(), "") };
    scene.bench.add_certificate("b", &scene.second.public_armored().expect("a certificate"));
    scene.trust("", "", "");
    let sealed = scene.sealed();
    scene.countersign(&sealed);
    let next_week = real + Duration::from_secs(7 * 86_400);
    let findings =
        verify(&sealed.dir, &scene.bench.trust(), next_week).expect_err("expired, and nobody saw it");
    assert_eq!(findings.iter().map(|finding| finding.class).collect::<Vec<_>>(), ["signature.expired"]);
    scene.notarize(&sealed);
    verify(&sealed.dir, &scene.bench.trust(), next_week)
        .expect("the authority saw it while the key was alive");
}

#[test]
fn a_timestamp_from_before_its_signature_is_refused() {
    let scene = Scene::new(with_authority(), "");
    let sealed = scene.sealed();
    let manifest = fs::read(sealed.dir.join("manifest.sha256")).expect("there");
    let tomorrow = now() + Duration::from_secs(86_400);
    let early = scene.second.sign(&manifest, "security", "countersign", tomorrow).expect("usable");
    let path = sealed.dir.join(format!("signatures/{}.asc", scene.second.fingerprint()));
    fs::write(&path, early).expect("room");
    scene.notarize(&sealed);
    let findings =
        verify(&sealed.dir, &scene.bench.trust(), tomorrow + Duration::from_secs(60)).expect_err("early");
    assert_eq!(findings.iter().map(|finding| finding.class).collect::<Vec<_>>(), ["timestamp.time"]);
}

#[test]
fn the_files_of_a_timestamp_belong_together_and_to_their_signature() {
    let scene = Scene::new(with_authority(), "[[require]]\ntimestamps = true\n");
    let sealed = scene.sealed();
    assert_eq!(scene.classes(&sealed), ["timestamp.required"]);
    scene.countersign(&sealed);
    scene.notarize(&sealed);
    scene.verified(&sealed);
    let own = |ending: &str| format!("{}{ending}", sealed.signature.display());
    let others = sealed.dir.join(format!("signatures/{}.asc", scene.second.fingerprint()));
    let theirs = |ending: &str| format!("{}{ending}", others.display());
    unlock(&sealed.dir);
    for ending in [".tsq", ".tsr"] {
        let kept = fs::read(own(ending)).expect("there");
        fs::write(own(ending), fs::read(theirs(ending)).expect("there")).expect("room");
        assert!(scene.classes(&sealed).contains(&"timestamp.imprint"), "the other signature's {ending}");
        fs::remove_file(own(ending)).expect("ours");
        assert!(scene.classes(&sealed).contains(&"sidecar.stray"), "no {ending}");
        fs::write(own(ending), kept).expect("room");
    }
    for ending in [".tsq", ".tsr"] {
        let kept = fs::read(own(ending)).expect("there");
        fs::write(own(ending), b"nothing").expect("room");
        assert!(scene.classes(&sealed).contains(&"timestamp.form"), "{ending} of nothing");
        fs::write(own(ending), kept).expect("room");
    }
    for ending in [".tsq", ".tsr"] {
        fs::remove_file(own(ending)).expect("ours");
    }
    assert_eq!(scene.classes(&sealed), ["timestamp.required"], "taken away, it is missed");
}
