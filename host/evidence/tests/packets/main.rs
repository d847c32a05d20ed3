//! Packets as a whole: sealed, verified, tampered with, recovered.

mod changing;
mod forgeries;
mod key_files;
mod orphans;
mod refusals;
mod sample;
mod schemas;
#[expect(clippy::disallowed_types, reason = "the promise is about programs that are not ours")]
mod stock_tools;
mod tampering;
mod trust_file;
mod vectors;
mod victim;
