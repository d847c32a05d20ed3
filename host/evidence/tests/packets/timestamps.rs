//! Timestamps of RFC 3161: what `openssl ts` writes we take, what we keep it takes, and what proves nothing is refused for its reason.

use std::fs;
use std::time::{Duration, SystemTime};

use fabric_evidence::Stamp;
use fabric_evidence::timestamp::{Authority, Query, accept, verify};

use crate::authority::{FOR_TIMESTAMPS, POLICY, Tsa, kinds_of_keys};

const STAMPED: &[u8] = b"a signature";

/// Real time: `openssl ts` knows no other.
#[expect(clippy::disallowed_methods, reason = "the authority's clock is the machine's")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn query() -> Query {
    Query::about(STAMPED, None, [7; 8]).expect("a query")
}

/// What an authority answered, in its one spelling.
fn stamped(tsa: &Tsa) -> Vec<u8> {
    let answer = tsa.answer(&query().to_der().expect("bytes"));
    accept(&answer, &query(), STAMPED, &[tsa.trusted()], now()).expect("it is honest").1
}

fn class(answer: &[u8], query: &Query, stamped: &[u8], authorities: &[Authority]) -> &'static str {
    verify(answer, query, stamped, authorities, now()).expect_err("it proves nothing").class
}

#[test]
fn what_openssl_answers_counts_whatever_it_signs_with() {
    for key in kinds_of_keys() {
        let tsa = Tsa::new(key, FOR_TIMESTAMPS);
        for (signed, named) in [("sha256", "sha256"), ("sha384", "sha512"), ("sha256", "sha1")] {
            tsa.configure(signed, named);
            let before = now() - Duration::from_secs(2);
            let answer = tsa.answer(&query().to_der().expect("bytes"));
            let (attested, kept) = accept(&answer, &query(), STAMPED, &[tsa.trusted()], now())
                .unwrap_or_else(|refused| panic!("{key} {signed} {named}: {refused}"));
            assert_eq!((attested.authority.as_str(), attested.policy.as_str()), ("tsa", POLICY));
            assert!(Stamp::of(before) < attested.at && attested.at <= Stamp::of(now()), "{attested:?}");
            assert_eq!(attested.accuracy, Some(Duration::from_millis(1500)));
            assert!(kept.len() < answer.len(), "status text and root are not kept");
        }
    }
}

#[test]
fn openssl_takes_what_we_ask_and_what_we_keep() {
    for key in kinds_of_keys() {
        let tsa = Tsa::new(key, FOR_TIMESTAMPS);
        fs::write(tsa.path("kept.tsr"), stamped(&tsa)).expect("room");
        fs::write(tsa.path("stamped"), STAMPED).expect("room");
        let verify = ["ts", "-verify", "-in", "kept.tsr", "-CAfile", "ca.pem"];
        for what in [["-data", "stamped"], ["-queryfile", "q.tsq"]] {
            tsa.openssl(&[&verify[..], &what].concat());
        }
        let shown = tsa.openssl(&["ts", "-query", "-in", "q.tsq", "-text"]);
        assert!(shown.contains("Certificate required: yes") && shown.contains("Nonce: 0x4707"), "{shown}");
    }
}

#[test]
fn what_openssl_asks_is_read() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    fs::write(tsa.path("stamped"), STAMPED).expect("room");
    let ask =
        ["ts", "-query", "-data", "stamped", "-sha256", "-cert", "-tspolicy", "1.2.3.4", "-out", "own.tsq"];
    tsa.openssl(&ask);
    let bytes = fs::read(tsa.path("own.tsq")).expect("it is there");
    let query = Query::read(&bytes).expect("it is one");
    let (attested, kept) =
        accept(&tsa.answer(&bytes), &query, STAMPED, &[tsa.trusted()], now()).expect("it is honest");
    assert_eq!(attested.policy, "1.2.3.4");
    verify(&kept, &query, STAMPED, &[tsa.trusted()], now()).expect("it is the same");
    for weaker in [&["-sha1", "-cert"][..], &["-sha256"], &["-sha256", "-cert", "-no_nonce"]] {
        tsa.openssl(&[&["ts", "-query", "-data", "stamped", "-out", "own.tsq"], weaker].concat());
        Query::read(&fs::read(tsa.path("own.tsq")).expect("it is there")).expect_err("it asks for less");
    }
}

#[test]
fn a_token_about_something_else_is_refused() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let (kept, trusted) = (stamped(&tsa), [tsa.trusted()]);
    assert_eq!(class(&kept, &query(), b"another signature", &trusted), "timestamp.imprint");
    let other = Query::about(b"another signature", None, [7; 8]).expect("a query");
    assert_eq!(class(&kept, &other, b"another signature", &trusted), "timestamp.imprint");
    let later = Query::about(STAMPED, None, [8; 8]).expect("a query");
    assert_eq!(class(&kept, &later, STAMPED, &trusted), "timestamp.nonce");
    let under = Query::about(STAMPED, Some("1.2.3.4"), [7; 8]).expect("a query");
    assert_eq!(class(&kept, &under, STAMPED, &trusted), "timestamp.policy");
}

