//! The cases that the twin passes, put to the real seams: a twin that answers otherwise than the daemons is no rehearsal.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use fabric_connect::ssh::{KnownHosts, SshClient};
use fabric_model::site::Site;
use fabric_twin::conformance::{Case, changes_conform, conforms};
use fabric_wire::endpoint::{Secret, SshIdentity};
use fabric_wire::seam::Ssh;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::machine::Lab;

#[test]
fn the_real_daemons_pass_the_cases_of_the_twin_and_are_then_as_before() {
    let lab = Lab::up("conformance");
    let before = lab.standing();
    let cases = std::thread::scope(|scope| scope.spawn(|| ask(&lab)).join().expect("the cases end"));
    assert!(cases.len() > 20, "{cases:?}");
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, case.outcome.err()?)))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    lab.settles_to(&before).expect("the cases take back what they do");
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
        let ssh = Arc::new(SshClient::new(pins, SshIdentity::Key(Secret::new(key))));
        let seams = fabric_connect::seams(Arc::clone(&ssh) as Arc<dyn Ssh>);
        let mut cases = conforms(&seams, &site).await;
        cases.extend(changes_conform(&seams, &fabric_connect::writing(ssh), &site).await);
        cases
    })
}
