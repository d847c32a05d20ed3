//! What a played S3 server answers to one request.

use std::collections::BTreeMap;
use std::ops::Bound;

use fabric_wire::s3::sign::{self, Signed};

use super::document::{VERSION, WRITTEN, WRITTEN_HTTP, document, element, encoded};
use super::ill::S3Ill;
use super::model::{Model, Object, SKEW};

/// The most entries of one page. Real servers have 1,000; here every listing has several pages.
const PAGE: usize = 4;

/// A request, as far as it is looked at.
pub(super) struct Asked {
    pub(super) method: String,
    /// The path as it was sent.
    pub(super) path: String,
    /// The query as it was sent.
    pub(super) query: String,
    /// Header fields by lower-case name.
    pub(super) headers: BTreeMap<String, String>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    fn document(root: &str, inner: &str) -> Self {
        let headers = vec![("content-type", "application/xml".to_owned())];
        Self { status: 200, headers, body: document(root, inner).into_bytes() }
    }

    fn refused(status: u16, code: &str, message: &str) -> Self {
        let inner = format!("{}{}", element("Code", code), element("Message", message));
        let headers = vec![("content-type", "application/xml".to_owned())];
        Self { status, headers, body: document("Error", &inner).into_bytes() }
    }

    fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
}

type Query = BTreeMap<String, String>;

impl Model {
    pub(super) fn answer(&self, asked: &Asked) -> Answer {
        if let Some(what) = asked.path.strip_prefix("/minio/health/") {
            return self.health(what);
        }
        if self.has(S3Ill::Overloaded) || self.has(S3Ill::QuorumLost) {
            return Answer::refused(
                503,
                "SlowDown",
                "Resource requested is unreadable, please reduce your request rate",
            );
        }
        let query = query(&asked.query);
        let (Some(path), Some(query)) = (percent_decoded(&asked.path), query) else {
            return Answer::refused(400, "InvalidURI", "Couldn't parse the specified URI.");
        };
        let path = path.trim_start_matches('/').to_owned();
        let (bucket, key) = match path.split_once('/') {
            Some((bucket, key)) => (bucket, Some(key).filter(|key| !key.is_empty())),
            None => (path.as_str(), None),
        };
        let named = match asked.headers.get("authorization") {
            Some(value) => match self.verify(asked, value) {
                Some(refused) => return refused,
                None => true,
            },
            None => false,
        };
        if !named && (bucket.is_empty() || !self.has(S3Ill::Public))
            || named && self.has(S3Ill::WithoutRights)
        {
            return Answer::refused(403, "AccessDenied", "Access Denied.");
        }
        if bucket.is_empty() {
            return self.list_buckets();
        }
        let Some(objects) = self.buckets.get(bucket) else {
            return Answer::refused(404, "NoSuchBucket", "The specified bucket does not exist");
        };
        if self.has(S3Ill::OtherRegion) {
            let mut moved =
                Answer::refused(301, "PermanentRedirect", "The bucket must be addressed elsewhere.");
            moved.headers.push(("x-amz-bucket-region", "eu-central-9".to_owned()));
            return moved;
        }
        match key {
            None => self.of_bucket(bucket, objects, &query),
            Some(key) => match objects.get(key) {
                Some(object) => self.of_object(object, &query),
                None => Answer::refused(404, "NoSuchKey", "The specified key does not exist."),
            },
        }
    }

    fn health(&self, what: &str) -> Answer {
        let healthy = what == "live" || !self.has(S3Ill::QuorumLost);
        let mut answer = match what {
            "live" | "ready" | "cluster" | "cluster/read" => Answer::empty(if healthy { 200 } else { 503 }),
            _ => Answer::empty(404),
        };
        if what == "cluster" {
            answer.headers.push(("x-minio-write-quorum", "4".to_owned()));
        }
        answer
    }

    /// The refusal of a signature that does not hold.
    fn verify(&self, asked: &Asked, authorization: &str) -> Option<Answer> {
        let stamp = asked.headers.get("x-amz-date").cloned().unwrap_or_default();
        let then = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", &stamp).and_then(|then| then.to_datetime());
        let then = then.and_then(|then| then.to_zoned(jiff::tz::TimeZone::UTC)).ok();
        let now = jiff::Timestamp::try_from(self.now).ok();
        let apart = then.zip(now).map(|(then, now)| then.timestamp().duration_until(now).unsigned_abs());
        if apart.is_none_or(|apart| apart > SKEW) {
            return Some(Answer::refused(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the server's time is too large.",
            ));
        }
        let access = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/'));
        let known = access.is_some_and(|(access, _)| access.as_bytes() == self.keys.access.expose());
        if !known || self.has(S3Ill::KeyUnknown) {
            return Some(Answer::refused(
                403,
                "InvalidAccessKeyId",
                "The Access Key Id you provided does not exist.",
            ));
        }
        let names = authorization.split_once("SignedHeaders=").and_then(|(_, rest)| rest.split_once(','));
        let names = names.map(|(names, _)| names).unwrap_or_default();
        let field = |name: &str| (name.to_owned(), asked.headers.get(name).cloned().unwrap_or_default());
        let headers: Vec<(String, String)> = names.split(';').map(field).collect();
        let body = asked.headers.get("x-amz-content-sha256").cloned().unwrap_or_default();
        let signed = Signed {
            method: &asked.method,
            path: &asked.path,
            query: &asked.query,
            headers: &headers,
            body: &body,
        };
        let right = sign::authorization(&signed, &self.keys, &self.region, &stamp).ok();
        // Nobody reads a body here, so there must be none.
        let holds = right.as_deref() == Some(authorization) && body == sign::digest(b"");
        (!holds || self.has(S3Ill::SecretChanged)).then(|| {
            let message = "The request signature we calculated does not match the signature you provided.";
            Answer::refused(403, "SignatureDoesNotMatch", message)
        })
    }

