//! A lab site lives in network namespaces without a way out, and is reached from there only.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;

use fabric_model::exit::Exit;
use fabric_model::site::Site;
use ipnet::{Ipv4Net, Ipv6Net};

use crate::refusal::Refusal;

const ROUTES: &str = "/proc/self/net/route";
const ROUTES_IPV6: &str = "/proc/self/net/ipv6_route";

/// The flag of a route that leads nowhere (`RTF_REJECT`, linux/route.h): unreachable, blackhole, prohibit.
const REJECT: u32 = 0x0200;

/// Refuses unless this process is in the network namespace that the site file names, and every route there stays within the
/// site's own networks. Looking for a default route alone would miss one that is written as two halves.
pub(crate) fn inside_the_lab(site: &Site) -> Result<(), Refusal> {
    let Some(namespace) = site.site.namespace else {
        return Err(refusal("its file names no `namespace`"));
    };
    let own =
        fs::metadata("/proc/self/ns/net").map_err(|e| refusal(&format!("this namespace is unknown: {e}")))?;
    if namespace != own.ino() {
        return Err(refusal("this process is in another network namespace"));
    }
    let unreadable = |table, error: &io::Error| refusal(&format!("{table} cannot be read: {error}"));
    let ipv4 = fs::read_to_string(ROUTES).map_err(|e| unreadable(ROUTES, &e))?;
    let ipv6 = match fs::read_to_string(ROUTES_IPV6) {
        // A kernel without IPv6 has no such file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|e| unreadable(ROUTES_IPV6, &e))?,
    };
    let own = own_networks(site);
    match way_out(&ipv4, &own).or_else(|| way_out_ipv6(&ipv6)) {
        Some(route) => {
            Err(refusal(&format!("its network namespace has a route out of the site's networks: {route}")))
        }
        None => Ok(()),
    }
}

