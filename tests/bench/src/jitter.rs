//! How late a continuous probe sends its samples, next to a bare timer of the same runtime.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fabric_evidence::probe::{self, Lateness, Sample};
use tokio::time::Instant;

use crate::Outcome;

/// How long each of them samples.
const FOR: Duration = Duration::from_secs(10);

/// Times between two samples, in milliseconds.
const EVERY_MS: [u64; 2] = [50, 10];

const SITE: &str = include_str!("../../../fabric.toml");
const POLICY: &str = include_str!("../../../policy.toml");

/// Prints one table.
pub(crate) fn print(program: &Path) -> Outcome<()> {
    println!("\nLateness of a probe's samples, {} s each\n", FOR.as_secs());
    println!("| {:<22} | samples | median us | p99 us | worst us |", "");
    println!("|:{:-<22}-|--------:|----------:|-------:|---------:|", "");
    for every_ms in EVERY_MS {
        row(&format!("bare timer, {every_ms} ms"), &bare(Duration::from_millis(every_ms))?);
        row(&format!("fabric probe, {every_ms} ms"), &probed(program, every_ms)?);
    }
    Ok(())
}

fn row(name: &str, samples: &[Sample]) {
    let Lateness { median_ns, p99_ns, worst_ns } = probe::lateness(samples);
    let micros = |nanos: u64| nanos / 1_000;
    println!(
        "| {name:<22} | {:>7} | {:>9} | {:>6} | {:>8} |",
        samples.len(),
        micros(median_ns),
        micros(p99_ns),
        micros(worst_ns)
    );
}

/// Sleeps until each instant, and does nothing.
fn bare(every: Duration) -> Outcome<Vec<Sample>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(async {
        let began = Instant::now();
        let mut samples = Vec::new();
        for number in 0_u32.. {
            let due = every * number;
            if due > FOR {
                break;
            }
            tokio::time::sleep_until(began + due).await;
            let sent = began.elapsed();
            let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            let late_ns = nanos(sent.saturating_sub(due));
            let (number, sent_ns) = (u64::from(number), nanos(sent));
            samples.push(Sample {
                number,
                sent_ns,
                late_ns,
                took_ns: 0,
                good: true,
                code: None,
                detail: None,
            });
        }
        samples
    }))
}

/// A scope in which nothing is changed, on a twin at our own speed: what the probe records of itself.
fn probed(program: &Path, every_ms: u64) -> Outcome<Vec<Sample>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    fs::write(path.join("fabric.toml"), SITE)?;
    fs::write(path.join("policy.toml"), POLICY)?;
    fs::write(path.join("probe.rhai"), script(every_ms))?;
    let mut command = Command::new(program);
    command
        .args(["rehearse", "probe.rhai", "--speed", "1"])
        .current_dir(path)
        .env("FABRIC_HOME", path.join("home"));
    let ended = command.stdin(Stdio::null()).output()?;
    if !ended.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    for run in fs::read_dir(path.join("evidence/runs"))? {
        let Ok(artifacts) = fs::read_dir(run?.path().join("artifacts")) else { continue };
        for artifact in artifacts {
            let artifact = artifact?.path();
            if artifact.extension().is_some_and(|ending| ending == "jsonl") {
                return Ok(probe::read(&fs::read(artifact)?)?);
            }
        }
    }
    Err("the packet holds no samples".into())
}

fn script(every_ms: u64) -> String {
    let seconds = FOR.as_secs();
    format!(
        "// /// fabric\n// title = \"benchmark of the probe\"\n// kind = \"gameday\"\n// reach = \"change\"\n// [needs]\n\
         // \"dns.query\" = [\"vip:dns\"]\n// ///\n\
         let zone = site::zones(#{{ vip: \"dns\" }})[0].name;\n\
         during(#{{\n    title: \"nothing is changed\",\n    fault: || (),\n    probe: #{{ primitive: \"dns.query\", \
         every_ms: {every_ms},\n        arguments: #{{ server: \"vip:dns\", name: zone, type: \"SOA\" }} }},\n}}, || {{\n\
         \x20   await_stable(#{{ seconds: {seconds}, timeout_ms: 60_000, every_ms: 500 }}, || true);\n}});\n"
    )
}
