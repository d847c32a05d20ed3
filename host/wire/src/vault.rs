//! Reads single values of HashiCorp Vault's key-value engines. HTTPS is all that is spoken, one request is sent, no redirect is
//! followed, and nothing of an answer but the value is passed on, as it may be secret.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::deadline::Deadline;
use crate::endpoint::Secret;
use crate::error::WireError;
use crate::http::{self, Method, Request, RequestPath, Response};
use crate::seam::{Clock, Dial};
use crate::tls::{self, Authority};

/// The largest answer that is taken, in bytes. Vault itself stores at most 512 KiB or 1 MiB under one path.
pub const ANSWER_LIMIT: usize = 1 << 20;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Without it, a listener may be set up to refuse.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Which key-value engine is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One value for each path.
    V1,
    /// Versions for each path, of which the newest is read.
    V2,
}

/// A server and a mount on it.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name or address that its certificate must bear.
    pub server_name: String,
    /// The authority that must have issued it.
    pub authority: Authority,
    /// The namespace, if it has such.
    pub namespace: Option<String>,
    /// The path of the mount.
    pub path: String,
    /// What is mounted there.
    pub engine: Engine,
}

/// What Vault wraps an answer in; the rest of it is of no use here.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

/// A field's value.
enum Field {
    Text(Zeroizing<String>),
    Other,
}

type Fields = BTreeMap<String, Field>;

/// Reads one field of the secret at `path`, in the mount's newest version.
///
/// # Errors
/// Those of the seam and of TLS; [`WireError::Permission`] when the token may not or counts no longer, which Vault does not tell
/// apart; [`WireError::NotFound`] for a path, version or field that is not there or was deleted; [`WireError::Unreachable`] for a
/// server that is sealed, not set up or a standby; [`WireError::TooLarge`]; [`WireError::Garbage`] for anything else, a redirect
/// among it.
pub async fn read(
    dial: &dyn Dial,
    clock: Arc<dyn Clock>,
    mount: &Mount,
    token: &Secret,
    (path, field): (&str, &str),
    deadline: Deadline,
) -> Result<Secret, WireError> {
    let within = match mount.engine {
        Engine::V1 => format!("/v1/{}/{path}", mount.path),
        Engine::V2 => format!("/v1/{}/data/{path}", mount.path),
    };
    let within: RequestPath = within.parse().map_err(|error| WireError::NotFound(format!("{error}")))?;
    let headers = headers(mount, token)?;
    let stream = deadline.bound(dial.dial(mount.address, deadline)).await?;
    let stream = tls::client(stream, &mount.server_name, &mount.authority, clock, deadline).await?;
    let host = match mount.address.port() {
        443 => mount.server_name.clone(),
        port => format!("{}:{port}", mount.server_name),
    };
    let request = Request {
        method: Method::Get,
        host: &host,
        path: &within,
        headers: &headers,
        tls: None,
        body_limit: ANSWER_LIMIT,
    };
    let answer = http::exchange(Box::new(stream), &request, deadline).await?;
    value(mount.engine, answer, field)
}

fn headers(mount: &Mount, token: &Secret) -> Result<Vec<(HeaderName, HeaderValue)>, WireError> {
    let unsendable = |what: &str| {
        WireError::Authentication(format!("the {what} holds a line break or other bytes that cannot be sent"))
    };
    let mut secret = HeaderValue::from_bytes(token.expose()).map_err(|_| unsendable("token"))?;
    secret.set_sensitive(true);
    let mut headers = vec![(TOKEN, secret), (REQUEST, HeaderValue::from_static("true"))];
    if let Some(namespace) = &mount.namespace {
        headers.push((NAMESPACE, HeaderValue::from_str(namespace).map_err(|_| unsendable("namespace"))?));
    }
    Ok(headers)
}

/// What an answer to [`read`] means.
///
/// # Errors
/// As there, without those of the way.
pub fn value(engine: Engine, answer: Response, field: &str) -> Result<Secret, WireError> {
    let body = Zeroizing::new(answer.body);
    match answer.status {
        200 => {}
        403 => {
            return Err(WireError::Permission(
                "Vault answers 403: the token may not read it, or counts no longer".into(),
            ));
        }
        404 => {
            return Err(WireError::NotFound(
                "Vault answers 404: nothing is at this path, or it was deleted".into(),
            ));
        }
        300..=399 => {
            let status = answer.status;
            return Err(WireError::Garbage(format!(
                "Vault answers {status}, a redirect, which is not followed"
            )));
        }
        // Standbys of several kinds, not set up, sealed or in maintenance.
        429 | 472 | 473 | 501 | 503 => {
            return Err(WireError::Unreachable(format!(
                "Vault answers {}: it is sealed or a standby",
                answer.status
            )));
        }
        status => return Err(WireError::Garbage(format!("Vault answers {status}"))),
    }
    let fields = match engine {
        Engine::V1 => data::<Fields>(&body)?,
        Engine::V2 => data::<Envelope<Fields>>(&body)?.and_then(|version| version.data),
    };
    // Of a deleted version nothing but metadata is left.
    let mut fields = fields.ok_or_else(|| {
        WireError::NotFound("nothing is at this path, or its newest version was deleted".into())
    })?;
    match fields.remove(field) {
        Some(Field::Text(text)) => Ok(Secret::new(text.as_bytes().to_vec())),
        Some(Field::Other) => Err(WireError::Garbage(format!("the field `{field}` is no text"))),
        None => Err(WireError::NotFound(format!("there is no field `{field}`"))),
    }
}

/// Where it fails, serde's words are left out: they quote.
fn data<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<Option<T>, WireError> {
    let envelope: Result<Envelope<T>, _> = serde_json::from_slice(body);
    envelope
        .map(|envelope| envelope.data)
        .map_err(|_| WireError::Garbage("Vault's answer is not that of this key-value engine".into()))
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(Zeroizing::new(text.to_owned())))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_unit<E: Error>(self) -> Result<Field, E> {
                Ok(Field::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Field, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
        }
        deserializer.deserialize_any(Values)
    }
}
