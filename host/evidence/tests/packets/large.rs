//! Packets of many and of large files are verified in memory that does not grow with them.

use std::fs;
use std::path::Path;
use std::process::Command;

use fabric_evidence::{Trust, verify};

use crate::sample::{Bench, later, start};

/// How many files; what they are is a few bytes each.
const FILES: usize = 10_000;

/// How long one more file is. It has no blocks on the disk.
const LARGE: u64 = 96 << 20;

/// What the verifier's process may write to, in bytes: less than the large file has, and than all of them together.
const MEMORY: u64 = 64 << 20;

/// Where the child finds the packet.
const PACKET: &str = "FABRIC_LARGE_PACKET";

#[test]
#[expect(clippy::disallowed_methods, reason = "the child is this program again")]
fn a_packet_is_verified_in_less_memory_than_its_files_have() {
    let bench = Bench::new();
    let packet = bench.open_packet("large");
    let artifacts = packet.dir().join("artifacts");
    fs::create_dir(&artifacts).expect("new");
    for number in 0..FILES {
        fs::write(artifacts.join(format!("{number:05}.txt")), format!("answer {number}\n")).expect("room");
    }
    fs::File::create(artifacts.join("large.bin")).and_then(|file| file.set_len(LARGE)).expect("room");
    let sealed = packet
        .seal(&bench.signer, "site-dev", "seal", start() + std::time::Duration::from_secs(9))
        .expect("sealed");
    let child = |memory: u64| {
        let program = std::env::current_exe().expect("this test");
        Command::new("prlimit")
            .arg(format!("--data={memory}"))
            .arg(program)
            .args(["--exact", "large::within_a_limit_on_memory", "--include-ignored", "--test-threads=1"])
            .env(PACKET, &sealed.dir)
            .env("RUST_MIN_STACK", "1048576")
            // Out of memory within a backtrace, the standard library waits for itself forever.
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("installed")
    };
    let ran = child(MEMORY);
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(!child(1 << 20).status.success(), "the limit is one");
}

#[test]
#[ignore = "run by the test above, in a process whose memory is limited"]
#[expect(clippy::disallowed_methods, reason = "the one way to tell a child of this program")]
fn within_a_limit_on_memory() {
    let Some(packet) = std::env::var_os(PACKET) else { return };
    let packet = Path::new(&packet);
    let folder = packet.parent().and_then(Path::parent).expect("below the bench");
    let trust = Trust::load(&folder.join("trust.toml")).expect("a good trust file");
    verify(packet, &trust, later()).expect("it verifies");
}
