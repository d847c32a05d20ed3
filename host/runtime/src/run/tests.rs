//! Runs whose worker says what no sound one says: each ends with a sealed packet.

use std::fs;
use std::time::SystemTime;

use fabric_model::check::Place;
use fabric_model::door::FromWorker;
use fabric_twin::Twin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    fs::write(project.join("fabric.toml"), SITE).expect("a file");
    let script = project.join("crafted.rhai");
    fs::write(&script, SCRIPT).expect("a file");
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
        time_limit: Duration::from_secs(120),
        watch: Arc::new(Unwatched),
    };
    let (worker, theirs) = Worker::crafted().expect("a process");
    let (mut hears, mut says) = theirs.into_split();
    let hears = tokio::spawn(async move {
        let mut heard = vec![0; 1 << 16];
        while hears.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
    });
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
    FromWorker::Call { call_id, place: Place(vec![1]), check, primitive, arguments }
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
