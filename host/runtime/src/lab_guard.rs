//! A lab site lives in network namespaces without a way out, and is reached from there only.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use fabric_model::exit::Exit;

use crate::refusal::Refusal;

const ROUTES: &str = "/proc/self/net/route";

/// Refuses unless this process is in the network namespace that the site file names, and that one has no default route.
pub(crate) fn inside_the_lab(namespace: Option<u64>) -> Result<(), Refusal> {
    let own =
        fs::metadata("/proc/self/ns/net").map_err(|e| refusal(&format!("this namespace is unknown: {e}")))?;
    let routes = fs::read_to_string(ROUTES).map_err(|e| refusal(&format!("{ROUTES} cannot be read: {e}")))?;
    match namespace {
        None => Err(refusal("its file names no `namespace`")),
        Some(namespace) if namespace != own.ino() => {
            Err(refusal("this process is in another network namespace"))
        }
        Some(_) if has_default_route(&routes) => Err(refusal("its network namespace has a default route")),
        Some(_) => Ok(()),
    }
}

/// Whether a routing table as `/proc/net/route` prints it (proc(5)) has a route to everywhere.
fn has_default_route(table: &str) -> bool {
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace();
        let destination = columns.nth(1);
        let mask = columns.nth(5);
        destination == Some("00000000") && mask == Some("00000000")
    })
}

fn refusal(why: &str) -> Refusal {
    Refusal::new(Exit::Configuration, format!("the site is a lab, and {why}"))
        .hint("Run it inside: `fabric-lab exec runner -- fabric run …`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_namespace_or_none_is_refused() {
        for namespace in [None, Some(1)] {
            assert!(inside_the_lab(namespace).is_err(), "{namespace:?}");
        }
    }

    #[test]
    fn a_default_route_is_seen_among_others() {
        let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let lan = "eth0\t000BA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let everywhere = "eth0\t00000000\t010BA8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert!(!has_default_route(&format!("{head}{lan}")));
        assert!(has_default_route(&format!("{head}{lan}{everywhere}")));
    }
}
