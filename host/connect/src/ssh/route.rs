//! The way to a host's sshd: directly, or through the first of its jump hosts that leads there.

use std::net::SocketAddr;

use fabric_wire::endpoint::SshHost;
use fabric_wire::seam::Pending;
use fabric_wire::{BoxStream, Deadline, WireError};
use tokio::net::TcpStream;

use super::client::SshClient;
use super::failure;
use super::quick_ack::QuickAck;

/// A byte stream to a host's sshd and the names of the jump hosts that it goes through, outermost first.
type Reached = (BoxStream, Vec<String>);

/// Why a jump host did not lead to its target.
struct Missed {
    jump: String,
    error: WireError,
}

impl SshClient {
    /// Opens the way to `host`.
    ///
    /// A jump host that cannot be reached, or cannot reach the target, makes room for the next. One with a wrong host key or that
    /// does not let the operator in ends the search: going on would hide it.
    ///
    /// The future is boxed, because a jump host may itself be behind jump hosts.
    pub(super) fn reach<'a>(&'a self, host: &'a SshHost, deadline: Deadline) -> Pending<'a, Reached> {
        Box::pin(async move {
            if host.jump.is_empty() {
                return Ok((dial(host.address, deadline).await?, Vec::new()));
            }
            let mut missed = Vec::new();
            for (position, jump) in host.jump.iter().enumerate() {
                let share = share_of(deadline, host.jump.len() - position);
                match self.reach_through(jump, host.address, share).await {
                    Ok(reached) => return Ok(reached),
                    Err(error) if leaves_hope(&error) => {
                        missed.push(Missed { jump: jump.name.to_string(), error })
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(no_way(missed))
        })
    }

    async fn reach_through(
        &self,
        jump: &SshHost,
        to: SocketAddr,
        deadline: Deadline,
    ) -> Result<Reached, WireError> {
        // Reaching the jump host first keeps its failures apart from the target's: `refused` must mean the target.
        let jumped = self.session(jump, deadline).await;
        jumped.map_err(|error| error.on_the_way(&format!("jump host `{}`", jump.name)))?;
        self.forward_from(jump, to, deadline).await
    }
}

/// What a candidate may use of the time when `left` candidates are left: an equal part, with one part more for the handshake with
/// the target; the last one may use all.
fn share_of(deadline: Deadline, left: usize) -> Deadline {
    match u32::try_from(left) {
        Ok(left) if left > 1 => Deadline::after(deadline.left() / (left + 1)),
        _ => deadline,
    }
}

fn leaves_hope(error: &WireError) -> bool {
    matches!(
        error,
        WireError::Refused
            | WireError::Timeout
            | WireError::Unreachable(_)
            | WireError::Closed
            | WireError::ForwardingRefused { .. }
    )
}

/// The error of the only candidate, or the common one of all, or a list.
fn no_way(missed: Vec<Missed>) -> WireError {
    let mut errors = missed.iter().map(|missed| &missed.error);
    let first = errors.next().cloned().unwrap_or(WireError::Timeout);
    if errors.all(|error| *error == first) {
        return first;
    }
    let list: Vec<String> =
        missed.iter().map(|Missed { jump, error }| format!("through `{jump}`: {error}")).collect();
    WireError::Unreachable(list.join("; "))
}

async fn dial(to: SocketAddr, deadline: Deadline) -> Result<BoxStream, WireError> {
    let connect = async { TcpStream::connect(to).await.map_err(|error| failure::io(&error)) };
    let stream = deadline.bound(connect).await?;
    Ok(Box::new(QuickAck::new(stream).map_err(|error| failure::io(&error))?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hung_candidate_leaves_time_for_the_next_and_for_the_target() {
        let deadline = Deadline::after(Duration::from_secs(30));
        assert!(share_of(deadline, 2).left() <= Duration::from_secs(10));
        assert_eq!(share_of(deadline, 1), deadline);
    }

    #[test]
    fn a_wrong_key_ends_the_search() {
        let untrusted = WireError::HostKey { host: "edge".into(), reason: "other".into() };
        assert!(!leaves_hope(&untrusted));
        assert!(!leaves_hope(&WireError::Authentication("no".into())));
        assert!(leaves_hope(&WireError::Refused));
    }

    #[test]
    fn failures_of_several_candidates_are_all_named() {
        let missed = |jump: &str, error| Missed { jump: jump.into(), error };
        assert_eq!(
            no_way(vec![missed("a", WireError::Refused), missed("b", WireError::Refused)]),
            WireError::Refused
        );
        let both = no_way(vec![missed("a", WireError::Refused), missed("b", WireError::Timeout)]).to_string();
        assert!(both.contains("`a`") && both.contains("`b`"), "{both}");
    }
}
