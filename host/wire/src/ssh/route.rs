//! Where a host sends packets.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommandOutput;
use super::command::name::ROUTES;
use super::output::garbage;
use crate::error::WireError;

/// A route of the main table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostRoute {
    /// A network, an address, or `default`.
    #[serde(rename(deserialize = "dst"))]
    pub destination: String,
    /// The next hop; none where the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface.
    #[serde(rename(deserialize = "dev"))]
    pub interface: Option<String>,
    /// The address that packets leave with, where the route names one.
    #[serde(rename(deserialize = "prefsrc"))]
    pub source: Option<IpAddr>,
}

/// Reads the output of [`super::ReadCommand::Routes`], in the kernel's order.
///
/// # Errors
/// [`WireError::Command`] when the tool failed, [`WireError::Garbage`] when it printed anything but a list of routes.
pub fn routes(output: &CommandOutput) -> Result<Vec<HostRoute>, WireError> {
    let text = output.text(ROUTES)?;
    serde_json::from_str(text)
        .map_err(|error| garbage(ROUTES, &format!("it is not a list of routes: {error}")))
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::printed;
    use super::*;

    #[test]
    fn a_route_is_on_the_link_or_has_a_next_hop() {
        let text = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
            {"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.7","flags":[]}]"#;
        let found = routes(&printed(text)).expect("routes");
        assert_eq!(found[0].gateway, "192.0.2.1".parse().ok());
        assert_eq!((found[1].gateway, found[1].source), (None, "192.0.2.7".parse().ok()));
    }

    #[test]
    fn what_is_no_list_of_routes_is_garbage() {
        for bad in ["", "{}", "[{\"dev\":\"eth0\"}]", "[{\"dst\":\"default\",\"gateway\":\"x\"}]", "[]x"] {
            assert!(matches!(routes(&printed(bad)), Err(WireError::Garbage(_))), "{bad:?}");
        }
    }
}
