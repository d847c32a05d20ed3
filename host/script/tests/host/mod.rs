//! A scripted host: it starts a worker, answers its calls, and keeps every frame.

#![expect(dead_code, reason = "each test program uses its own part of it")]

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use fabric_model::check::{Place, Verdict};
use fabric_model::door::{self, FromWorker, Holding, Limits, Outcome, Reply, ScopeEnded, ScopeReport, Start};
use fabric_model::{Code, Fault, Stage, Value};

/// What the worker sent, and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) frames: Vec<FromWorker>,
}

pub(crate) fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("the test's own JSON")
}

pub(crate) fn start(source: &str) -> Start {
    Start {
        version: door::VERSION,
        path: "a.rhai".into(),
        source: source.into(),
        modules: BTreeMap::new(),
        params: BTreeMap::from([("zone".to_owned(), Value::from("a.test"))]),
        primitives: ["dns.query", "unit.state", "unit.stop", "vip.holder"]
            .iter()
            .map(|n| n.parse().expect("a name"))
            .collect(),
        site: value(
            r#"{"site": {"name": "x"}, "hosts": {
                "dns-edge-1": {"plane": "dns", "role": "edge", "vmid": 1},
                "dns-edge-2": {"plane": "dns", "role": "edge", "vmid": 2},
                "minio-1": {"plane": "minio", "role": "node", "vmid": 3}},
                "vips": {"dns": {"address": "10.0.0.5/24"}}}"#,
        ),
        limits: Limits::default(),
    }
}

/// The answer to a call: `ok` echoes the arguments, `fault` is a fault of the code given, `denied` a denial.
pub(crate) fn answer(arguments: &Value) -> Result<Value, Fault> {
    let Value::Map(map) = arguments else { return Ok(Value::Null) };
    match map.get("fault") {
        Some(Value::Text(code)) => {
            let code = Code::ALL.iter().copied().find(|c| c.as_str() == code).expect("a code");
            Err(Fault::new(code, Stage::Observe, "as the test wants").hint("Do nothing."))
        }
        _ => Ok(arguments.clone()),
    }
}

/// The fault that a scope with the title `begin CODE` or `end CODE` is answered by.
fn refused(title: &str, when: &str) -> Option<Fault> {
    let code = Code::ALL.iter().copied().find(|code| title.strip_prefix(when) == Some(code.as_str()))?;
    Some(Fault::new(code, Stage::Undo, "as the title wants"))
}

/// What a scope came to; one with the title `planned` is only planned.
fn report(title: &str) -> Value {
    let holding = Holding {
        vip: "dns".parse().expect("a name"),
        at_ms: 120,
        hosts: vec!["dns-edge-2".parse().expect("a name")],
        silent: Vec::new(),
    };
    let planned = title == "planned";
    let report = ScopeReport { planned, sent: 40, lost: 3, gap_ms: 250, holders: vec![holding] };
    Value::encode(&report).expect("plain data")
}

/// Plays the host until the stream ends. `counting` calls of it are answered by what `answers` gives.
pub(crate) fn play(
    mut stream: UnixStream,
    start: &Start,
    answers: &mut dyn FnMut(&Value) -> Result<Value, Fault>,
) -> Told {
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a socket");
    door::write(&mut stream, start).expect("the worker reads its start");
    let mut told = Told::default();
    let mut titles = BTreeMap::new();
    while let Ok(frame) = door::read::<FromWorker>(&mut stream) {
        let reply = match &frame {
            FromWorker::Call { call_id, arguments, .. } => {
                Some(Reply { call_id: *call_id, result: answers(arguments) })
            }
            FromWorker::Document { call_id, name, .. } => {
                Some(Reply { call_id: *call_id, result: Ok(Value::Text(format!("digest of {name}"))) })
            }
            FromWorker::Wait { call_id, .. } => Some(Reply { call_id: *call_id, result: Ok(Value::Null) }),
            // A title that begins with a code is answered by that fault.
            FromWorker::ScopeBegin { call_id, title, .. } => {
                titles.insert(*call_id, title.clone());
                Some(Reply {
                    call_id: *call_id,
                    result: refused(title, "begin ").map_or(Ok(Value::Null), Err),
                })
            }
            FromWorker::ScopeEnd { call_id, scope, .. } => {
                let title = titles.get(scope).expect("a scope that began");
                let result = refused(title, "end ").map_or_else(|| Ok(report(title)), Err);
                Some(Reply { call_id: *call_id, result })
            }
            _ => None,
        };
        // A worker of its own process says first that it is confined.
        if !matches!(frame, FromWorker::Confined { .. }) {
            told.frames.push(frame);
        }
        if let Some(reply) = reply {
            door::write(&mut stream, &reply).expect("the worker reads its replies");
        }
    }
    told
}

