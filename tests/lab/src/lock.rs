//! One lab command at a time: an advisory lock that the kernel releases with its holder.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::error::LabError;
use crate::place::Place;

/// How long a command waits for another: a first image build takes one to three minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Held while a command changes labs on this machine.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its descriptor, which carries the lock")] File);

impl Lock {
    /// Takes the lock, waiting while another command holds it.
    pub(crate) fn take(place: &Place) -> Result<Self, LabError> {
        std::fs::create_dir_all(&place.cache).map_err(LabError::file(&place.cache))?;
        let path = place.cache.join("lock");
        let file = File::create(&path).map_err(LabError::file(&path))?;
        let begin = Instant::now();
        let mut told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::WOULDBLOCK) if begin.elapsed() < PATIENCE => {
                    if !told {
                        eprintln!("lab: waiting for another lab command to end");
                        told = true;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(error) => return Err(LabError::file(&path)(error.into())),
            }
        }
    }
}
