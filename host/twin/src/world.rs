//! What one twin holds: the site, the faults in force, the model that follows from both, its clock and its randomness.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fabric_model::site::Site;
use tokio::time::Instant;

use crate::fault::{NoSuchPart, TwinFault};
use crate::plant;
use crate::state::State;

#[derive(Debug)]
pub(crate) struct World {
    site: Site,
    model: Mutex<Model>,
    began: SystemTime,
    start: Instant,
    randomness: AtomicU64,
}

#[derive(Debug)]
struct Model {
    faults: Vec<TwinFault>,
    state: Arc<State>,
}

impl World {
    pub(crate) fn new(site: &Site, seed: u64) -> Self {
        Self {
            site: site.clone(),
            model: Mutex::new(Model { faults: Vec::new(), state: Arc::new(State::of(site)) }),
            began: SystemTime::now(),
            start: Instant::now(),
            randomness: AtomicU64::new(seed),
        }
    }

    /// The model as it is now. A service that runs keeps asking, so a fault reaches connections that are already open.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.model().state)
    }

    pub(crate) fn inject(&self, fault: TwinFault) -> Result<(), NoSuchPart> {
        let mut model = self.model();
        let mut faults = model.faults.clone();
        faults.push(fault);
        model.state = Arc::new(plant::state_with(&self.site, &faults)?);
        model.faults = faults;
        Ok(())
    }

    pub(crate) fn heal(&self, fault: &TwinFault) -> bool {
        let mut model = self.model();
        let before = model.faults.len();
        model.faults.retain(|planted| planted != fault);
        let healed = model.faults.len() < before;
        // Each of the remaining faults was planted on this site before.
        if let Ok(state) = plant::state_with(&self.site, &model.faults) {
            model.state = Arc::new(state);
        }
        healed
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.began + self.start.elapsed()
    }

    /// SplitMix64: repeatable, and no more is asked of a rehearsal.
    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self.randomness.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            for (byte, random) in chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()) {
                *byte = random;
            }
        }
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
