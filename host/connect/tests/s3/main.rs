//! The S3 client against a real server on loopback: RustFS, whose executable the variable FABRIC_RUSTFS names. Without it these tests are
//! shown as ignored, and nobody may take that for passed.

#![expect(clippy::panic, reason = "a test fails by panicking, and names what it expects")]

mod rustfs;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_twin::conformance::{S3Ground, s3_conforms};
use fabric_wire::endpoint::{S3Server, Secret, SshIdentity};
use fabric_wire::s3::{Access, Client};
use fabric_wire::{Deadline, Seams, WireError};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::rustfs::RustFs;
use crate::writer::send;

const BUCKET: &str = "plain-bucket";

/// Keys that a client or a server may stumble over, with the percent-encoding in which they are put.
const KEYS: [(&str, &str); 8] = [
    ("keys/%41 stays", "keys/%2541%20stays"),
    ("keys/+ plus", "keys/%2B%20plus"),
    ("keys/a&b=c?d#e", "keys/a%26b%3Dc%3Fd%23e"),
    ("keys/a..b/..c", "keys/a..b/..c"),
    ("keys/one two", "keys/one%20two"),
    ("keys/plain.txt", "keys/plain.txt"),
    ("keys/~tilde'quote\"", "keys/~tilde%27quote%22"),
    ("keys/äöü/☃", "keys/%C3%A4%C3%B6%C3%BC/%E2%98%83"),
];

