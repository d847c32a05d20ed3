//! Wall and processor time, medians, and the table.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// One run of one contestant.
pub(crate) struct Sample {
    wall: Duration,
    cpu: Duration,
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

    fn median(&self, of: impl Fn(&Sample) -> Duration) -> Duration {
        let mut all: Vec<Duration> = self.samples.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    }
}

/// Measures work of this process, on a runtime of its own with two threads; CPU is that of the whole process.
pub(crate) fn in_process<F: Future<Output = Outcome<()>>>(work: impl FnOnce() -> F) -> Outcome<Sample> {
    let cpu_before = own_cpu();
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(work())?;
    let wall = start.elapsed();
    drop(runtime);
    Ok(Sample { wall, cpu: own_cpu().saturating_sub(cpu_before) })
}

/// Measures work of child processes that have been waited for.
pub(crate) fn processes(work: impl FnOnce() -> Outcome<()>) -> Outcome<Sample> {
    let mut work = Some(work);
    let cpu_before = children_cpu()?;
    let start = Instant::now();
    if let Some(work) = work.take() {
        work()?;
    }
    Ok(Sample { wall: start.elapsed(), cpu: children_cpu()?.saturating_sub(cpu_before) })
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or_default())
}

/// User and system time of all children that ended, from `/proc/self/stat` (proc(5)): fields 16 and 17, in hundredths of a second.
fn children_cpu() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("unexpected /proc/self/stat")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Prints one table. The first row is the floor.
pub(crate) fn print(title: &str, rows: &[Row]) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let floor = rows.first().map_or(0.0, |row| ms(row.median(|sample| sample.wall)));
    let rounds = rows.first().map_or(0, |row| row.samples.len());
    println!("\n{title} (median of {rounds})\n");
    println!("| {:<28} | {:>10} | {:>10} | {:>9} |", "", "wall ms", "CPU ms", "to floor");
    println!("|{:-<30}|{:->12}|{:->12}|{:->11}|", "", ":", ":", ":");
    for row in rows {
        let (wall, cpu) = (ms(row.median(|sample| sample.wall)), ms(row.median(|sample| sample.cpu)));
        println!("| {:<28} | {wall:>10.1} | {cpu:>10.1} | {:>8.2}x |", row.name, wall / floor);
    }
}
