//! The twin of a site, as runs and tests hold it.

use std::sync::Arc;

use fabric_model::site::Site;
use fabric_wire::Seams;
use fabric_wire::endpoint::Secret;

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

    /// The certificate of an authority of the site as PEM: the twin's own, under each name that the site knows. None for other
    /// names, or when the system gives no randomness for a key.
    pub fn authority(&self, name: &str) -> Option<Vec<u8>> {
        self.world.authority(name).map(String::into_bytes)
    }

    /// The secret behind a handle: the Proxmox token's. Nobody needs a key for the twin's SSH.
    pub fn secret(&self, handle: &str) -> Option<Secret> {
        self.world.token(handle)
    }

    /// The requests that the Proxmox API got so far, oldest first, such as `GET /api2/json/version`.
    pub fn proxmox_requests(&self) -> Vec<String> {
        self.world.requests()
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