fn ended(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail { .. } => "fail",
        Verdict::Error { .. } => "error",
        Verdict::Skip { .. } => "skip",
        Verdict::Deferred { .. } => "deferred",
    }
}

/// Runs a worker in this process.
pub(crate) fn run_start(start: &Start, answers: &mut dyn FnMut(&Value) -> Result<Value, Fault>) -> Told {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let worker = thread::spawn(move || fabric_script::worker::run(theirs));
    let told = play(ours, start, answers);
    worker.join().expect("the worker does not panic").expect("the worker sends its end");
    told
}

pub(crate) fn run(source: &str) -> Told {
    run_start(&start(source), &mut answer)
}

impl Told {
    pub(crate) fn outcome(&self) -> &Outcome {
        match self.frames.last() {
            Some(FromWorker::End { outcome }) => outcome,
            other => unreachable!("no end, but {other:?}"),
        }
    }

    pub(crate) fn finished(&self) -> &Self {
        assert_eq!(*self.outcome(), Outcome::Finished, "{:#?}", self.frames);
        self
    }

    pub(crate) fn threw(&self) -> &str {
        match self.outcome() {
            Outcome::Threw { message } => message,
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) fn limit(&self) -> &str {
        match self.outcome() {
            Outcome::Limit { message } => message,
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) fn aborted(&self) -> &str {
        match self.outcome() {
            Outcome::Aborted { reason } => reason,
            other => unreachable!("{other:?}"),
        }
    }

    /// What happened, in order, in a word or two each: `begin t`, `unit.stop`, `wait`, `check t`, `pass`, `end Finished`.
    pub(crate) fn order(&self) -> Vec<String> {
        let words = self.frames.iter().filter_map(|frame| match frame {
            FromWorker::Call { primitive, .. } => Some(primitive.to_string()),
            FromWorker::CheckBegin { title, .. } => Some(format!("check {title}")),
            FromWorker::CheckEnd { verdict, .. } => Some(ended(verdict).to_owned()),
            FromWorker::Wait { .. } => Some("wait".to_owned()),
            FromWorker::ScopeBegin { title, .. } => Some(format!("begin {title}")),
            FromWorker::ScopeEnd { ended, .. } => Some(match ended {
                ScopeEnded::Finished => "end finished".to_owned(),
                ScopeEnded::Threw { .. } => "end threw".to_owned(),
                ScopeEnded::Aborted { reason } => format!("end aborted: {reason}"),
            }),
            FromWorker::Document { name, .. } => Some(format!("document {name}")),
            FromWorker::Human { role, name, .. } => Some(format!("{role} {name}")),
            FromWorker::Print { text, .. } => Some(format!("print {text}")),
            FromWorker::Confined { .. } | FromWorker::End { .. } => None,
        });
        words.collect()
    }

    pub(crate) fn prints(&self) -> Vec<&str> {
        let texts = self.frames.iter().filter_map(|frame| match frame {
            FromWorker::Print { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn calls(&self) -> usize {
        self.frames.iter().filter(|f| matches!(f, FromWorker::Call { .. })).count()
    }

    /// Title, place and verdict of each check, in the order of their places.
    pub(crate) fn checks(&self) -> Vec<(String, Place, Option<Verdict>)> {
        let mut checks: Vec<_> = self
            .frames
            .iter()
            .filter_map(|frame| match frame {
                FromWorker::CheckBegin { check, place, title } => {
                    Some((title.clone(), place.clone(), self.verdict(*check)))
                }
                _ => None,
            })
            .collect();
        checks.sort_by(|a, b| a.1.cmp(&b.1));
        checks
    }

    fn verdict(&self, wanted: u64) -> Option<Verdict> {
        self.frames.iter().find_map(|frame| match frame {
            FromWorker::CheckEnd { check, verdict } if *check == wanted => Some(verdict.clone()),
            _ => None,
        })
    }
}
