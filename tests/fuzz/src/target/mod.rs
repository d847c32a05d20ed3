//! The targets: one file each, with one function `run`.

pub mod approval;
pub mod dns;
pub mod door;
pub mod header;
pub mod http;
pub mod journal;
pub mod known_hosts;
pub mod label;
pub mod nft;
pub mod packet;
pub mod pattern;
pub mod plan;
pub mod policy;
pub mod proxmox;
pub mod redaction;
pub mod s3;
pub mod script;
pub mod site;
pub mod ssh_output;
pub mod trust;
pub mod vault;

/// One reader under attack.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its file, of its folder of seeds, and what `tests/fuzz/long` takes.
    pub name: &'static str,
    /// Reads the bytes in every way that the product does.
    ///
    /// # Panics
    /// When the product does, or when what it made of the bytes breaks an invariant.
    pub run: fn(&[u8]),
    /// Mutations in the short run, chosen so that a target takes about a quarter of a second in a debug build.
    pub mutations: u32,
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "approval", run: approval::run, mutations: 300 },
    Target { name: "dns", run: dns::run, mutations: 2_000 },
    Target { name: "door", run: door::run, mutations: 5_000 },
    Target { name: "header", run: header::run, mutations: 3_000 },
    Target { name: "http", run: http::run, mutations: 1_500 },
    Target { name: "journal", run: journal::run, mutations: 300 },
    Target { name: "known_hosts", run: known_hosts::run, mutations: 3_000 },
    Target { name: "label", run: label::run, mutations: 5_000 },
    Target { name: "nft", run: nft::run, mutations: 1_500 },
    Target { name: "packet", run: packet::run, mutations: 150 },
    Target { name: "pattern", run: pattern::run, mutations: 10_000 },
    Target { name: "plan", run: plan::run, mutations: 2_000 },
    Target { name: "policy", run: policy::run, mutations: 500 },
    Target { name: "proxmox", run: proxmox::run, mutations: 5_000 },
    Target { name: "redaction", run: redaction::run, mutations: 500 },
    Target { name: "s3", run: s3::run, mutations: 3_000 },
    Target { name: "script", run: script::run, mutations: 60 },
    Target { name: "site", run: site::run, mutations: 500 },
    Target { name: "ssh_output", run: ssh_output::run, mutations: 5_000 },
    Target { name: "trust", run: trust::run, mutations: 500 },
    Target { name: "vault", run: vault::run, mutations: 10_000 },
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The first byte as a choice, and the rest.
fn choice(bytes: &[u8]) -> (u8, &[u8]) {
    bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest))
}
