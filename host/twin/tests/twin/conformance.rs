//! The twin passes the cases that the real lab passes, and each planted fault makes the cases about it fail.

use fabric_twin::conformance::{changes_conform, conforms};
use fabric_twin::{Twin, TwinFault};

use crate::samakia;

async fn failing(faults: &[TwinFault]) -> Vec<&'static str> {
    let twin = samakia::twin();
    for fault in faults {
        twin.inject(fault.clone()).expect("the site has what the fault names");
    }
    let cases = conforms(&twin.seams(), &samakia::site()).await;
    assert_eq!(cases.len(), 24);
    cases.into_iter().filter(|case| case.outcome.is_err()).map(|case| case.name).collect()
}

#[tokio::test]
async fn the_twin_conforms() {
    let twin = samakia::twin();
    for case in conforms(&twin.seams(), &samakia::site()).await {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
}

#[tokio::test]
async fn a_case_fails_when_what_it_names_is_broken() {
    let edge = || "dns-edge-1".to_owned();
    let server = || "dns-auth-1".to_owned();
    let broken = [
        (TwinFault::RootLoginOpen { host: edge() }, "root is not let in"),
        (TwinFault::IsolationBroken { host: server() }, "a server behind the edges is silent from outside"),
        (
            TwinFault::DaemonStopped { host: edge(), unit: "unbound".into() },
            "a name outside the site is resolved without authority",
        ),
    ];
    for (fault, case) in broken {
        assert_eq!(failing(std::slice::from_ref(&fault)).await, [case], "{fault:?}");
    }
    let refused = failing(&[TwinFault::SudoRefused { host: edge() }]).await;
    assert!(
        refused.contains(&"files of the closed list are digested, and an absent one is told"),
        "{refused:?}"
    );
    let stopped = failing(&[TwinFault::DaemonStopped { host: edge(), unit: "keepalived".into() }]).await;
    assert!(stopped.contains(&"the host says what it is, what runs and what is installed"), "{stopped:?}");
    let silent = failing(&[TwinFault::DaemonStopped { host: edge(), unit: "nftables".into() }]).await;
    assert!(silent.contains(&"the ruleset of an edge is read, and drops by default"), "{silent:?}");
    assert!(silent.contains(&"a port that the edge's ruleset leaves out is silent"), "{silent:?}");
}

#[tokio::test]
async fn the_twin_conforms_in_what_it_changes_and_is_as_before() {
    let twin = Twin::at_speed(&samakia::site(), 7, 50);
    let before = twin.digest();
    for case in changes_conform(&twin.seams(), &twin.writing(), &samakia::site()).await {
        assert_eq!(case.outcome, Ok(()), "{}", case.name);
    }
    assert_eq!(twin.digest(), before);
}

#[tokio::test]
async fn changes_without_rights_fail_every_case_that_needs_them() {
    let twin = Twin::at_speed(&samakia::site(), 7, 50);
    let before = twin.digest();
    twin.inject(TwinFault::SudoRefused { host: "dns-edge-2".into() }).expect("it exists");
    let cases = changes_conform(&twin.seams(), &twin.writing(), &samakia::site()).await;
    let failing = cases.iter().filter(|case| case.outcome.is_err()).count();
    assert_eq!((cases.len(), failing), (10, 8), "what must fail anyway fails for another reason");
    assert_eq!(twin.digest(), before);
}
