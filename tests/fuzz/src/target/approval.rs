//! Approvals: one part of a good one is replaced by the bytes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fabric_evidence::Trust;
use fabric_evidence::approval::Given;

use super::choice;

const APPROVALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../evidence/approvals");

static GOOD: LazyLock<(Given, Trust)> = LazyLock::new(|| {
    let folder = Path::new(APPROVALS);
    let part = |end: &str| fs::read(folder.join(format!("approved.json{end}"))).expect("an example");
    let given = Given { statement: part(""), signature: part(".asc"), envelope: Some(part(".dsse")) };
    (given, Trust::load(&folder.join("trust.toml")).expect("the trust file of the examples"))
});

/// 2026-06-01, when the keys of the examples are good.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

/// Which part by the first byte: statement, signature or envelope; and what it is now. Only as it was given does the approval count.
pub fn run(bytes: &[u8]) {
    let (good, trust) = &*GOOD;
    let (which, content) = choice(bytes);
    let mut given = good.clone();
    match which % 3 {
        0 => given.statement = content.to_vec(),
        1 => given.signature = content.to_vec(),
        _ => given.envelope = Some(content.to_vec()),
    }
    assert_eq!(given.read(trust, now()).is_ok(), given == *good);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_counts() {
        let (good, trust) = &*GOOD;
        good.read(trust, now()).expect("it counts");
    }
}
