//! An answer that is at hand already, read without asking for it.

use super::{bucket, health, list, object};
use crate::error::WireError;
use crate::http::Response;

/// Reads one answer as that to every question in turn, and says what came of it by the question. A server that is not what it should be may
/// answer any of them with it.
pub fn read_as_everything(response: &Response) -> Vec<(&'static str, Result<(), WireError>)> {
    vec![
        ("access to a bucket", bucket::access(response, true).map(drop)),
        ("access to an object", bucket::access(response, false).map(drop)),
        ("buckets", bucket::buckets(response).map(drop)),
        ("head", object::head(response).map(drop)),
        ("health", health::probe(response).map(drop)),
        ("legal hold", object::hold(response).map(drop)),
        ("lock settings", bucket::lock(response).map(drop)),
        ("objects", list::objects(response).map(drop)),
        ("policy", bucket::policy(response).map(drop)),
        ("retention", object::term(response).map(drop)),
        ("versioning", bucket::versioning(response).map(drop)),
        ("versions", list::versions(response).map(drop)),
    ]
}
