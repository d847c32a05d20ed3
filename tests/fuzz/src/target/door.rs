//! Frames of the door, on both sides of it: what the worker sends, and what it is sent.

use std::fmt::Debug;
use std::io::Cursor;

use fabric_model::door::{self, FromWorker, Reply, Start};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A stream of frames, read until it breaks. What was read is sent on and read again as the same.
pub fn run(bytes: &[u8]) {
    frames::<FromWorker>(bytes);
    frames::<Reply>(bytes);
    frames::<Start>(bytes);
}

fn frames<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let mut stream = Cursor::new(bytes);
    while let Ok(frame) = door::read::<T>(&mut stream) {
        let sent = door::encode(&frame).expect("no longer than what it was read from, escaped");
        let again = door::read::<T>(&mut Cursor::new(sent)).expect("what was sent can be read");
        assert_eq!(again, frame);
    }
}
