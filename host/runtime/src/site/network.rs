//! Which network an interface is on.

use std::net::Ipv4Addr;

use fabric_model::Slug;
use fabric_model::site::{Plane, Site};
use ipnet::Ipv4Net;

/// What a bridge or vnet leads to.
#[derive(Clone, Copy)]
pub(super) struct Network<'s> {
    /// The network's addresses.
    pub(super) subnet: Ipv4Net,
    /// Its router.
    pub(super) gateway: Ipv4Addr,
    /// The plane that it is the vnet of; none for the LAN.
    pub(super) plane: Option<(&'s Slug, &'s Plane)>,
}

/// Every bridge and vnet of the site by name, the LAN's bridge first.
pub(super) fn bridges(site: &Site) -> impl Iterator<Item = (&Slug, Network<'_>)> + Clone {
    let lan = &site.site.lan;
    let lan = (&lan.bridge, Network { subnet: lan.network, gateway: lan.gateway, plane: None });
    let vnets = site.planes.iter().filter_map(|(name, plane)| {
        let sdn = plane.sdn.as_ref()?;
        let network = Network { subnet: sdn.subnet, gateway: sdn.gateway, plane: Some((name, plane)) };
        Some((&sdn.vnet, network))
    });
    std::iter::once(lan).chain(vnets)
}

impl Network<'_> {
    /// Whether the router is an address of the network and, on a plane, a VIP of its edge pair.
    pub(super) fn gateway_is_sound(&self, site: &Site) -> bool {
        let is_vip = || site.vips.values().any(|vip| vip.address.addr() == self.gateway);
        self.subnet.contains(&self.gateway) && (self.plane.is_none() || is_vip())
    }
}

/// The network behind a bridge or vnet.
pub(super) fn of_bridge<'s>(site: &'s Site, bridge: &Slug) -> Option<Network<'s>> {
    bridges(site).find(|(name, _)| *name == bridge).map(|(_, network)| network)
}

/// The network that an address lies in.
pub(super) fn of_address(site: &Site, address: Ipv4Addr) -> Option<Network<'_>> {
    bridges(site).map(|(_, network)| network).find(|network| network.subnet.contains(&address))
}
