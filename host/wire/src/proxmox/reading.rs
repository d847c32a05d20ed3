//! An answer that is at hand already, read without asking for it.

use serde::de::DeserializeOwned;

use super::access::{Listing, permissions};
use super::answer;
use super::cluster::{self, HaResource};
use super::guest::{self, GuestStatus};
use super::sdn::{NodeZone, SdnSubnet, SdnVnet, SdnZone};
use super::task;
use super::upid::Upid;
use crate::error::WireError;
use crate::http::Response;

/// Reads one answer as that to every question in turn, and says what came of it by the question. An API that is not what it should be
/// may answer any of them with it.
pub fn read_as_everything(response: &Response) -> Vec<(&'static str, Result<(), WireError>)> {
    vec![
        ("cluster status", read(response, cluster::status)),
        ("guest config", read(response, guest::config)),
        ("guest interfaces", read(response, guest::interfaces)),
        ("guest status", read(response, Ok::<GuestStatus, WireError>)),
        ("ha resources", read(response, Ok::<Vec<HaResource>, WireError>)),
        ("node zones", read(response, Ok::<Vec<NodeZone>, WireError>)),
        ("permissions", read(response, |listing: Listing| Ok(permissions(listing)))),
        ("sdn subnets", read(response, Ok::<Vec<SdnSubnet>, WireError>)),
        ("sdn vnets", read(response, Ok::<Vec<SdnVnet>, WireError>)),
        ("sdn zones", read(response, Ok::<Vec<SdnZone>, WireError>)),
        (
            "task",
            read(response, |text: String| {
                text.parse::<Upid>().map_err(|e| WireError::Garbage(e.to_string()))
            }),
        ),
        ("task status", read(response, task::status)),
    ]
}

fn read<Raw: DeserializeOwned, T>(
    response: &Response,
    meaning: impl FnOnce(Raw) -> Result<T, WireError>,
) -> Result<(), WireError> {
    answer::read(response).and_then(meaning).map(drop)
}
