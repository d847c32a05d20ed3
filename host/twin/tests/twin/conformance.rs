//! The twin passes the cases that the real lab passes, and each planted fault makes the cases about it fail.

use fabric_twin::TwinFault;
use fabric_twin::conformance::conforms;

use crate::samakia;

async fn failing(faults: &[TwinFault]) -> Vec<&'static str> {
    let twin = samakia::twin();
    for fault in faults {
        twin.inject(fault.clone()).expect("the site has what the fault names");
    }
    let cases = conforms(&twin.seams(), &samakia::site()).await;
    assert_eq!(cases.len(), 22);
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
    let silent = failing(&[TwinFault::DaemonStopped { host: edge(), unit: "nftables".into() }]).await;
    assert!(silent.contains(&"the ruleset of an edge is read, and drops by default"), "{silent:?}");
    assert!(silent.contains(&"a port that the edge's ruleset leaves out is silent"), "{silent:?}");
}
