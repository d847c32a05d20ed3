//! Plans, and the other files of a packet that are read by themselves.

use fabric_evidence::manifest::Manifest;
use fabric_evidence::{exact, plan, probe};
use fabric_model::{Digest, Value};

/// The bytes of a file. What is read is written again as the same bytes.
pub fn run(bytes: &[u8]) {
    if let Ok(read) = plan::read(bytes) {
        assert_eq!(plan::to_bytes(&read).expect("it was read"), bytes);
        assert_eq!(plan::digest(&read).expect("it was read"), Digest::of(bytes));
    }
    if let Ok(samples) = probe::read(bytes) {
        assert_eq!(probe::to_bytes(&samples).expect("they were read"), bytes);
    }
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert_eq!(manifest.to_string().as_bytes(), bytes);
        assert!(
            manifest
                .files()
                .all(|(path, _)| !path.starts_with('/') && !path.split('/').any(|part| part == ".."))
        );
    }
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        assert_eq!(exact::decode(exact::encode(&value)).as_ref(), Ok(&value));
    }
}
