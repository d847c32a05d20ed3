//! The ledger of changes: one line for each, written down before it is made.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use fabric_evidence::Stamp;
use fabric_model::{Fault, Slug};
use serde::{Deserialize, Serialize};

use super::authority::{Authority, refused, unreachable};

/// The time over which changes are counted.
const HOUR: Duration = Duration::from_secs(3600);

/// The largest ledger that is read, in bytes: about half a million changes.
const SIZE_LIMIT: u64 = 64 << 20;

/// One change that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Booking {
    pub(super) at: Stamp,
    pub(super) run_id: Slug,
    pub(super) target: String,
}

impl Authority {
    /// How many changes were begun in an environment within the hour before `now`.
    ///
    /// # Errors
    /// `guard.authority` when the ledger cannot be read.
    pub(super) fn recent(&self, environment: &Slug, now: SystemTime) -> Result<u32, Fault> {
        let path = self.ledger(environment);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            opened => opened.map_err(|error| unreachable(&path, &error))?,
        };
        file.lock_shared().map_err(|error| unreachable(&path, &error))?;
        let (bookings, _) = bookings(&mut file, &path)?;
        Ok(within_the_hour(&bookings, now))
    }

    /// Books a change, unless `allowed`, which is told how many were begun within the hour, refuses. Whoever books at the same
    /// time waits for this: two runs never take the last one both.
    ///
    /// # Errors
    /// That of `allowed`, or `guard.authority` when the ledger cannot be written.
    pub(super) fn book(
        &self,
        environment: &Slug,
        booking: &Booking,
        allowed: impl FnOnce(u32) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let path = self.ledger(environment);
        let failed = |error: io::Error| unreachable(&path, &error);
        let mut file = open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        let (bookings, whole) = bookings(&mut file, &path)?;
        allowed(within_the_hour(&bookings, booking.at.into()))?;
        let mut line = serde_json::to_vec(booking).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        // A line that was torn by a power cut was never acted on: whoever wrote it did not come back from here.
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::Start(whole)).map_err(failed)?;
        file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn ledger(&self, environment: &Slug) -> std::path::PathBuf {
        self.budget().join(format!("{environment}.jsonl"))
    }
}

/// Opens the ledger, and makes it writable for whoever may write in its folder.
fn open(path: &Path) -> io::Result<File> {
    let options = || OpenOptions::new().read(true).write(true).clone();
    match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = match options().create_new(true).mode(0o600).open(path) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return options().open(path),
        made => made?,
    };
    let mode = fs::metadata(folder)?.permissions().mode() & 0o666;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    super::signed::sync(folder)?;
    Ok(file)
}

/// Every booking, and the length of the ledger up to its last whole line.
fn bookings(file: &mut File, path: &Path) -> Result<(Vec<Booking>, u64), Fault> {
    let failed = |error: io::Error| unreachable(path, &error);
    let mut text = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > SIZE_LIMIT {
        return Err(refused(format!("the ledger {} is too large", path.display()))
            .hint("Move it aside while nothing is running; what is older than an hour counts for nothing."));
    }
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines =
        text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut bookings = Vec::new();
    for (number, line) in lines.enumerate() {
        let booking = serde_json::from_slice(line).map_err(|_| {
            refused(format!("line {} of the ledger {} cannot be read", number + 1, path.display()))
                .hint("Find out who changed it, and remove the line once that is known.")
        })?;
        bookings.push(booking);
    }
    Ok((bookings, u64::try_from(whole).unwrap_or(u64::MAX)))
}

/// What lies in the future counts too: a clock that was set back frees no budget.
fn within_the_hour(bookings: &[Booking], now: SystemTime) -> u32 {
    let since = now.checked_sub(HOUR).unwrap_or(SystemTime::UNIX_EPOCH);
    let recent = bookings.iter().filter(|booking| SystemTime::from(booking.at) > since);
    u32::try_from(recent.count()).unwrap_or(u32::MAX)
}
