//! Packets as a whole: sealed, verified, tampered with, recovered.

mod approvals;
#[expect(clippy::disallowed_types, reason = "tar reads and writes, too")]
mod archives;
mod attacks;
mod authority;
mod changing;
mod countersigned;
mod documents;
mod forgeries;
mod key_files;
mod labels;
#[expect(clippy::disallowed_types, reason = "another process, whose memory is limited")]
mod large;
mod log;
mod mutations;
mod orphans;
mod pruned;
mod refusals;
#[expect(clippy::disallowed_types, reason = "gpg is a program that is not ours")]
#[path = "../stock/ring.rs"]
mod ring;
mod sample;
mod schemas;
#[expect(clippy::disallowed_types, reason = "openssl verifies, too")]
mod statements;
#[expect(clippy::disallowed_types, reason = "the promise is about programs that are not ours")]
mod stock_tools;
mod tampering;
mod timestamps;
mod trust_file;
#[expect(clippy::disallowed_types, reason = "the authority is a program that is not ours")]
#[path = "../stock/tsa.rs"]
mod tsa;
mod vectors;
mod victim;
