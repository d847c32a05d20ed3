//! Requests to one S3 server.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::answer::{self, ANSWER_LIMIT};
use super::sign::{self, Signed};
use crate::deadline::Deadline;
use crate::endpoint::S3Server;
use crate::error::WireError;
use crate::http::{self, Method, Request, RequestPath, Response, Tls, encoded, encoded_but};
use crate::seam::{Route, Seams};
use crate::tls::Authority;

/// How often a read is asked at most while the server answers 500, 502, 503 or 504: it changes nothing.
pub const ATTEMPTS: u32 = 3;

/// How long the second attempt waits for; the third waits twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// A client of one server. It keeps no connection open.
pub struct Client {
    seams: Seams,
    server: S3Server,
    authority: Authority,
}

/// What is asked for: the names in the path, and the query.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'a> {
    /// The bucket.
    pub(super) bucket: Option<&'a str>,
    /// The object's key.
    pub(super) key: Option<&'a str>,
    /// The query by name; an empty value is that of a name without one.
    pub(super) query: &'a [(&'a str, &'a str)],
}

impl Asked<'_> {
    /// The path as it is sent. A slash of a key divides segments here too; nothing else of it is special.
    fn path(&self) -> String {
        match (self.bucket, self.key) {
            (None, _) => "/".to_owned(),
            (Some(bucket), None) => format!("/{bucket}"),
            (Some(bucket), Some(key)) => format!("/{bucket}/{}", encoded_but(key, b"/")),
        }
    }

    /// The query as it is sent and signed: encoded, and in the order of the names.
    fn query(&self) -> String {
        let mut parts: Vec<(String, String)> =
            self.query.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        parts.sort();
        parts.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

impl Client {
    /// A client that trusts the server's authority alone.
    ///
    /// # Errors
    /// [`WireError::Tls`] when the authority's certificates cannot be read.
    pub fn new(seams: Seams, server: S3Server) -> Result<Self, WireError> {
        let authority = Authority::from_pem(&server.authority)?;
        Ok(Self { seams, server, authority })
    }

    /// Reads, with the server's keys where it has any, again where the server may answer otherwise. What the last answer is, is for
    /// whoever asked to say.
    ///
    /// # Errors
    /// Those of the seams and of TLS; [`WireError::TooLarge`]; [`WireError::Closed`] for an answer that breaks off; [`WireError::Garbage`]
    /// for anything that is not HTTP/1; [`WireError::NotFound`] for a path that is too long to be sent.
    pub(super) async fn read(
        &self,
        method: Method,
        asked: Asked<'_>,
        body_limit: usize,
        deadline: Deadline,
    ) -> Result<Response, WireError> {
        for attempt in 1..ATTEMPTS {
            let response = self.once(method, &asked, body_limit, deadline).await?;
            let pause = PAUSE * attempt;
            if !answer::is_passing(&response) || deadline.left() <= pause {
                return Ok(response);
            }
            self.seams.clock.sleep(pause).await;
        }
        self.once(method, &asked, body_limit, deadline).await
    }

    /// Reads a document of a bucket, or of one of its objects.
    pub(super) async fn get(&self, asked: Asked<'_>, deadline: Deadline) -> Result<Response, WireError> {
        self.read(Method::Get, asked, ANSWER_LIMIT, deadline).await
    }

    /// Asks for a path beside those of S3, without a name.
    pub(super) async fn get_beside(&self, path: &str, deadline: Deadline) -> Result<Response, WireError> {
        self.send(Method::Get, path, "", Vec::new(), ANSWER_LIMIT, deadline).await
    }

    async fn once(
        &self,
        method: Method,
        asked: &Asked<'_>,
        body_limit: usize,
        deadline: Deadline,
    ) -> Result<Response, WireError> {
        let (path, query) = (asked.path(), asked.query());
        let headers = self.headers(method, &path, &query)?;
        self.send(method, &path, &query, headers, body_limit, deadline).await
    }

    /// The header fields that say who asks.
    fn headers(
        &self,
        method: Method,
        path: &str,
        query: &str,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, WireError> {
        let Some(keys) = &self.server.keys else { return Ok(Vec::new()) };
        let body = sign::digest(b"");
        let stamp = sign::stamp(self.seams.clock.now())?;
        let fields = [
            ("host".to_owned(), self.host()),
            ("x-amz-content-sha256".to_owned(), body.clone()),
            ("x-amz-date".to_owned(), stamp.clone()),
        ];
        let method = match method {
            Method::Get => "GET",
            Method::Head => "HEAD",
        };
        let signed = Signed { method, path, query, headers: &fields, body: &body };
        let authorization = sign::authorization(&signed, keys, self.server.region.as_str(), &stamp)?;
        let [_, (_, body), (_, stamp)] = fields;
        let sendable = |text: String| {
            HeaderValue::try_from(text)
                .map_err(|_| WireError::Authentication("the signature cannot be sent".into()))
        };
        let mut authorization = sendable(authorization)?;
        authorization.set_sensitive(true);
        Ok(vec![
            (HeaderName::from_static("x-amz-content-sha256"), sendable(body)?),
            (HeaderName::from_static("x-amz-date"), sendable(stamp)?),
            (AUTHORIZATION, authorization),
        ])
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body_limit: usize,
        deadline: Deadline,
    ) -> Result<Response, WireError> {
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let path: RequestPath = path.parse().map_err(|error| WireError::NotFound(format!("{error}")))?;
        let request = Request {
            method,
            host: &self.host(),
            path: &path,
            headers: &headers,
            tls: Some(Tls { server_name: &self.server.server_name, authority: &self.authority }),
            body_limit,
        };
        http::request(&self.seams, &Route::Direct, self.server.address, &request, deadline).await
    }

    /// The value of the `Host` field, which is signed too (RFC 9110, 7.2: without the scheme's own port).
    fn host(&self) -> String {
        let name = &self.server.server_name;
        let name = if name.contains(':') { format!("[{name}]") } else { name.clone() };
        match self.server.address.port() {
            443 => name,
            port => format!("{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_in_the_path_as_it_is() {
        let path = |key| Asked { bucket: Some("b-1"), key: Some(key), ..Asked::default() }.path();
        assert_eq!(path("a/../b c+d%e?f#g"), "/b-1/a/../b%20c%2Bd%25e%3Ff%23g");
        assert_eq!(path("ä//"), "/b-1/%C3%A4//");
        let longest = path(&"ä".repeat(512));
        assert!(longest.parse::<RequestPath>().is_ok(), "{} bytes", longest.len());
    }

    #[test]
    fn a_query_is_in_order_and_encoded() {
        let query = [("prefix", "a b/"), ("list-type", "2"), ("max-keys", "1")];
        assert_eq!(
            Asked { query: &query, ..Asked::default() }.query(),
            "list-type=2&max-keys=1&prefix=a%20b%2F"
        );
        assert_eq!(Asked { query: &[("policy", "")], ..Asked::default() }.query(), "policy=");
        // By their names, not as text in which `=` comes behind `-`.
        let query = [("list-type", "2"), ("list", "1")];
        assert_eq!(Asked { query: &query, ..Asked::default() }.query(), "list=1&list-type=2");
    }
}
