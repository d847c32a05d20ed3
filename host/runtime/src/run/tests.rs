//! Runs whose worker says what no sound one says: each ends with a sealed packet.

use std::fs;
use std::time::SystemTime;

use fabric_model::check::Place;
use fabric_model::door::FromWorker;
use fabric_twin::Twin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedReadHalf;
use tokio::task::JoinHandle;

use super::*;
use crate::home::Home;
use crate::recording::Source;
use crate::watch::Unwatched;

const SITE: &str = include_str!("../../../../fabric.toml");

const SCRIPT: &str = "// /// fabric\n// title = \"Crafted\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n//\n\
    // [needs]\n// \"tcp.connect\" = [\"vip:dns\"]\n// ///\n";

const POLICY: &str = "format = 1\n[[allow]]\nname = \"probes\"\nenvironments = [\"twin\"]\nroles = [\"site-dev\"]\n\
    [allow.primitives]\n\"tcp.connect\" = [\"vip:dns\"]\n";

/// What a run came to, and the lines of its journal.
async fn told(frames: &[FromWorker]) -> (Finished, Vec<String>) {
    told_by(SCRIPT, frames).await
}

/// The same for a script with another declaration.
async fn told_by(declaration: &str, frames: &[FromWorker]) -> (Finished, Vec<String>) {
    let hears = |mut from: OwnedReadHalf| {
        tokio::spawn(async move {
            let mut heard = vec![0; 1 << 16];
            while from.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
        })
    };
    told_to(declaration, frames, Duration::from_secs(120), hears).await
}

/// The same for a worker that hears as it is told to, within a time limit.
async fn told_to(
    declaration: &str,
    frames: &[FromWorker],
    time_limit: Duration,
    hears: impl FnOnce(OwnedReadHalf) -> JoinHandle<()>,
) -> (Finished, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    fs::write(project.join("fabric.toml"), SITE).expect("a file");
    let script = project.join("crafted.rhai");
    fs::write(&script, declaration).expect("a file");
    let home = Home::at(folder.path().join("home"));
    let role = "site-dev".parse().expect("a name");
    home.set_up("tests <tests@localhost>", &role, SystemTime::now()).expect("a home");
    let file = site::load(&project.join("fabric.toml")).expect("the site file is right");
    let twin = Twin::new(&file.site, 1);
    let script = Script::load(&project, script.to_str().expect("UTF-8")).expect("the script is right");
    let run = Run {
        script,
        params: BTreeMap::new(),
        world: Arc::new(World::rehearsal(file, Arc::new(twin))),
        policy: ("policy.toml".to_owned(), POLICY.to_owned()),
        operator: home.operator().expect("an operator"),
        mode: Mode::Rehearse,
        answers: Source::Site,
        execution: None,
        runs: project.join("evidence/runs"),
        time_limit,
        watch: Arc::new(Unwatched),
    };
    let (worker, theirs) = Worker::crafted().expect("a process");
    let (from, mut says) = theirs.into_split();
    let hears = hears(from);
    let said = Confinement::of(vec![Lack::of(Layer::Landlock, "a test"), Lack::of(Layer::Seccomp, "a test")]);
    let confined = FromWorker::Confined { version: door::VERSION, confinement: said };
    let bytes: Vec<u8> =
        [confined].iter().chain(frames).flat_map(|f| door::encode(f).expect("a small frame")).collect();
    let says = tokio::spawn(async move {
        // The host hangs up in the middle where it should; a worker that says nothing more stays.
        let _ = says.write_all(&bytes).await;
        says
    });
    let finished = run_with(worker, run).await.unwrap_or_else(|refusal| panic!("no packet: {refusal}"));
    says.abort();
    hears.abort();
    let journal = fs::read_to_string(finished.sealed.dir.join("journal.jsonl")).expect("a journal");
    (finished, journal.lines().map(str::to_owned).collect())
}

fn begin(check: u64) -> FromWorker {
    FromWorker::CheckBegin { check, place: Place(vec![0]), title: "crafted".to_owned() }
}

fn pass(check: u64) -> FromWorker {
    FromWorker::CheckEnd { check, verdict: Verdict::Pass }
}

fn call(call_id: u64, check: Option<u64>) -> FromWorker {
    let arguments = Value::table([("target", "vip:dns".into()), ("port", 53.into())]);
    let primitive = "tcp.connect".parse().expect("a name");
    FromWorker::Call { call_id, place: Place(vec![1]), check, in_condition: false, primitive, arguments }
}

fn wait(call_id: u64) -> FromWorker {
    FromWorker::Wait { call_id, millis: 0 }
}

fn end() -> FromWorker {
    FromWorker::End { outcome: Outcome::Finished }
}