/// The LAN and the planes' subnets, and what stays on the machine or the link (RFC 1122, RFC 3927).
fn own_networks(site: &Site) -> Vec<Ipv4Net> {
    let planes = site.planes.values().filter_map(|plane| plane.sdn.as_ref()).map(|sdn| sdn.subnet);
    let near = [Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::new(169, 254, 0, 0)];
    let near =
        near.into_iter().zip([8, 16]).filter_map(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    planes.chain([site.site.lan.network]).chain(near).collect()
}

/// The first route of a table as `/proc/net/route` prints it (proc(5)) that leads out of these networks, or that cannot be
/// read.
fn way_out(table: &str, own: &[Ipv4Net]) -> Option<String> {
    table.lines().skip(1).find_map(|line| match ipv4_route(line) {
        Some((_, flags)) if flags & REJECT != 0 => None,
        Some((to, _)) if own.iter().any(|network| network.contains(&to)) => None,
        Some((to, _)) => Some(to.to_string()),
        None => Some(format!("`{}`, which cannot be read", line.trim())),
    })
}

/// Destination and flags. The kernel prints the addresses as numbers in its own byte order.
fn ipv4_route(line: &str) -> Option<(Ipv4Net, u32)> {
    let mut columns = line.split_whitespace().skip(1);
    let mut number = |skipped| columns.nth(skipped).and_then(|hex: &str| u32::from_str_radix(hex, 16).ok());
    let (destination, flags, mask) = (number(0)?, number(1)?, number(3)?);
    let address = |number: u32| Ipv4Addr::from(number.to_ne_bytes());
    Ipv4Net::with_netmask(address(destination), address(mask)).ok().map(|to| (to, flags))
}

/// The same for `/proc/net/ipv6_route`. No site has IPv6, so only what never leaves the link is let be: the loopback address,
/// link-local addresses and multicast (RFC 4291), and routes that lead nowhere.
fn way_out_ipv6(table: &str) -> Option<String> {
    table.lines().find_map(|line| match ipv6_route(line) {
        Some((_, flags)) if flags & REJECT != 0 => None,
        Some((to, _)) if stays_on_the_link(&to) => None,
        Some((to, _)) => Some(to.to_string()),
        None => Some(format!("`{}`, which cannot be read", line.trim())),
    })
}

fn ipv6_route(line: &str) -> Option<(Ipv6Net, u32)> {
    let mut columns = line.split_whitespace();
    let address = u128::from_str_radix(columns.next()?, 16).ok()?;
    let prefix = u8::from_str_radix(columns.next()?, 16).ok()?;
    let flags = u32::from_str_radix(columns.nth(6)?, 16).ok()?;
    Ipv6Net::new(Ipv6Addr::from(address), prefix).ok().map(|to| (to, flags))
}

fn stays_on_the_link(to: &Ipv6Net) -> bool {
    let near = [
        (Ipv6Addr::LOCALHOST, 128),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
    ];
    let mut near = near.into_iter().filter_map(|(address, prefix)| Ipv6Net::new(address, prefix).ok());
    near.any(|network| network.contains(to))
}

fn refusal(why: &str) -> Refusal {
    Refusal::new(Exit::Configuration, format!("the site is a lab, and {why}"))
        .hint("Run it inside: `fabric-lab exec runner -- fabric run …`.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site;

    const HEAD: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

    /// The lab's runner: the LAN, and the DNS plane behind its edges.
    const RUNNER: &str = "eth0\t00640A0A\t640BA8C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth0\t000BA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

    const RUNNER_IPV6: &str = "\
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fe800000000000000c7d2bfffe8a1f01 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";

    fn lab() -> Site {
        let text = include_str!("../../../fabric.toml").replacen(
            "realm = \"real\"",
            "realm = \"lab\"\nnamespace = 1",
            1,
        );
        site::parse("fabric.toml", &text).expect("the site is sound")
    }

    fn ipv4(routes: &str) -> Option<String> {
        way_out(&format!("{HEAD}{routes}"), &own_networks(&lab()))
    }

    #[test]
    fn another_namespace_or_none_is_refused() {
        for namespace in [None, Some(1)] {
            let mut site = lab();
            site.site.namespace = namespace;
            assert!(inside_the_lab(&site).is_err(), "{namespace:?}");
        }
    }

    #[test]
    fn the_tables_of_the_lab_s_runner_lead_nowhere_else() {
        assert_eq!(ipv4(RUNNER), None);
        assert_eq!(ipv4(""), None);
        assert_eq!(way_out_ipv6(RUNNER_IPV6), None);
        assert_eq!(way_out_ipv6(""), None);
    }

    #[test]
    fn every_way_out_is_seen_among_the_others() {
        let through = |to, mask| format!("{RUNNER}eth0\t{to}\t010BA8C0\t0003\t0\t0\t0\t{mask}\t0\t0\t0\n");
        for (to, mask, way) in [
            ("00000000", "00000000", "0.0.0.0/0"),
            ("00000000", "00000080", "0.0.0.0/1"),
            ("00000080", "00000080", "128.0.0.0/1"),
            ("08080808", "FFFFFFFF", "8.8.8.8/32"),
            // Wider than the LAN that it holds.
            ("0000A8C0", "0000FFFF", "192.168.0.0/16"),
        ] {
            assert_eq!(ipv4(&through(to, mask)).as_deref(), Some(way));
        }
        assert_eq!(ipv4("*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n"), None, "leads nowhere");
        assert!(ipv4("eth0\t000BA8C0\n").is_some_and(|why| why.contains("cannot be read")));
        assert!(ipv4(&through("00000000", "0F0000F0")).is_some(), "no mask");
    }

    #[test]
    fn every_ipv6_way_out_is_seen_among_the_others() {
        let nowhere = "00000000000000000000000000000000";
        let through = |to: &str, flags: &str| {
            format!("{RUNNER_IPV6}{to} {nowhere} 00 {nowhere} 00000400 00000001 00000000 {flags}     eth0\n")
        };
        for (to, way) in [
            (format!("{nowhere} 00"), "::/0"),
            (format!("2{} 03", "0".repeat(31)), "2000::/3"),
            (format!("fd{} 08", "0".repeat(30)), "fd00::/8"),
            (format!("fe{} 07", "0".repeat(30)), "fe00::/7"),
        ] {
            assert_eq!(way_out_ipv6(&through(&to, "00000003")).as_deref(), Some(way));
            assert_eq!(way_out_ipv6(&through(&to, "00000200")), None, "it leads nowhere");
        }
        assert!(way_out_ipv6("fe80 40\n").is_some_and(|why| why.contains("cannot be read")));
    }
}
