//! The name of a run, and of its packet's folder.

use std::path::Path;
use std::time::SystemTime;

use fabric_model::{Code, Stage};
use fabric_model::{Fault, Slug};
use fabric_wire::seam::Entropy;

/// `20261121t081500z-dns-3f9a1c`: when, which script, and six random digits; sorts by time, and is a legal path everywhere.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new(now: SystemTime, script: &str, entropy: &dyn Entropy) -> Result<Slug, Fault> {
    let mut random = [0; 3];
    entropy.fill(&mut random)?;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default()).unwrap_or_default();
    let stem = Path::new(script).file_stem().unwrap_or_default().to_string_lossy();
    let word: String = stem.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let [a, b, c] = random;
    let text = format!("{}-{}-{a:02x}{b:02x}{c:02x}", time.strftime("%Y%m%dt%H%M%Sz"), word.to_lowercase());
    text.parse().map_err(|_| Fault::new(Code::BugInternal, Stage::Record, format!("`{text}` names no run")))
}
