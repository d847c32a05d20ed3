//! The twin of a site, as runs and tests hold it.

use std::sync::Arc;
use std::time::Duration;

use fabric_model::Digest;
use fabric_model::site::Site;
use fabric_wire::Seams;
use fabric_wire::endpoint::Secret;
use fabric_wire::seam::Writing;

use crate::control::{Hold, Operations};
use crate::fault::{NoSuchPart, TwinFault};
use crate::history::Made;
use crate::seams::TwinSeams;
use crate::world::World;

/// A played site. Clones play the same one, and are one client of it: they share their SSH sessions.
#[derive(Clone, Debug)]
pub struct Twin {
    pub(crate) world: Arc<World>,
    seams: Arc<TwinSeams>,
}

impl Twin {
    /// Builds the model of the site in good order. The seed decides all randomness, the wall clock starts now and runs with
    /// tokio's, so that paused time stands still here too.
    pub fn new(site: &Site, seed: u64) -> Self {
        Self::at_speed(site, seed, 1)
    }

    /// The same with a clock on which a second takes a `speed`-th of one; at 0 time stands still but for [`Self::advance`].
    /// Timers, tasks and elections keep to it; deadlines of calls do not, for nothing here takes longer than it must.
    pub fn at_speed(site: &Site, seed: u64, speed: u32) -> Self {
        let world = Arc::new(World::new(site, seed, speed));
        Self { seams: Arc::new(TwinSeams::new(Arc::clone(&world))), world }
    }

    /// The seams into this twin. Using them needs a tokio runtime.
    pub fn seams(&self) -> Seams {
        let seams = Arc::clone(&self.seams);
        Seams {
            dial: seams.clone(),
            datagram: seams.clone(),
            ssh: seams.clone(),
            clock: seams.clone(),
            entropy: seams,
        }
    }

    /// The ways to change it. Programs run with the rights that the operator's sudo gives; the Proxmox token may switch guests.
    pub fn writing(&self) -> Writing {
        Writing { ssh: self.seams.clone(), dial: self.seams.clone() }
    }

    /// The certificate of an authority of the site as PEM: the twin's own, under each name that the site knows. None for other
    /// names, or when the system gives no randomness for a key.
    pub fn authority(&self, name: &str) -> Option<Vec<u8>> {
        self.world.authority(name).map(String::into_bytes)
    }

    /// The secret behind a handle: the Proxmox token's, or a key of an S3 server. Nobody needs a key for the twin's SSH.
    pub fn secret(&self, handle: &str) -> Option<Secret> {
        self.world.secret(handle)
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

    /// The changing commands and writing requests that reached their targets so far, oldest first; at most the first 10,000.
    pub fn changes(&self) -> Vec<Made> {
        self.world.made()
    }

    /// SHA-256 over the observable state of the site: power, units, links, kernel parameters, rulesets, files, timers, locks and
    /// holders, without clocks.
    pub fn digest(&self) -> Digest {
        self.world.state().digest()
    }

    /// Lets the twin's clock jump; what is due meanwhile happens, and who sleeps on it wakes.
    pub fn advance(&self, over: Duration) {
        self.world.advance(over);
    }

    /// Holds one operation, instead of any that was to be held before.
    pub fn hold(&self, hold: Hold) {
        self.world.control.hold(hold);
    }

    /// Lets the held operation go on, or forgets that one was to be held.
    pub fn release(&self) {
        self.world.control.release();
    }

    /// Whether an operation is held at this moment.
    pub fn is_held(&self) -> bool {
        self.world.control.is_held()
    }

    /// Waits until an operation is held.
    pub async fn held(&self) {
        self.world.control.held().await;
    }

    /// Makes every operation from now on fail as unreachable, or ends that.
    pub fn refuse_network(&self, on: bool) {
        self.world.control.refuse(on);
    }

    /// How many operations there were so far.
    pub fn operations(&self, among: Operations) -> u64 {
        self.world.control.operations(among)
    }
}