#[test]
fn a_token_by_nobody_trusted_is_refused() {
    let (tsa, other) = (Tsa::new("ec", FOR_TIMESTAMPS), Tsa::new("ec", FOR_TIMESTAMPS));
    let kept = stamped(&tsa);
    assert_eq!(class(&kept, &query(), STAMPED, &[]), "timestamp.untrusted");
    assert_eq!(class(&kept, &query(), STAMPED, &[other.trusted()]), "timestamp.untrusted");
    let both = [other.trusted(), tsa.trusted()];
    verify(&kept, &query(), STAMPED, &both, now()).expect("one of the two is meant");
    let yesterday = Some(Stamp::of(now() - Duration::from_secs(86_400)));
    let ended = Authority { valid_until: yesterday, ..tsa.trusted() };
    assert_eq!(class(&kept, &query(), STAMPED, &[ended]), "timestamp.time");
    let of_another_policy = Authority { policies: vec!["1.2.3.4".to_owned()], ..tsa.trusted() };
    assert_eq!(class(&kept, &query(), STAMPED, &[of_another_policy]), "timestamp.policy");
}

#[test]
fn a_time_that_has_not_come_is_refused() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let (kept, before) = (stamped(&tsa), now() - Duration::from_secs(3600));
    let refused =
        verify(&kept, &query(), STAMPED, &[tsa.trusted()], before).expect_err("it is of the future");
    assert_eq!(refused.class, "timestamp.time");
}

#[test]
fn a_certificate_that_is_not_for_timestamps_alone_is_refused() {
    let honest = Tsa::new("ec", FOR_TIMESTAMPS);
    let says = honest.content(&stamped(&honest));
    for usage in [
        "",
        "extendedKeyUsage=timeStamping",
        "extendedKeyUsage=critical,timeStamping,codeSigning",
        "extendedKeyUsage=critical,codeSigning",
    ] {
        let tsa = Tsa::new("ec", usage);
        let forged = tsa.sign(&says, &["-cades"]);
        assert_eq!(class(&forged, &query(), STAMPED, &[tsa.trusted()]), "timestamp.usage", "{usage}");
    }
    let forged = honest.sign(&says, &["-cades"]);
    accept(&forged, &query(), STAMPED, &[honest.trusted()], now())
        .expect("this way of forging is sound otherwise");
}

#[test]
fn a_signature_that_does_not_name_its_certificate_is_refused() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let says = tsa.content(&stamped(&tsa));
    assert_eq!(class(&tsa.sign(&says, &[]), &query(), STAMPED, &[tsa.trusted()]), "timestamp.bad");
    assert_eq!(class(&tsa.sign(&says, &["-noattr"]), &query(), STAMPED, &[tsa.trusted()]), "timestamp.form");
    let without = tsa.sign(&says, &["-cades", "-nocerts"]);
    assert_eq!(class(&without, &query(), STAMPED, &[tsa.trusted()]), "timestamp.form");
}

#[test]
fn an_authority_that_refuses_is_quoted() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let under = Query::about(STAMPED, Some("1.2.3.5"), [7; 8]).expect("a query");
    let answer = tsa.answer(&under.to_der().expect("bytes"));
    let refused = verify(&answer, &under, STAMPED, &[tsa.trusted()], now()).expect_err("it refused");
    assert_eq!(refused.class, "timestamp.status");
    assert!(refused.message.contains("status 2"), "{refused}");
}

#[test]
fn no_byte_of_a_kept_answer_can_be_another() {
    for key in ["rsa", "ec"] {
        let tsa = Tsa::new(key, FOR_TIMESTAMPS);
        let (kept, trusted) = (stamped(&tsa), [tsa.trusted()]);
        for place in 0..kept.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = kept.clone();
                if let Some(byte) = changed.get_mut(place) {
                    *byte ^= flip;
                }
                let judged = verify(&changed, &query(), STAMPED, &trusted, now());
                assert!(judged.is_err(), "{key}: byte {place} flipped by {flip:#x} is taken");
            }
        }
        for length in 0..kept.len() {
            let cut = kept.get(..length).expect("shorter");
            assert!(verify(cut, &query(), STAMPED, &trusted, now()).is_err(), "{key}: cut at {length}");
        }
        let longer = [kept.as_slice(), &[0]].concat();
        assert!(verify(&longer, &query(), STAMPED, &trusted, now()).is_err());
    }
}

#[test]
fn an_answer_with_unsigned_bytes_is_not_kept_as_it_is() {
    let tsa = Tsa::new("ec", FOR_TIMESTAMPS);
    let answer = tsa.answer(&query().to_der().expect("bytes"));
    assert_eq!(class(&answer, &query(), STAMPED, &[tsa.trusted()]), "timestamp.spelling");
}
