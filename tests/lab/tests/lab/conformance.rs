//! The cases that the twin passes, put to the real seams: a twin that answers otherwise than the daemons is no rehearsal.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_model::site::Site;
use fabric_twin::conformance::{Case, conforms};
use fabric_wire::endpoint::{Secret, SshIdentity};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::machine::Lab;

/// Every case passes from the runner.
pub(crate) fn assert_conforms(lab: &Lab) {
    let cases = std::thread::scope(|scope| scope.spawn(|| ask(lab)).join().expect("the cases end"));
    assert!(cases.len() > 1, "{cases:?}");
    for case in cases {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
}

/// On a thread of its own, which enters the runner's network namespace: it never comes out again.
fn ask(lab: &Lab) -> Vec<Case> {
    let namespace = File::open(format!("/run/netns/{}-runner", lab.id())).expect("the runner's namespace");
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("root may enter it");
    let folder = lab.dir.join("site");
    let site: Site = toml::from_str(&fs::read_to_string(folder.join("fabric.toml")).expect("the site file"))
        .expect("a site");
    let pins = KnownHosts::read(&folder.join("known_hosts")).expect("the pinned keys");
    let key = fs::read(folder.join("secrets/ssh-operator")).expect("the operator's key");
    // One thread: a second one would be outside.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let ssh = SshClient::new(pins, SshIdentity::Key(Secret::new(key)));
        conforms(&fabric_connect::seams(Arc::new(ssh)), &site).await
    })
}