/// The ways out of this machine. No test here speaks SSH.
fn seams() -> Seams {
    let none = tempfile::NamedTempFile::new().expect("a file");
    let known_hosts = KnownHosts::read(none.path()).expect("an empty file");
    let nobody = SshIdentity::Key(Secret::new(Vec::new()));
    fabric_connect::seams(Arc::new(SshClient::new(known_hosts, nobody)))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn client(server: &S3Server) -> Client {
    Client::new(seams(), server.clone()).expect("the authority is sound")
}

fn nameless(server: &S3Server) -> Client {
    client(&S3Server { keys: None, ..server.clone() })
}

pub(crate) async fn is_ready(server: &S3Server) -> bool {
    let health = nameless(server).health(soon()).await;
    health.is_ok_and(|health| health.ready.healthy && health.cluster.healthy)
}

async fn put(server: &S3Server, path: &str, query: &str, fields: &[(&str, &str)], body: &str) {
    let (status, answer) = send(server, "PUT", (path, query), fields, body.as_bytes()).await;
    assert_eq!(status, 200, "PUT {path}?{query}: {answer}");
}

/// A key of 1,024 bytes, in segments that a file system can hold.
fn longest() -> String {
    let key = format!("keys/{}", format!("{}/", "x".repeat(200)).repeat(6));
    key.chars().take(1024).collect()
}

async fn a_real_server_conforms(program: PathBuf) {
    let real = RustFs::start(&program).await;
    put(&real.server, "/plain-bucket", "", &[], "").await;
    let mut keys = vec![longest()];
    put(&real.server, &format!("/{BUCKET}/{}", longest()), "", &[], "long").await;
    for (key, encoded) in KEYS {
        put(&real.server, &format!("/{BUCKET}/{encoded}"), "", &[("content-type", "text/plain")], key).await;
        keys.push(key.to_owned());
    }
    keys.sort();
    let ground = S3Ground {
        server: real.server.clone(),
        bucket: BUCKET.to_owned(),
        folder: "keys/".to_owned(),
        keys,
        minio: true,
    };
    for case in s3_conforms(&seams(), &ground).await {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
    // RustFS takes no key that would lead somewhere else as a path. It is sent as it is all the same, under a signature that holds: the
    // refusal is the server's own.
    for key in ["keys/../up", "keys/./here", "keys//none"] {
        let refused = client(&real.server).content(BUCKET, key, 1 << 10, soon()).await;
        let own = matches!(&refused, Err(WireError::Garbage(why)) if why.contains("400 InvalidArgument"));
        assert!(own, "{key}: {refused:?}");
    }
    for (key, _) in KEYS {
        let read = client(&real.server).content(BUCKET, key, 1 << 10, soon()).await.expect("it is there");
        assert_eq!(read.bytes, key.as_bytes(), "another object than `{key}`");
        assert_eq!(read.head.content_type.as_deref(), Some("text/plain"));
    }
}

async fn pages_of_a_real_server_are_joined(program: PathBuf) {
    let real = RustFs::start(&program).await;
    put(&real.server, "/many-objects", "", &[], "").await;
    // One more than a page: the server gives at most 1,000 at once.
    for number in 0..1_001 {
        put(&real.server, &format!("/many-objects/o/{number:04}"), "", &[], "x").await;
    }
    let client = client(&real.server);
    let all = client.objects("many-objects", "o/", 10_000, soon()).await.expect("a listing");
    assert!(all.entries.iter().map(|entry| entry.key.clone()).eq((0..1_001).map(|n| format!("o/{n:04}"))));
    assert!(!all.truncated);
    let some = client.objects("many-objects", "o/", 1_000, soon()).await.expect("a listing");
    assert_eq!((some.entries.len(), some.truncated), (1_000, true));
    let versions = client.versions("many-objects", "o/", 10_000, soon()).await.expect("a listing");
    assert_eq!((versions.entries.len(), versions.truncated), (1_001, false));
}

async fn a_public_bucket_of_a_real_server_is_seen_as_one(program: PathBuf) {
    let real = RustFs::start(&program).await;
    put(&real.server, "/public-bucket", "", &[], "").await;
    put(&real.server, "/public-bucket/a", "", &[], "x").await;
    let probe = nameless(&real.server);
    let denied = probe.anonymous("public-bucket", None, soon()).await.expect("an answer");
    assert_eq!(
        (denied.access, denied.status, denied.code.as_deref()),
        (Access::Denied, 403, Some("AccessDenied"))
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::public-bucket","arn:aws:s3:::public-bucket/*"]}]}"#;
    let (status, answer) =
        send(&real.server, "PUT", ("/public-bucket", "policy="), &[], policy.as_bytes()).await;
    assert!(matches!(status, 200 | 204), "{answer}");
    for key in [None, Some("a")] {
        let allowed = probe.anonymous("public-bucket", key, soon()).await.expect("an answer");
        assert_eq!(allowed.access, Access::Allowed, "{key:?}");
    }
    let read = client(&real.server).policy("public-bucket", soon()).await.expect("an answer");
    assert!(read.is_some_and(|policy| policy.contains("s3:ListBucket")));
}

async fn locks_of_a_real_server_are_read(program: PathBuf) {
    let real = RustFs::start(&program).await;
    put(&real.server, "/locked-bucket", "", &[("x-amz-bucket-object-lock-enabled", "true")], "").await;
    let settings = client(&real.server).lock_settings("locked-bucket", soon()).await.expect("settings");
    assert_eq!(
        (settings.versioning.as_deref(), settings.lock, settings.default),
        (Some("Enabled"), true, None)
    );
    let rule = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>3</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    put(&real.server, "/locked-bucket", "object-lock=", &[], rule).await;
    let settings = client(&real.server).lock_settings("locked-bucket", soon()).await.expect("settings");
    let default = settings.default.expect("a rule");
    assert_eq!((default.mode.as_str(), default.days, default.years), ("GOVERNANCE", Some(3), None));
    put(&real.server, "/locked-bucket/a", "", &[], "one").await;
    let kept = client(&real.server).retention("locked-bucket", "a", soon()).await.expect("an answer");
    assert_eq!(
        (kept.mode.as_deref(), kept.until.is_some(), kept.legal_hold),
        (Some("GOVERNANCE"), true, false)
    );
    let hold = "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>ON</Status></LegalHold>";
    put(&real.server, "/locked-bucket/a", "legal-hold=", &[], hold).await;
    assert!(
        client(&real.server).retention("locked-bucket", "a", soon()).await.expect("an answer").legal_hold
    );
    // Two versions, and then a mark that hides them.
    put(&real.server, "/locked-bucket/a", "", &[], "two").await;
    let (status, answer) = send(&real.server, "DELETE", ("/locked-bucket/a", ""), &[], b"").await;
    assert_eq!(status, 204, "{answer}");
    let versions = client(&real.server).versions("locked-bucket", "", 10, soon()).await.expect("a listing");
    let seen: Vec<(bool, bool, Option<u64>)> =
        versions.entries.iter().map(|entry| (entry.deleted, entry.latest, entry.size)).collect();
    let mut wanted = vec![(true, true, None), (false, false, Some(3)), (false, false, Some(3))];
    wanted.retain(|one| !seen.contains(one));
    assert!(wanted.is_empty() && seen.len() == 3, "{seen:?}");
}

type Outcome = Result<(), Failed>;

/// A test over the program, if there is one.
fn over<F: Future<Output = ()>>(
    program: Option<&PathBuf>,
    test: fn(PathBuf) -> F,
) -> impl FnOnce() -> Outcome + use<F> {
    let given = program.cloned();
    move || {
        let program = given.ok_or("not run: FABRIC_RUSTFS names no executable")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(test(program));
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which real server is tested is for whoever starts the tests to say"
)]
fn main() -> ExitCode {
    let program = std::env::var_os("FABRIC_RUSTFS").map(PathBuf::from);
    if program.is_none() {
        eprintln!(
            "not run: FABRIC_RUSTFS names no RustFS, so nothing here was tried against a real S3 server"
        );
    }
    let of = program.as_ref();
    let trials = vec![
        Trial::test("a_real_server_conforms", over(of, a_real_server_conforms)),
        Trial::test("pages_of_a_real_server_are_joined", over(of, pages_of_a_real_server_are_joined)),
        Trial::test(
            "a_public_bucket_of_a_real_server_is_seen_as_one",
            over(of, a_public_bucket_of_a_real_server_is_seen_as_one),
        ),
        Trial::test("locks_of_a_real_server_are_read", over(of, locks_of_a_real_server_are_read)),
    ];
    let trials =
        trials.into_iter().map(|trial| trial.with_kind("RustFS").with_ignored_flag(program.is_none()));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
