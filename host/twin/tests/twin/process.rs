//! A twin behind its socket is the same twin.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use fabric_twin::conformance::{changes_conform, conforms};
use fabric_twin::process::{Remote, serve};
use fabric_twin::{Hold, Moment, Operations, Twin, TwinFault};
use fabric_wire::ssh::ChangeCommand;
use tokio::sync::oneshot;

use crate::samakia::{deadline, host, site};

/// Runs something against a twin behind a socket.
async fn with_remote<T>(play: impl AsyncFnOnce(Remote) -> T) -> T {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("twin");
    let (tell, told) = oneshot::channel::<()>();
    let served = tokio::spawn({
        let (twin, path) = (Twin::at_speed(&site(), 7, 20), path.clone());
        async move {
            let end = async { drop(told.await) };
            serve(twin, &path, end).await
        }
    });
    let remote = loop {
        match Remote::connect(&path).await {
            Ok(remote) => break remote,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let outcome = play(remote).await;
    tell.send(()).expect("it is served");
    served.await.expect("no panic").expect("it could be served");
    assert!(!path.exists(), "the socket is gone");
    outcome
}

#[tokio::test]
async fn the_remote_twin_conforms() {
    with_remote(async |remote: Remote| {
        let (seams, writing) = (remote.seams(), remote.writing());
        for case in conforms(&seams, &site()).await {
            assert_eq!(case.outcome, Ok(()), "{}", case.name);
        }
        let before = remote.digest().await.expect("a digest");
        for case in changes_conform(&seams, &writing, &site()).await {
            assert_eq!(case.outcome, Ok(()), "{}", case.name);
        }
        assert_eq!(remote.digest().await.expect("a digest"), before);
        assert!(remote.changes().await.expect("a log").len() > 10);
        assert!(remote.secret("proxmox/token").is_some() && remote.secret("other").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_change_is_held_before_it_changes_nothing() {
    with_remote(async |remote: Remote| {
        let before = remote.digest().await.expect("a digest");
        let hold = Hold { nth: 1, among: Operations::Changes, moment: Moment::Before };
        remote.hold(hold).await.expect("a twin");
        let changing = tokio::spawn({
            let writing = remote.writing();
            async move {
                let unit = "dnsdist.service".parse().expect("a name");
                let command = ChangeCommand::UnitStop { unit };
                writing.ssh.change(&host(&site(), "dns-edge-1"), &command, b"", deadline()).await
            }
        });
        remote.held().await.expect("a twin");
        changing.abort();
        assert!(changing.await.is_err());
        // The server sees the end of the connection before it gets the next one's request.
        remote.advance(Duration::from_secs(1)).await.expect("a twin");
        remote.release().await.expect("a twin");
        assert_eq!(remote.digest().await.expect("a digest"), before);
    })
    .await;
}

#[tokio::test]
async fn faults_reach_the_twin_and_those_about_nothing_are_refused() {
    with_remote(async |remote: Remote| {
        let fault = TwinFault::HostDown { host: "dns-edge-1".into() };
        remote.inject(fault.clone()).await.expect("it exists");
        assert!(remote.heal(&fault).await.expect("a twin"));
        assert!(!remote.heal(&fault).await.expect("a twin"));
        assert!(remote.inject(TwinFault::HostDown { host: "nobody".into() }).await.is_err());
    })
    .await;
}
