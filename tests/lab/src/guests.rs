//! The guests of the served cluster are the lab's own containers: what the API is asked to start or stop gains or loses its power, and
//! what it says of them is what is so. Every request is written down.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fabric_twin::Switch;
use fabric_twin::proxmox::ProxmoxModel;

use crate::error::LabError;
use crate::node;
use crate::place::Place;
use crate::power::Grid;

/// Between two looks at what was asked for and at what runs. Proxmox takes a second for its tasks.
const PAUSE: Duration = Duration::from_millis(100);

/// The model that is served now.
pub(crate) type Model = Arc<Mutex<ProxmoxModel>>;

/// What ties the model to the containers. The model is replaced as a whole when faults change.
#[derive(Debug)]
pub(crate) struct Guests {
    model: Model,
    /// How many of its requests are in the log.
    logged: usize,
    log: File,
}

impl Guests {
    /// Those that `model` shows; `log` takes its requests.
    pub(crate) fn of(model: Model, place: &Place) -> Result<Self, LabError> {
        let path = place.proxmox_log();
        let log = File::options().create(true).append(true).open(&path).map_err(LabError::file(&path))?;
        Ok(Self { model, logged: 0, log })
    }

    /// Another model takes the place of the present one.
    pub(crate) fn replace(&mut self, model: Model) {
        self.write_down();
        (self.model, self.logged) = (model, 0);
    }

    fn write_down(&mut self) {
        let requests: Vec<String> = model(&self.model).requests().iter().skip(self.logged).cloned().collect();
        for request in requests {
            // A log that cannot be written stays short, and whoever waits for his request to show up in it finds out.
            if writeln!(self.log, "{request}").is_err() {
                return;
            }
            self.logged += 1;
        }
    }

    fn asked(&self) -> Vec<(String, Switch)> {
        model(&self.model).take_switches()
    }

    fn say(&self, node: &str, runs: bool) {
        model(&self.model).set_running(node, runs);
    }
}

/// Sees to what is asked for until the process ends.
pub(crate) fn follow(guests: &Mutex<Guests>, grid: &Grid<'_>) {
    loop {
        let asked = {
            let mut guests = lock(guests);
            guests.write_down();
            guests.asked()
        };
        for (node, switch) in asked {
            let done = match switch {
                Switch::Start => grid.give(&node),
                Switch::Stop => grid.cut(&node),
                Switch::Shutdown => grid.shut_down(&node),
            };
            if let Err(error) = done {
                // Its task never ends, as one that hangs.
                eprintln!("lab: {node}: {error}");
            }
        }
        for (node, _) in node::hosts(grid.site) {
            let runs = grid.is_on(node);
            lock(guests).say(node, runs);
        }
        std::thread::sleep(PAUSE);
    }
}

pub(crate) fn lock(guests: &Mutex<Guests>) -> MutexGuard<'_, Guests> {
    guests.lock().unwrap_or_else(PoisonError::into_inner)
}

fn model(model: &Model) -> MutexGuard<'_, ProxmoxModel> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}
