//! Wall and processor time, medians, and the table.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::Outcome;

/// One run of one contestant.
pub(crate) struct Sample {
    /// From the start to the first line of output, where there is one.
    pub(crate) first: Option<Duration>,
    /// From a script's first statement to its last, where there is a script.
    pub(crate) script: Option<Duration>,
    /// From the start to the end.
    pub(crate) wall: Duration,
    /// User and system time.
    pub(crate) cpu: Duration,
}

/// The runs of one contestant.
pub(crate) struct Row {
    name: &'static str,
    samples: Vec<Sample>,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::new() }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// In milliseconds, of the samples that have it.
    fn median(&self, of: impl Fn(&Sample) -> Option<Duration>) -> Option<f64> {
        let mut all: Vec<Duration> = self.samples.iter().filter_map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).map(|duration| duration.as_secs_f64() * 1000.0)
    }

    fn work(&self) -> Option<f64> {
        self.median(|sample| sample.script.or(Some(sample.wall)))
    }
}

/// Measures work of this process, on a runtime of its own with two threads; CPU is that of the whole process.
pub(crate) fn in_process<F: Future<Output = Outcome<()>>>(work: impl FnOnce() -> F) -> Outcome<Sample> {
    let cpu_before = cpu(UsageWho::RUSAGE_SELF)?;
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(work())?;
    let wall = start.elapsed();
    drop(runtime);
    Ok(Sample {
        first: None,
        script: None,
        wall,
        cpu: cpu(UsageWho::RUSAGE_SELF)?.saturating_sub(cpu_before),
    })
}

/// Measures work of this thread.
pub(crate) fn blocking(work: impl FnOnce() -> Outcome<()>) -> Outcome<Sample> {
    let cpu_before = cpu(UsageWho::RUSAGE_SELF)?;
    let start = Instant::now();
    work()?;
    let wall = start.elapsed();
    let cpu = cpu(UsageWho::RUSAGE_SELF)?.saturating_sub(cpu_before);
    Ok(Sample { first: None, script: None, wall, cpu })
}

/// Measures work of child processes that have been waited for.
pub(crate) fn processes(work: impl FnOnce() -> Outcome<()>) -> Outcome<Sample> {
    let cpu_before = children_cpu()?;
    let start = Instant::now();
    work()?;
    let wall = start.elapsed();
    Ok(Sample { first: None, script: None, wall, cpu: children_cpu()?.saturating_sub(cpu_before) })
}

/// User and system time of all children that ended and were waited for, and of theirs.
pub(crate) fn children_cpu() -> Outcome<Duration> {
    cpu(UsageWho::RUSAGE_CHILDREN)
}

fn cpu(who: UsageWho) -> Outcome<Duration> {
    let usage = getrusage(who)?;
    let duration = |time: TimeVal| -> Outcome<Duration> {
        Ok(Duration::new(time.tv_sec().try_into()?, u32::try_from(time.tv_usec())? * 1000))
    };
    Ok(duration(usage.user_time())? + duration(usage.system_time())?)
}

/// Prints one table. The first row is the floor of the last column, which compares what a script does, or the whole program where
/// there is no script.
pub(crate) fn print(title: &str, rows: &[Row]) {
    let floor = rows.first().and_then(Row::work).unwrap_or_default();
    let rounds = rows.first().map_or(0, |row| row.samples.len());
    println!("\n{title} (median of {rounds})\n");
    println!("| {:<30} | first line ms | script ms | whole ms | CPU ms | to floor |", "");
    println!("|:{:-<30}-|--------------:|----------:|---------:|-------:|---------:|", "");
    for row in rows {
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        println!(
            "| {:<30} | {:>13} | {:>9} | {:>8} | {:>6} | {:>7.2}x |",
            row.name,
            shown(row.median(|sample| sample.first)),
            shown(row.median(|sample| sample.script)),
            shown(row.median(|sample| Some(sample.wall))),
            shown(row.median(|sample| Some(sample.cpu))),
            row.work().unwrap_or_default() / floor,
        );
    }
}
