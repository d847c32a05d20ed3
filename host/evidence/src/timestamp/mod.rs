//! Timestamps by an authority that the trust file names (RFC 3161): that a signature existed at a time, by somebody else's clock.
//!
//! What is stamped are the bytes of a signature file, so that the token proves when it was signed, and not only when the packet was.
//! Query and answer lie beside it as `openssl ts` wrote and reads them: `FINGERPRINT.asc.tsq` and `FINGERPRINT.asc.tsr`.

mod authority;
mod certificate;
mod digest;
mod form;
mod instant;
mod query;
mod spelling;
mod token;

use std::time::{Duration, SystemTime};

use crate::stamp::Stamp;

pub use authority::{Anchors, Authority, NotAnchors};
pub use query::{FILE_LIMIT as QUERY_LIMIT, NONCE_BYTES, NotAQuery, Query};

/// What the name of a query's file ends in, behind that of the signature.
pub const QUERY: &str = ".tsq";

/// What the name of an answer's file ends in.
pub const ANSWER: &str = ".tsr";

/// The largest answer of an authority that is read, in bytes. One with a chain of three certificates has some 6 KiB.
pub const ANSWER_LIMIT: u64 = 64 << 10;

/// How far an authority's clock may be ahead of ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// That the stamped bytes existed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The authority, as the trust file calls it.
    pub authority: String,
    /// When, by its clock.
    pub at: Stamp,
    /// How far off its clock may be, as it says; nothing where it does not say.
    pub accuracy: Option<Duration>,
    /// The policy under which it did so, as an object identifier.
    pub policy: String,
    /// The number of the token, in hexadecimal.
    pub serial: String,
}

impl Attested {
    /// Whether a signature of that time can have been seen then, allowing for the accuracy that the authority states.
    pub fn can_have_seen(&self, signed: SystemTime) -> bool {
        signed <= SystemTime::from(self.at) + self.accuracy.unwrap_or_default()
    }
}

/// Why an answer proves nothing. [`Refused::class`] is stable; `evidence/SPEC.md` lists them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// A stable word.
    pub class: &'static str,
    /// A lower-case fragment.
    pub message: String,
}

impl Refused {
    fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// Judges the answer to a query about `stamped`, by one of these authorities, as of `now`.
///
/// # Errors
/// Why it proves nothing: it is over other bytes, answers another question, is not signed by a key that a trusted authority keeps for
/// nothing else, says a time that has not come, or holds bytes that nobody signed.
pub fn verify(
    answer: &[u8],
    query: &Query,
    stamped: &[u8],
    authorities: &[Authority],
    now: SystemTime,
) -> Result<Attested, Refused> {
    let (attested, spelled) = judge(answer, query, stamped, authorities, now)?;
    if spelled == answer {
        return Ok(attested);
    }
    Err(Refused::new("timestamp.spelling", "it holds bytes that no signature covers"))
}

/// The same of an answer as an authority sent it; what is kept of it is its one spelling.
///
/// # Errors
/// As [`verify`], but for the spelling.
pub fn accept(
    answer: &[u8],
    query: &Query,
    stamped: &[u8],
    authorities: &[Authority],
    now: SystemTime,
) -> Result<(Attested, Vec<u8>), Refused> {
    let (attested, spelled) = judge(answer, query, stamped, authorities, now)?;
    verify(&spelled, query, stamped, authorities, now)?;
    Ok((attested, spelled))
}

fn judge(
    answer: &[u8],
    query: &Query,
    stamped: &[u8],
    authorities: &[Authority],
    now: SystemTime,
) -> Result<(Attested, Vec<u8>), Refused> {
    if !query.is_about(stamped) {
        return Err(Refused::new("timestamp.imprint", "the query is about other bytes"));
    }
    let token = token::read(answer)?;
    token.answers(query)?;
    let info = token.info();
    let time = instant::read(&info.gen_time)
        .ok_or_else(|| Refused::new("timestamp.form", "the time is not one of RFC 3161"))?;
    if time > now + CLOCKS_DIFFER {
        return Err(Refused::new(
            "timestamp.time",
            format!("it is of {}, which has not come", Stamp::of(time)),
        ));
    }
    token.is_signed()?;
    let (authority, between) = token.authority(authorities, time)?;
    authority.allows(&info.policy.to_string())?;
    let attested = Attested {
        authority: authority.name.clone(),
        at: Stamp::of(time),
        accuracy: info.accuracy.map(instant::accuracy),
        policy: info.policy.to_string(),
        serial: info.serial_number.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Ok((attested, token.spelled(&between)?))
}
