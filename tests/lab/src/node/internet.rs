//! The rest of the world: the LAN's router without a way out, the root servers, and one web site. It has no route to the VLAN,
//! so that only what the edges translate gets an answer.

use super::Root;
use crate::error::LabError;

/// The name that recursion is checked with.
pub(crate) const WEB_NAME: &str = "example.com";

/// Its address (TEST-NET-2, RFC 5737).
pub(crate) const WEB_ADDRESS: &str = "198.51.100.10";

/// The root servers by letter, as unbound's built-in hints have them; `b` with its address before and after 2023.
const ROOT_SERVERS: [(char, &str); 14] = [
    ('a', "198.41.0.4"),
    ('b', "199.9.14.201"),
    ('b', "170.247.170.2"),
    ('c', "192.33.4.12"),
    ('d', "199.7.91.13"),
    ('e', "192.203.230.10"),
    ('f', "192.5.5.241"),
    ('g', "192.112.36.4"),
    ('h', "198.97.190.53"),
    ('i', "192.36.148.17"),
    ('j', "192.58.128.30"),
    ('k', "193.0.14.129"),
    ('l', "199.7.83.42"),
    ('m', "202.12.27.33"),
];

/// The addresses that the internet answers on.
pub(super) fn addresses() -> Vec<String> {
    root_addresses().chain([WEB_ADDRESS]).map(str::to_owned).collect()
}

/// The root servers' addresses.
pub(crate) fn root_addresses() -> impl Iterator<Item = &'static str> {
    ROOT_SERVERS.iter().map(|(_, address)| *address)
}

pub(super) fn configure(root: &Root) -> Result<(), LabError> {
    let listen: String = root_addresses().map(|address| format!("  ip-address: {address}\n")).collect();
    root.file(
        "etc/nsd/nsd.conf",
        &format!(
            "server:\n{listen}  zonesdir: /etc/nsd\n  hide-version: yes\nremote-control:\n  control-enable: no\n\
             zone:\n  name: .\n  zonefile: root.zone\nzone:\n  name: {WEB_NAME}\n  zonefile: web.zone\n"
        ),
    )?;
    let mut zone =
        String::from(". 60 IN SOA a.root-servers.net. hostmaster.root-servers.net. 1 1800 900 604800 60\n");
    for (letter, _) in ROOT_SERVERS.iter().filter(|(_, address)| *address != "170.247.170.2") {
        zone += &format!(". 3600 IN NS {letter}.root-servers.net.\n");
    }
    for (letter, address) in ROOT_SERVERS.iter().filter(|(_, address)| *address != "170.247.170.2") {
        zone += &format!("{letter}.root-servers.net. 3600 IN A {address}\n");
    }
    zone += &format!("{WEB_NAME}. 60 IN NS a.root-servers.net.\n");
    root.file("etc/nsd/root.zone", &zone)?;
    // A short TTL, so that a broken way out shows and a healed one recovers.
    root.file(
        "etc/nsd/web.zone",
        &format!(
            "{WEB_NAME}. 5 IN SOA a.root-servers.net. hostmaster.{WEB_NAME}. 1 1800 900 604800 5\n\
             {WEB_NAME}. 60 IN NS a.root-servers.net.\n{WEB_NAME}. 5 IN A {WEB_ADDRESS}\n"
        ),
    )?;
    root.file("etc/resolv.conf", "")?;
    root.script("systemctl --quiet enable nsd")
}
