//! A lab site lives in network namespaces without a way out, and is reached from there only.

use std::fs;

use fabric_model::exit::Exit;

use crate::refusal::Refusal;

const ROUTES: &str = "/proc/self/net/route";

/// Refuses unless this process is in a network namespace other than the first process's, without a default route.
pub(crate) fn inside_a_lab() -> Result<(), Refusal> {
    let own = fs::read_link("/proc/self/ns/net");
    let first = fs::read_link("/proc/1/ns/net");
    let apart = match (own, first) {
        (Ok(own), Ok(first)) => own != first,
        // Who may not look at the first process's namespace is not root, and labs are entered as root.
        _ => false,
    };
    let routes = fs::read_to_string(ROUTES).map_err(|e| refusal(&format!("{ROUTES} cannot be read: {e}")))?;
    match (apart, has_default_route(&routes)) {
        (true, false) => Ok(()),
        (false, _) => Err(refusal("this process is in the machine's own network namespace")),
        (true, true) => Err(refusal("this network namespace has a default route")),
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
    fn a_default_route_is_seen_among_others() {
        let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let lan = "eth0\t000BA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let everywhere = "eth0\t00000000\t010BA8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        assert!(!has_default_route(&format!("{head}{lan}")));
        assert!(has_default_route(&format!("{head}{lan}{everywhere}")));
    }
}
