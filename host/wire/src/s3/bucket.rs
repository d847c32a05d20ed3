//! Buckets as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{code, document, failure, garbage, good};
use super::client::{Asked, Client};
use crate::deadline::Deadline;
use crate::error::WireError;
use crate::http::{Method, Response};

/// One bucket that the keys may list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made, as the server says.
    pub created: Option<String>,
}

/// What is kept from being deleted in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockSettings {
    /// `Enabled` or `Suspended`; none for a bucket that never had versions.
    pub versioning: Option<String>,
    /// Whether objects of the bucket can be locked.
    pub lock: bool,
    /// What holds for an object that says nothing of its own.
    pub default: Option<DefaultRetention>,
}

/// For how long an object is kept that says nothing of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultRetention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// Days, where it is in days.
    pub days: Option<u32>,
    /// Years, where it is in years.
    pub years: Option<u32>,
}

/// Whether somebody without a name gets what he asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// He does.
    Allowed,
    /// The server refuses.
    Denied,
}

/// What somebody without a name met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Anonymous {
    /// Whether he got it.
    pub access: Access,
    /// The status of the answer.
    pub status: u16,
    /// The code of the refusal, such as `AccessDenied`, where it has one.
    pub code: Option<String>,
}

impl Client {
    /// Lists the buckets of the account: GET /. Needs s3:ListAllMyBuckets.
    ///
    /// # Errors
    /// As [`Client`]'s reads: those of the seams and of TLS; [`WireError::Authentication`] for wrong keys and for a clock that is off;
    /// [`WireError::Permission`]; [`WireError::NotFound`], also for a bucket of another region; [`WireError::Unreachable`] for a server
    /// that keeps answering 5xx; [`WireError::Garbage`] for the rest.
    pub async fn buckets(&self, deadline: Deadline) -> Result<Vec<Bucket>, WireError> {
        buckets(&self.get(Asked::default(), deadline).await?)
    }

    /// Reads a bucket's policy, a text in JSON; none where it has none: GET /BUCKET?policy. Needs s3:GetBucketPolicy.
    ///
    /// # Errors
    /// As [`Self::buckets`].
    pub async fn policy(&self, bucket: &str, deadline: Deadline) -> Result<Option<String>, WireError> {
        let asked = Asked { bucket: Some(bucket), query: &[("policy", "")], ..Asked::default() };
        policy(&self.get(asked, deadline).await?)
    }

    /// Reads what is kept from being deleted in a bucket: GET /BUCKET?versioning and ?object-lock. Needs s3:GetBucketVersioning and
    /// s3:GetBucketObjectLockConfiguration.
    ///
    /// # Errors
    /// As [`Self::buckets`].
    pub async fn lock_settings(&self, bucket: &str, deadline: Deadline) -> Result<LockSettings, WireError> {
        let asked = Asked { bucket: Some(bucket), query: &[("versioning", "")], ..Asked::default() };
        let versioning = versioning(&self.get(asked, deadline).await?)?;
        let asked = Asked { query: &[("object-lock", "")], ..asked };
        let (lock, default) = lock(&self.get(asked, deadline).await?)?;
        Ok(LockSettings { versioning, lock, default })
    }

    /// Asks without a name for a bucket's listing, or for one of its objects. The client must be one without keys.
    ///
    /// # Errors
    /// As [`Self::buckets`]. Only the server's own refusal is [`Access::Denied`]: a bucket or object that is not there is
    /// [`WireError::NotFound`], and a connection that is refused an error of the seams.
    pub async fn anonymous(
        &self,
        bucket: &str,
        key: Option<&str>,
        deadline: Deadline,
    ) -> Result<Anonymous, WireError> {
        let listing = [("list-type", "2"), ("max-keys", "1")];
        let query: &[(&str, &str)] = if key.is_none() { &listing } else { &[] };
        // The first byte of an object would do, but not every server reads a range; its head is enough.
        let method = if key.is_none() { Method::Get } else { Method::Head };
        let asked = Asked { bucket: Some(bucket), key, query };
        let response = self.read(method, asked, super::ANSWER_LIMIT, deadline).await?;
        access(&response, key.is_none())
    }
}

/// The buckets of an account.
pub(super) fn buckets(response: &Response) -> Result<Vec<Bucket>, WireError> {
    let read = document(response, "ListAllMyBucketsResult")?;
    let buckets = read.child("Buckets").into_iter().flat_map(|buckets| buckets.all("Bucket"));
    buckets
        .map(|bucket| {
            let name = bucket.text_of("Name").ok_or_else(|| garbage("a bucket without a name"))?;
            let created = bucket.text_of("CreationDate").map(str::to_owned);
            Ok(Bucket { name: name.to_owned(), created })
        })
        .collect()
}

/// A bucket's policy; none where it has none.
pub(super) fn policy(response: &Response) -> Result<Option<String>, WireError> {
    if response.status == 404 && code(response) == "NoSuchBucketPolicy" {
        return Ok(None);
    }
    good(response)?;
    let policy: Result<serde_json::Value, _> = serde_json::from_slice(&response.body);
    match policy {
        Ok(policy @ serde_json::Value::Object(_)) => Ok(Some(policy.to_string())),
        _ => Err(garbage("a policy that is not JSON")),
    }
}

/// Whether a bucket keeps versions.
pub(super) fn versioning(response: &Response) -> Result<Option<String>, WireError> {
    let read = document(response, "VersioningConfiguration")?;
    Ok(read.text_of("Status").map(str::to_owned))
}

/// Whether objects of a bucket can be locked, and what holds for those that say nothing of their own.
pub(super) fn lock(response: &Response) -> Result<(bool, Option<DefaultRetention>), WireError> {
    if response.status == 404 && code(response) == "ObjectLockConfigurationNotFoundError" {
        return Ok((false, None));
    }
    let read = document(response, "ObjectLockConfiguration")?;
    let rule = read.child("Rule").and_then(|rule| rule.child("DefaultRetention"));
    let default = rule.map(|rule| {
        let number = |name| {
            rule.text_of(name).map(|number| number.parse().map_err(|_| garbage("a term that is no number")))
        };
        Ok(DefaultRetention {
            mode: rule.text_of("Mode").ok_or_else(|| garbage("a retention without a mode"))?.to_owned(),
            days: number("Days").transpose()?,
            years: number("Years").transpose()?,
        })
    });
    Ok((read.text_of("ObjectLockEnabled") == Some("Enabled"), default.transpose()?))
}

/// What somebody without a name met who asked for a listing, or for an object's head.
pub(super) fn access(response: &Response, listing: bool) -> Result<Anonymous, WireError> {
    let access = match response.status {
        200 if listing => document(response, "ListBucketResult").map(|_| Access::Allowed)?,
        200 => Access::Allowed,
        401 | 403 => Access::Denied,
        _ => return Err(failure(response)),
    };
    let code = Some(code(response)).filter(|code| !code.is_empty());
    Ok(Anonymous { access, status: response.status, code })
}
