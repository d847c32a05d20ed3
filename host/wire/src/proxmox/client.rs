//! Requests to whichever node of a cluster answers.

use std::net::SocketAddr;
use std::time::Duration;

use fabric_model::Slug;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::de::DeserializeOwned;

use super::answer::{self, ANSWER_LIMIT};
use crate::deadline::Deadline;
use crate::endpoint::ProxmoxApi;
use crate::error::WireError;
use crate::http::{self, Method, Request, RequestPath, Response, Tls, Verb};
use crate::seam::{BoxStream, Route, Seams};
use crate::tls::Authority;

/// A client of one cluster. It keeps no connection open.
pub struct Client {
    seams: Seams,
    api: ProxmoxApi,
    authority: Authority,
}

impl Client {
    /// A client that trusts the API's pinned authority alone.
    ///
    /// # Errors
    /// [`WireError::Tls`] when the authority's certificates cannot be read.
    pub fn new(seams: Seams, api: ProxmoxApi) -> Result<Self, WireError> {
        let authority = Authority::from_pem(&api.authority)?;
        Ok(Self { seams, api, authority })
    }

    /// Reads one resource. `path` begins behind `/api2/json`.
    ///
    /// # Errors
    /// Those of the seams and of TLS; [`WireError::Authentication`] for a token that is missing, wrong or expired, which the
    /// API says some 3 seconds late; [`WireError::Permission`]; [`WireError::NotFound`]; [`WireError::Unreachable`] where the
    /// node that answers cannot reach the node that is asked about; [`WireError::Garbage`] for the rest.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<T, WireError> {
        answer::read(&self.ask(Method::Get, path, deadline).await?)
    }

    /// Sends one request without a body and takes the answer, whatever its status. It goes to one node alone: what was sent may
    /// have taken effect.
    pub(super) async fn ask<M: Verb>(
        &self,
        method: M,
        path: &str,
        deadline: Deadline,
    ) -> Result<Response, WireError> {
        let path: RequestPath =
            format!("/api2/json{path}").parse().map_err(|e| WireError::NotFound(format!("{e}")))?;
        let headers = [(AUTHORIZATION, self.authorization()?)];
        let (node, stream) = self.open(deadline).await?;
        let host = node.as_str();
        let request =
            Request { method, host, path: &path, headers: &headers, tls: None, body_limit: ANSWER_LIMIT };
        http::exchange(stream, &request, deadline).await
    }

    /// Waits on the clock of the seams.
    pub(super) async fn pause(&self, duration: Duration) {
        self.seams.clock.sleep(duration).await;
    }

    /// Connects to the first node that can be connected to. A node that is down or hangs must leave time for the others, so
    /// each gets an equal share of what is left. A certificate that does not verify is never stepped over.
    async fn open(&self, deadline: Deadline) -> Result<(&Slug, BoxStream), WireError> {
        let mut failures = Vec::new();
        for (place, (node, address)) in self.api.nodes.iter().enumerate() {
            let remaining = u32::try_from(self.api.nodes.len() - place).unwrap_or(u32::MAX);
            let share = Deadline::after(deadline.left() / remaining).earlier(deadline);
            match self.connect(node, *address, share).await {
                Ok(stream) => return Ok((node, stream)),
                Err(
                    error @ (WireError::Refused
                    | WireError::Timeout
                    | WireError::Unreachable(_)
                    | WireError::Closed),
                ) => failures.push((node, error)),
                Err(decisive) => return Err(decisive),
            }
        }
        match failures.as_slice() {
            // Every node failed the same way, so that is what the cluster does: refuse, or stay silent.
            [(_, first), others @ ..] if others.iter().all(|(_, other)| other == first) => Err(first.clone()),
            all => {
                let all: Vec<String> = all.iter().map(|(node, error)| format!("{node}: {error}")).collect();
                Err(WireError::Unreachable(format!("no node answers ({})", all.join("; "))))
            }
        }
    }

    async fn connect(
        &self,
        node: &Slug,
        address: SocketAddr,
        deadline: Deadline,
    ) -> Result<BoxStream, WireError> {
        let tls = Tls { server_name: node.as_str(), authority: &self.authority };
        http::open(&self.seams, &Route::Direct, address, Some(tls), deadline).await
    }

    fn authorization(&self) -> Result<HeaderValue, WireError> {
        let text = [b"PVEAPIToken=", self.api.token_id.as_bytes(), b"=", self.api.token.expose()].concat();
        let mut value = HeaderValue::from_bytes(&text).map_err(|_| {
            WireError::Authentication(
                "the token holds a line break or other bytes that cannot be sent".into(),
            )
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}
