//! What is said of packets beside them: labels, tombstones, and the log that tells of both.

use fabric_evidence::canonical;
use fabric_evidence::label::Label;
use fabric_evidence::log::{self, Entry};
use fabric_evidence::prune::Tombstone;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of a file. What is read is written again as the same bytes, and a log that is read is one chain.
pub fn run(bytes: &[u8]) {
    same::<Label>(bytes);
    same::<Tombstone>(bytes);
    same::<Entry>(bytes);
    let Ok(lines) = log::read(bytes) else { return };
    let mut written = Vec::new();
    for line in &lines {
        written.extend(canonical::bytes(line).expect("it was read"));
        written.push(b'\n');
    }
    assert_eq!(written, bytes);
    assert!(lines.iter().zip(lines.iter().skip(1)).all(|(before, line)| line.prev == before.digest));
}

fn same<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(read) = canonical::read::<T>(bytes) {
        assert_eq!(canonical::bytes(&read).expect("it was read"), bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    #[test]
    fn each_seed_is_read_by_one_of_the_readers() {
        for (name, seed) in seeds::of("label").expect("a folder of seeds") {
            let read = canonical::read::<Label>(&seed).is_ok()
                || canonical::read::<Tombstone>(&seed).is_ok()
                || log::read(&seed).is_ok_and(|lines| lines.len() == 3);
            assert!(read, "{name}");
        }
    }
}