    fn list_buckets(&self) -> Answer {
        let bucket = |name: &String| {
            format!("<Bucket>{}{}</Bucket>", element("Name", name), element("CreationDate", WRITTEN))
        };
        let buckets: String = self.buckets.keys().map(bucket).collect();
        Answer::document("ListAllMyBucketsResult", &format!("<Buckets>{buckets}</Buckets>"))
    }

    fn of_bucket(&self, bucket: &str, objects: &BTreeMap<String, Object>, query: &Query) -> Answer {
        if query.contains_key("policy") {
            return self.policy(bucket);
        }
        if query.contains_key("versioning") {
            let status = if self.versioning() { element("Status", "Enabled") } else { String::new() };
            return Answer::document("VersioningConfiguration", &status);
        }
        if query.contains_key("object-lock") {
            let message = "Object Lock configuration does not exist for this bucket";
            return Answer::refused(404, "ObjectLockConfigurationNotFoundError", message);
        }
        if query.contains_key("versions") {
            return self.versions(bucket, objects, query);
        }
        self.list(bucket, objects, query)
    }

    fn policy(&self, bucket: &str) -> Answer {
        if !self.has(S3Ill::Public) {
            return Answer::refused(404, "NoSuchBucketPolicy", "The bucket policy does not exist");
        }
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"]}}]}}"#
        );
        let headers = vec![("content-type", "application/json".to_owned())];
        Answer { status: 200, headers, body: policy.into_bytes() }
    }

    /// The keys of a page behind one of them, and the last of them where there are more.
    fn page<'a>(
        &self,
        objects: &'a BTreeMap<String, Object>,
        query: &Query,
        after: &str,
    ) -> (Vec<(&'a String, &'a Object)>, Option<String>) {
        let prefix = query.get("prefix").map(String::as_str).unwrap_or_default();
        let most = query.get("max-keys").and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(PAGE);
        let begin = if self.has(S3Ill::Circles) || after.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(after.to_owned())
        };
        let mut found = objects.range((begin, Bound::Unbounded)).filter(|(key, _)| key.starts_with(prefix));
        let page: Vec<_> = found.by_ref().take(most).collect();
        let more = found.next().is_some();
        let last = page.last().map(|(key, _)| (*key).clone()).filter(|_| more);
        (page, last)
    }

    fn list(&self, bucket: &str, objects: &BTreeMap<String, Object>, query: &Query) -> Answer {
        let after = query.get("continuation-token").map(String::as_str).unwrap_or_default();
        let (page, last) = self.page(objects, query, after);
        let entry = |(key, object): &(&String, &Object)| {
            let size = object.bytes.len().to_string();
            let fields = [
                ("Key", encoded(key)),
                ("LastModified", WRITTEN.to_owned()),
                ("ETag", self.etag(object)),
                ("Size", size),
            ];
            let fields: String = fields.iter().map(|(name, text)| element(name, text)).collect();
            format!("<Contents>{fields}</Contents>")
        };
        let entries: String = page.iter().map(entry).collect();
        let more = element("IsTruncated", if last.is_some() { "true" } else { "false" });
        let next = last.map(|last| element("NextContinuationToken", &last)).unwrap_or_default();
        let head = format!("{}{}", element("Name", bucket), element("EncodingType", "url"));
        Answer::document("ListBucketResult", &format!("{head}{more}{next}{entries}"))
    }

    fn versions(&self, bucket: &str, objects: &BTreeMap<String, Object>, query: &Query) -> Answer {
        let after = query.get("key-marker").map(String::as_str).unwrap_or_default();
        let (page, last) = self.page(objects, query, after);
        let id = if self.versioning() { VERSION } else { "null" };
        let entry = |(key, object): &(&String, &Object)| {
            let fields = [
                ("Key", encoded(key)),
                ("VersionId", id.to_owned()),
                ("IsLatest", "true".to_owned()),
                ("LastModified", WRITTEN.to_owned()),
                ("ETag", self.etag(object)),
                ("Size", object.bytes.len().to_string()),
            ];
            let fields: String = fields.iter().map(|(name, text)| element(name, text)).collect();
            format!("<Version>{fields}</Version>")
        };
        let entries: String = page.iter().map(entry).collect();
        let more = element("IsTruncated", if last.is_some() { "true" } else { "false" });
        let next = last.map(|last| {
            format!("{}{}", element("NextKeyMarker", &encoded(&last)), element("NextVersionIdMarker", id))
        });
        let head = format!("{}{}", element("Name", bucket), element("EncodingType", "url"));
        Answer::document("ListVersionsResult", &format!("{head}{more}{}{entries}", next.unwrap_or_default()))
    }

    fn of_object(&self, object: &Object, query: &Query) -> Answer {
        if query.contains_key("retention") || query.contains_key("legal-hold") {
            return Answer::refused(400, "InvalidRequest", "Bucket is missing Object Lock Configuration");
        }
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("etag", self.etag(object)),
            ("last-modified", WRITTEN_HTTP.to_owned()),
        ];
        if self.versioning() {
            headers.push(("x-amz-version-id", VERSION.to_owned()));
        }
        Answer { status: 200, headers, body: object.bytes.clone() }
    }
}

fn query(text: &str) -> Option<Query> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((percent_decoded(name)?, percent_decoded(value)?))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
