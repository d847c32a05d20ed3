//! The kill matrix: every GameDay on a twin in a process of its own; host, recovery, worker, network and disk are killed at every
//! changing operation, before and after it, and at every line of the journal that is about changes. Each case ends with the site as it
//! was before: by the host, by a timer on the target, by `fabric recover`, or after the host has said what is left.
//!
//! The counts go to standard error. `FABRIC_MATRIX=full` plays every case of every GameDay, `FABRIC_MATRIX=sample` every seventh one;
//! without it those GameDays that break things in a way that another one does too are sampled.

#[cfg(test)]
mod case;
#[cfg(test)]
mod gamedays;
#[cfg(test)]
mod lane;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod table;
