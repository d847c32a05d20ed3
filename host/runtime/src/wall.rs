//! The operator's own wall clock. Signatures, windows, approvals and freezes go by it, whatever the site's clock says: a twin's runs
//! ahead.

use std::time::SystemTime;

use fabric_connect::SystemClock;
use fabric_wire::seam::Clock as _;

/// Now, for whoever signs or is asked.
pub(crate) fn now() -> SystemTime {
    SystemClock.now()
}
