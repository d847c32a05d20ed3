//! The site file.

use fabric_model::{Kind, Resource};
use fabric_runtime::site;

use super::header::stand_in;

/// The text of a site file. One that is sound answers for everything that it names.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = match site::parse("fabric.toml", text) {
        Ok(read) => read,
        Err(errors) => return stand_in(text, &errors),
    };
    for name in read.hosts.keys() {
        let host = Resource::named(Kind::Host, name.clone());
        // A host may have no address; then both say so.
        assert_eq!(site::ssh_host(&read, name).is_ok(), site::endpoint(&read, &host).is_ok(), "{host}");
        site::environment_of(&read, &host);
    }
    for name in read.vips.keys() {
        let vip = Resource::named(Kind::Vip, name.clone());
        let endpoint = site::endpoint(&read, &vip).expect("a VIP of the site has an address");
        site::environment_of(&read, &Resource::Addr(endpoint.address));
        site::environment_of(&read, &vip);
    }
    site::value(&read);
}
