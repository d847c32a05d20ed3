//! Connecting as a finding.

use std::sync::Arc;

use fabric_wire::WireError;
use fabric_wire::seam::Route;
use fabric_wire::tcp::{self, Connected, State};

use crate::peers::{World, peer, seams, soon, via};

async fn connect(outcome: Option<WireError>, route: Route) -> Result<Connected, WireError> {
    let world = World::of(Arc::new(move |_, stream| match &outcome {
        Some(error) => Err(error.clone()),
        None => Ok(Box::pin(async move { drop(stream) })),
    }));
    tcp::connect(&seams(&world), &route, peer(), soon()).await
}

#[tokio::test(start_paused = true)]
async fn open_refused_and_silent_are_findings() {
    let state = async |outcome| connect(outcome, Route::Direct).await.map(|connected| connected.state);
    assert_eq!(state(None).await, Ok(State::Open));
    assert_eq!(state(Some(WireError::Refused)).await, Ok(State::Refused));
    assert_eq!(state(Some(WireError::Timeout)).await, Ok(State::Timeout));
}

#[tokio::test(start_paused = true)]
async fn not_getting_there_is_an_error() {
    let host_key = WireError::HostKey { host: "edge".into(), reason: "another".into() };
    let forwarding = WireError::ForwardingRefused { host: "edge".into() };
    for error in [WireError::Unreachable("no route to host".into()), host_key, forwarding] {
        assert_eq!(connect(Some(error.clone()), via()).await, Err(error));
    }
}

#[test]
fn only_being_unable_to_get_there_is_blamed_on_the_way() {
    for error in [WireError::Refused, WireError::Timeout, WireError::Closed] {
        let said = error.to_string();
        let WireError::Unreachable(why) = error.on_the_way("host `edge`") else { panic!("{said}") };
        assert_eq!(why, format!("host `edge`: {said}"));
    }
    let forwarding = WireError::ForwardingRefused { host: "edge".into() };
    assert_eq!(forwarding.clone().on_the_way("host `edge`"), forwarding);
}
