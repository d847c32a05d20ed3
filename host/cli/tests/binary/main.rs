//! The binary as operators, CI systems and bad scripts meet it: real processes, no network, nothing of the caller's environment.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod drill;
#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "the authority is a server of the test")]
mod evidence;
#[cfg(test)]
mod exits;
#[cfg(test)]
mod gameday;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod lockdown;
#[cfg(test)]
mod many;
#[cfg(test)]
mod new;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod output;
#[cfg(test)]
mod packets;
#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    reason = "the peers are not the program: they stand in for the site on loopback"
)]
mod peers;
#[cfg(test)]
mod plans;
#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "the peers stand in for the site on loopback")]
mod planted;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod retention;
#[cfg(test)]
#[path = "../../../evidence/tests/stock/ring.rs"]
mod ring;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod signers;
#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "an sshd of the test's own is reached before it is used")]
#[expect(dead_code, reason = "the tests of the SSH client use all of it")]
#[path = "../../../connect/tests/ssh/sshd.rs"]
mod sshd;
#[cfg(test)]
mod store;
#[cfg(test)]
#[path = "../../../evidence/tests/stock/tsa.rs"]
mod tsa;
#[cfg(test)]
mod tutorial;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod vectors;
