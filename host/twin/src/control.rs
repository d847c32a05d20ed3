//! Test's control over the seams of a twin: hold one operation at a chosen moment, and cut the network off.

use fabric_wire::WireError;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Which operations are counted: a use of a seam or a request to the Proxmox API is one; waiting and asking for randomness are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operations {
    /// Every one.
    All,
    /// Those that change something.
    Changes,
}

/// At which moment of an operation it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before it has any effect. An operation whose caller goes away while it is held is never made.
    Before,
    /// It is done, and its caller does not know.
    After,
}

/// One operation that is to be held until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Which one, counted from now; the next is 1.
    pub nth: u64,
    /// Among which.
    pub among: Operations,
    /// When.
    pub moment: Moment,
}

#[derive(Debug, Default)]
struct Standing {
    all: u64,
    changes: u64,
    refusing: bool,
    /// With the absolute number of the operation.
    hold: Option<Hold>,
    held: bool,
}

/// What stands between the seams and the world.
#[derive(Debug)]
pub(crate) struct Control(watch::Sender<Standing>);

/// An operation on its way.
pub(crate) struct Ticket {
    held_after: bool,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Standing::default()))
    }

    pub(crate) fn hold(&self, hold: Hold) {
        self.0.send_modify(|standing| {
            let so_far = match hold.among {
                Operations::All => standing.all,
                Operations::Changes => standing.changes,
            };
            standing.hold = Some(Hold { nth: so_far + hold.nth, ..hold });
            standing.held = false;
        });
    }

    pub(crate) fn release(&self) {
        self.0.send_modify(|standing| (standing.hold, standing.held) = (None, false));
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.borrow().held
    }

    /// Waits until an operation is held.
    pub(crate) async fn held(&self) {
        // Closed only with its sender, which this borrows.
        let mut standing = self.0.subscribe();
        drop(standing.wait_for(|standing| standing.held).await);
    }

    pub(crate) fn refuse(&self, on: bool) {
        self.0.send_modify(|standing| standing.refusing = on);
    }

    pub(crate) fn operations(&self, among: Operations) -> u64 {
        let standing = self.0.borrow();
        match among {
            Operations::All => standing.all,
            Operations::Changes => standing.changes,
        }
    }

    /// Counts an operation, and holds it where it is the one.
    ///
    /// # Errors
    /// While the network is refused.
    pub(crate) async fn enter(&self, changes: bool) -> Result<Ticket, WireError> {
        let mut moment = None;
        let mut refusing = false;
        self.0.send_modify(|standing| {
            standing.all += 1;
            standing.changes += u64::from(changes);
            refusing = standing.refusing;
            moment = standing
                .hold
                .filter(|hold| !standing.held && hold.is(standing, changes))
                .map(|hold| hold.moment);
        });
        if refusing {
            return Err(WireError::Unreachable("network is unreachable".to_owned()));
        }
        if moment == Some(Moment::Before) {
            self.wait().await;
        }
        Ok(Ticket { held_after: moment == Some(Moment::After) })
    }

    /// Ends an operation: its reply is kept back where it is the one that is held.
    pub(crate) async fn leave(&self, ticket: Ticket) {
        if ticket.held_after {
            self.wait().await;
        }
    }

    async fn wait(&self) {
        self.0.send_modify(|standing| standing.held = true);
        let mut standing = self.0.subscribe();
        drop(standing.wait_for(|standing| !standing.held).await);
    }
}

impl Hold {
    fn is(self, standing: &Standing, changes: bool) -> bool {
        match self.among {
            Operations::All => standing.all == self.nth,
            Operations::Changes => changes && standing.changes == self.nth,
        }
    }
}
