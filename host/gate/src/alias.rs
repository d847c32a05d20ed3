//! The other names of a target.

use std::net::IpAddr;

use fabric_model::{Resource, Slug};

/// A name that the site itself has for an address of a target, whatever name the script used.
///
/// The gate knows no site, so whoever resolves a target states these. Rules are about things, and a thing is denied under
/// every name: a rule for `host:dns-edge-1` holds for a call that comes there by its address, by a DNS name, or only passes
/// through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The address of the target.
    pub address: IpAddr,
    /// What the site calls it.
    pub resource: Resource,
    /// The environment of that resource, which may be another than that of what the script asked for.
    pub environment: Slug,
    /// Whether the resource, asked for by this name, would lead to this very address. `host:edge` does not stand for its second
    /// interface, and `via:edge` for no address.
    pub exact: bool,
}
