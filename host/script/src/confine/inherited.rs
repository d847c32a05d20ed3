//! What a process has from the one that started it.

use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsRawFd as _, RawFd};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use super::Unconfined;

/// Where the kernel lists the open descriptors of the process that looks.
const OWN_DESCRIPTORS: &str = "/proc/self/fd";

/// Checks that there is no environment.
pub(super) fn no_environment() -> Result<(), Unconfined> {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing of it is used; that there is none is what is asked"
    )]
    let first = std::env::vars_os().next();
    if first.is_none() { Ok(()) } else { Err(Unconfined::Environment) }
}

/// Closes every descriptor but the three standard ones, of which the first is the door and the others lead nowhere.
pub(super) fn close_descriptors() -> Result<(), Errno> {
    let folder = rustix::fs::open(
        OWN_DESCRIPTORS,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let own = folder.as_raw_fd();
    let standard = [stdin().as_raw_fd(), stdout().as_raw_fd(), stderr().as_raw_fd()];
    let mut inherited: Vec<RawFd> = Vec::new();
    for entry in Dir::new(folder)? {
        let number = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok());
        inherited.extend(number.filter(|number| *number != own && !standard.contains(number)));
    }
    for descriptor in inherited {
        nix::unistd::close(descriptor).map_err(|errno| Errno::from_raw_os_error(errno as i32))?;
    }
    Ok(())
}
