//! Networks as policy and patterns write them.

use std::net::IpAddr;

use fabric_model::resource::{NotAResource, canonical_address, parse_network};
use ipnet::{IpNet, Ipv4Net};

use crate::pattern::NotAPattern;

/// The prefix length of the network of all IPv4-mapped addresses (RFC 4291, 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// Reads an address or a network. IPv4-mapped forms become what they mean: every address that the gate compares is canonical, so
/// a rule in the mapped form would otherwise never match, and a deny rule would be a hole.
///
/// # Errors
/// When the text is neither, or when the address has bits beyond the prefix, which reads as one address and means many.
pub(crate) fn parse(text: &str) -> Result<IpNet, NotAPattern> {
    let written = parse_network(text).map_err(|_| NotAResource::Address(text.to_owned()))?;
    let network = unmapped(written);
    if network.addr() != network.network() {
        return Err(NotAPattern::HostBits { text: text.to_owned(), network: network.trunc() });
    }
    Ok(network)
}

/// Whether the network holds the address, mapped or not.
pub(crate) fn contains(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&canonical_address(address))
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(MAPPED_PREFIX)) {
        (Some(v4), Some(prefix)) => Ipv4Net::new(v4, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_network_is_the_network_it_means() {
        for (written, meant) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1/128", "10.0.0.1/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(parse(written), parse(meant), "{written}");
        }
    }

    #[test]
    fn an_address_with_bits_beyond_the_prefix_is_refused() {
        for bad in ["10.0.0.5/24", "::ffff:10.0.0.5/120", "fe80::1/10"] {
            assert!(matches!(parse(bad), Err(NotAPattern::HostBits { .. })), "{bad}");
        }
    }

    #[test]
    fn a_mapped_address_is_in_the_network_of_what_it_means() {
        let network = parse("169.254.0.0/16").expect("a network");
        assert!(contains(&network, "::ffff:169.254.169.254".parse().expect("an address")));
        assert!(!contains(&network, "::169.254.169.254".parse().expect("an address")));
    }
}
