//! The Samakia site and shorthands over it.

use std::time::Duration;

use fabric_model::site::Site;
use fabric_twin::Twin;
use fabric_wire::Deadline;
use fabric_wire::endpoint::SshHost;

pub(crate) fn site() -> Site {
    toml::from_str(include_str!("../../../../fabric.toml")).expect("the site file is right")
}

pub(crate) fn twin() -> Twin {
    Twin::new(&site(), 7)
}

/// The twin on a clock that moves only when it is told.
pub(crate) fn still_twin() -> Twin {
    Twin::at_speed(&site(), 7, 0)
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

/// The host with its jump hosts, as the runtime would resolve it.
pub(crate) fn host(site: &Site, name: &str) -> SshHost {
    let host = site.hosts.iter().find(|(key, _)| key.as_str() == name).expect("a host").1;
    let address = host.interfaces.iter().find_map(|nic| nic.address).expect("an address").addr();
    SshHost {
        name: name.parse().expect("a name"),
        address: (address, site.ssh.port).into(),
        user: site.ssh.user.clone(),
        jump: host.jump.iter().map(|jump| self::host(site, jump.as_str())).collect(),
    }
}
