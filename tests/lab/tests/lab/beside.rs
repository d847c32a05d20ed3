//! The lab's own probe beside a GameDay, and whether the GameDay's probe saw the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::machine::Lab;

/// Who is asked for what: the front VIP, for the first zone behind it.
const WORDS: [&str; 10] = [
    "probe",
    "dns",
    "--server",
    "192.168.11.100",
    "--name",
    "infra.samakia.net",
    "--every",
    "20",
    "--for",
    "600",
];

/// A probe that runs.
pub(crate) struct Beside {
    child: Child,
    out: PathBuf,
}

/// What a probe saw of the worst outage: it was longer than `least_ms` and shorter than `most_ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// From the first to the last question that was lost.
    pub(crate) least_ms: f64,
    /// The gap: from the last good question before it to the first one after it.
    pub(crate) most_ms: f64,
    /// How many questions were lost in all.
    pub(crate) lost: usize,
}

impl Beside {
    pub(crate) fn begin(lab: &Lab) -> Self {
        let out = lab.dir.join("probe.json");
        let _not_there = fs::remove_file(out.with_extension("stop"));
        let mut command = lab.command(&["exec", "runner", "--", env!("CARGO_BIN_EXE_fabric-lab")]);
        command.args(WORDS).arg("--out").arg(&out).stderr(Stdio::inherit());
        Self { child: command.spawn().expect("fabric-lab starts"), out }
    }

    /// The samples: when each was sent, in milliseconds of the Unix time, and whether its answer was good.
    pub(crate) fn end(mut self) -> Vec<(f64, bool)> {
        fs::write(self.out.with_extension("stop"), "").expect("the probe can be stopped");
        assert!(self.child.wait().expect("the probe ends").success(), "the lab's own probe failed");
        let report: Value =
            serde_json::from_str(&fs::read_to_string(&self.out).expect("a report")).expect("JSON");
        let samples = report.pointer("/samples").and_then(Value::as_array).expect("samples");
        let sample = |sample: &Value| {
            let sent = sample.get("sent_ns").and_then(Value::as_f64).expect("a time");
            (sent / 1e6, sample.get("took_ns").is_some_and(|took| !took.is_null()))
        };
        samples.iter().map(sample).collect()
    }
}

/// The samples of a GameDay's probe, in milliseconds since it began.
pub(crate) fn of_gameday(artifact: &Path) -> Vec<(f64, bool)> {
    let text = fs::read_to_string(artifact).expect("the artifact of the probe");
    let sample = |line: &str| {
        let sample: Value = serde_json::from_str(line).expect("a sample");
        let sent = sample.get("sent_ns").and_then(Value::as_f64).expect("a time");
        (sent / 1e6, sample.get("good").and_then(Value::as_bool).expect("a verdict"))
    };
    text.lines().map(sample).collect()
}

/// The longest time between good answers that go on for `blink_ms`. Where samples are lost at the beginning or at the end, the time
/// from the first or to the last counts as well.
pub(crate) fn worst(samples: &[(f64, bool)], blink_ms: f64) -> Outage {
    let lost = samples.iter().filter(|(_, good)| !good).count();
    let mut worst = Outage { least_ms: 0.0, most_ms: 0.0, lost };
    let good = |at: &usize| samples[*at].1 && lasts(samples, *at) >= blink_ms;
    let last = samples.len().saturating_sub(1);
    let points: Vec<usize> = (0..samples.len()).filter(|at| good(at) || (*at == 0 || *at == last)).collect();
    for pair in points.windows(2) {
        let most_ms = samples[pair[1]].0 - samples[pair[0]].0;
        if most_ms > worst.most_ms {
            let inner: Vec<f64> =
                (pair[0]..=pair[1]).filter(|at| !good(at)).map(|at| samples[at].0).collect();
            let least = inner.last().zip(inner.first()).map_or(0.0, |(last, first)| last - first);
            (worst.least_ms, worst.most_ms) = (least, most_ms);
        }
    }
    worst
}

/// For how long answers are good around a sample, at least: from the first good question after one that was lost to the last one before
/// the next. Without end where none was lost on either side.
fn lasts(samples: &[(f64, bool)], at: usize) -> f64 {
    let lost = |sample: &(f64, bool)| !sample.1;
    let first = samples[..at].iter().rposition(lost).map(|before| samples[before + 1].0);
    let last = samples[at..].iter().position(lost).map(|after| samples[at + after - 1].0);
    first.zip(last).map_or(f64::INFINITY, |(first, last)| last - first)
}

/// Whether one outage explains what both saw. Each knows its beginning and its end to one of its own intervals, so two that agree
/// differ by less than one interval of each. While a VIP moves, single questions get through: what comes back for less than an interval
/// of the slower probe, each may have met or not.
pub(crate) fn agree(slower: &[(f64, bool)], faster: &[(f64, bool)]) -> bool {
    let blink_ms = interval(slower);
    [(0.0, 0.0), (0.0, blink_ms), (blink_ms, blink_ms)].into_iter().any(|(one, other)| {
        let (one, other) = (worst(slower, one), worst(faster, other));
        one.least_ms <= other.most_ms && other.least_ms <= one.most_ms
    })
}

/// From one sample to the next, as it was most often.
pub(crate) fn interval(samples: &[(f64, bool)]) -> f64 {
    let mut all: Vec<f64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

#[test]
fn outages_agree_within_an_interval_of_each_probe_and_not_beyond() {
    let samples = |every: f64, from: f64, to: f64| -> Vec<(f64, bool)> {
        (0..200).map(|number| f64::from(number) * every).map(|at| (at, at < from || at >= to)).collect()
    };
    let slower = samples(50.0, 1010.0, 4020.0);
    let seen = worst(&slower, 0.0);
    assert_eq!((seen.least_ms, seen.most_ms, seen.lost), (2950.0, 3050.0, 60));
    assert!(agree(&slower, &samples(20.0, 1010.0, 4020.0)));
    assert!(!agree(&slower, &samples(20.0, 1010.0, 3910.0)), "the other saw it 110 ms shorter");
    assert!(!agree(&slower, &samples(20.0, 1010.0, 1010.0)), "the other saw nothing");
    // It comes back in the middle: between two questions of the slower one, or for long enough that it must have seen it.
    for (back, agrees) in [(45.0, true), (90.0, false)] {
        let mut faster = samples(20.0, 1010.0, 4020.0);
        faster
            .iter_mut()
            .filter(|(at, _)| (2010.0..2010.0 + back).contains(at))
            .for_each(|(_, good)| *good = true);
        assert_eq!(agree(&slower, &faster), agrees, "for {back} ms");
    }
    let mut blinking = slower.clone();
    blinking[40].1 = true;
    assert!(agree(&blinking, &samples(20.0, 1010.0, 4020.0)), "one question got through");
    blinking[41].1 = true;
    assert!(!agree(&blinking, &samples(20.0, 1010.0, 4020.0)), "two in a row are an end");
}
