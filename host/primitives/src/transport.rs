//! How a result says over what it was obtained.

use fabric_wire::seam::Route;

/// The transport of a probe: the protocol, and the host it was tunnelled through.
pub(crate) fn over(protocol: &str, route: &Route) -> String {
    match route {
        Route::Direct => protocol.to_owned(),
        Route::Via(host) => format!("{protocol} via {}", host.name),
    }
}

/// The transport of an SSH command: the jump hosts that the session went through.
pub(crate) fn ssh(path: &[String]) -> String {
    if path.is_empty() { "ssh".to_owned() } else { format!("ssh via {}", path.join(", ")) }
}
