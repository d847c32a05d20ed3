//! The twin of a site, as runs and tests hold it.

use std::sync::Arc;

use fabric_model::site::Site;
use fabric_wire::Seams;

use crate::fault::{NoSuchPart, TwinFault};
use crate::seams::TwinSeams;
use crate::world::World;

/// A played site. Clones play the same one.
#[derive(Clone, Debug)]
pub struct Twin {
    world: Arc<World>,
}

impl Twin {
    /// Builds the model of the site in good order. The seed decides all randomness, the wall clock starts now and runs with
    /// tokio's, so that paused time stands still here too.
    pub fn new(site: &Site, seed: u64) -> Self {
        Self { world: Arc::new(World::new(site, seed)) }
    }

    /// The seams into this twin. Using them needs a tokio runtime.
    pub fn seams(&self) -> Seams {
        let seams = Arc::new(TwinSeams(Arc::clone(&self.world)));
        Seams {
            dial: seams.clone(),
            datagram: seams.clone(),
            ssh: seams.clone(),
            clock: seams.clone(),
            entropy: seams,
        }
    }

    /// Plants a fault; it stays until it is healed.
    ///
    /// # Errors
    /// When the fault names something that the site does not have.
    pub fn inject(&self, fault: TwinFault) -> Result<(), NoSuchPart> {
        self.world.inject(fault)
    }

    /// Takes one planted fault away. Gives whether it was there.
    pub fn heal(&self, fault: &TwinFault) -> bool {
        self.world.heal(fault)
    }
}