#[tokio::test]
async fn a_worker_that_breaks_the_protocol_is_ended_with_a_packet() {
    let cases: [(&str, Vec<FromWorker>); 11] = [
        ("check 9007199254740992 is out of bounds", vec![begin(1 << 53), end()]),
        ("check 4503599627370496 is out of bounds", vec![begin(OWN_CALLS), end()]),
        ("check 1 begins twice", vec![begin(1), begin(1), end()]),
        ("check 1 begins twice", vec![begin(1), pass(1), begin(1), end()]),
        ("the end of check 1, which is not open", vec![pass(1), end()]),
        ("the end of check 1, which is not open", vec![begin(1), pass(1), pass(1), end()]),
        ("a call of check 1152921504606846976, which is not open", vec![call(1, Some(1 << 60)), end()]),
        ("a call of check 1, which is not open", vec![begin(1), pass(1), call(2, Some(1)), end()]),
        ("check 1 ends before one of its calls", vec![begin(1), call(2, Some(1)), pass(1), end()]),
        ("call 2 is made twice", vec![call(2, None), wait(2), end()]),
        ("call 4503599627370496 is out of bounds", vec![wait(OWN_CALLS), end()]),
    ];
    for (expected, frames) in cases {
        let (finished, journal) = told(&frames).await;
        let WorkerEnd::Died { message } = &finished.worker else {
            panic!("{expected}: {:?}", finished.worker)
        };
        assert!(message.contains(expected), "{expected}: {message}");
        assert_eq!(finished.exit, Exit::Script, "{expected}");
        assert!(journal.last().is_some_and(|line| line.contains("run_ended")), "{expected}");
    }
}

#[tokio::test]
async fn waits_count_as_calls() {
    let flood: Vec<FromWorker> = (0..=10_000).map(wait).chain([end()]).collect();
    let (finished, _) = told(&flood).await;
    assert_eq!(finished.exit, Exit::Limit, "{:?}", finished.worker);
    let (finished, _) = told(&flood[1..]).await;
    assert_eq!(finished.exit, Exit::Done, "{:?}", finished.worker);
}

#[tokio::test]
async fn nothing_is_taken_after_the_end() {
    let (finished, journal) = told(&[end(), call(1, None), begin(2)]).await;
    assert_eq!(finished.exit, Exit::Done, "{:?}", finished.worker);
    assert!(!journal.iter().any(|line| line.contains("call_requested") || line.contains("check_begun")));
}

#[tokio::test]
async fn a_script_that_ends_within_a_scope_did_not_come_to_its_end() {
    let declaration = SCRIPT.replace("acceptance", "gameday").replace("observe", "change");
    let begin = |call_id| FromWorker::ScopeBegin {
        call_id,
        place: Place(vec![0]),
        title: "crafted".to_owned(),
        watch: door::Watched::default(),
    };
    let ends = |scope| FromWorker::ScopeEnd { call_id: scope + 1, scope, ended: door::ScopeEnded::Finished };
    let (finished, journal) = told_by(&declaration, &[begin(1), end()]).await;
    assert_eq!(finished.exit, Exit::Script, "{:?}", finished.worker);
    assert!(journal.iter().any(|line| line.contains("ended within a `during`")), "{journal:#?}");
    let (finished, _) = told_by(&declaration, &[begin(1), ends(1), end()]).await;
    assert_eq!(finished.exit, Exit::Done, "{:?}", finished.worker);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_denied_on_record() {
    let arguments = Value::table([("target", "vip:vault".into()), ("port", 8200.into())]);
    let primitive = "tcp.connect".parse().expect("a name");
    let place = Place(vec![1]);
    let call = FromWorker::Call { call_id: 1, place, check: None, in_condition: false, primitive, arguments };
    let (finished, journal) = told(&[call, end()]).await;
    assert_eq!(finished.exit, Exit::Denied, "{:?}", finished.worker);
    assert!(journal.iter().any(|line| line.contains("denied.undeclared")), "{journal:#?}");
}

/// Holds its end of the door open, and reads nothing from it.
fn deaf(from: OwnedReadHalf) -> JoinHandle<()> {
    tokio::spawn(async move {
        let _held = from;
        std::future::pending::<()>().await;
    })
}

#[tokio::test]
async fn a_worker_that_reads_nothing_is_ended_at_the_deadline() {
    // The first does not read its script, which no buffer holds; the second does not read its replies.
    let long = format!("{SCRIPT}// {}\n", "x".repeat(250 << 10));
    let waits: Vec<FromWorker> = (0..10_000).map(wait).collect();
    for (declaration, frames) in [(long.as_str(), &[][..]), (SCRIPT, &waits)] {
        let (finished, _) = told_to(declaration, frames, Duration::from_secs(2), deaf).await;
        assert_eq!(finished.exit, Exit::Limit, "{:?}", finished.worker);
        let limit = WorkerEnd::Limit { message: "a run takes at most 2 s".to_owned() };
        assert_eq!(finished.worker, limit);
    }
}
