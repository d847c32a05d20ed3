//! Reads of an S3 server: one typed call of the client each.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use fabric_model::check::Basis;
use fabric_model::{BucketName, Code, Fault, Folder, ObjectKey, S3Place, Slug, Stage, Value};
use fabric_wire::s3::Client;
use fabric_wire::{Deadline, WireError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounds::{ListLimit, TimeoutMs};
use crate::means::Means;
use crate::need::{Need, Wanted};
use crate::observing::{Observation, Observing};
use crate::target::Targets;

/// Arguments of a read of the server as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfServer {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Arguments of a read of one bucket.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfBucket {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The bucket.
    pub bucket: BucketName,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Arguments of a listing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfFolder {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The bucket.
    pub bucket: BucketName,
    /// What the keys begin with: nothing, for the whole bucket, or a text that ends with `/`.
    #[serde(default)]
    pub folder: Folder,
    /// The most entries that are listed.
    #[serde(default)]
    pub limit: ListLimit,
    /// The total deadline, of all pages together.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// Arguments of a read of one object.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfObject {
    /// The S3 server, by its name in the site.
    pub server: Slug,
    /// The bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: ObjectKey,
    /// The total deadline.
    #[serde(default)]
    pub timeout_ms: TimeoutMs,
}

/// What the arguments of every read have in common.
pub(crate) trait OfS3 {
    /// The server, and what of it is meant.
    fn place(&self) -> (&Slug, S3Place);

    /// The total deadline.
    fn timeout(&self) -> TimeoutMs;
}

macro_rules! of_s3 {
    ($args:ty, |$it:ident| $place:expr) => {
        impl OfS3 for $args {
            fn place(&self) -> (&Slug, S3Place) {
                let $it = self;
                (&self.server, $place)
            }

            fn timeout(&self) -> TimeoutMs {
                self.timeout_ms
            }
        }
    };
}
pub(crate) use of_s3;

of_s3!(OfServer, |_it| S3Place::Server);
of_s3!(OfBucket, |it| S3Place::Bucket(it.bucket.clone()));
of_s3!(OfFolder, |it| S3Place::Folder(it.bucket.clone(), it.folder.clone()));
of_s3!(OfObject, |it| S3Place::Object(it.bucket.clone(), it.key.clone()));

/// A read: its name and its call of the client.
pub(crate) trait S3Read: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    /// Whether it is asked with the keys of the site or without a name.
    const WANTED: Wanted = Wanted::S3;
    /// Who says so: the server about what it keeps, or what we met ourselves.
    const BASIS: Basis = Basis::SelfReported;
    type Args: OfS3 + DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    type Output: Serialize + JsonSchema + Send;

    fn read(
        client: &Client,
        args: &Self::Args,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Self::Output, WireError>> + Send;

    fn examples() -> Vec<Value>;
}

/// A read as an observing primitive.
pub(crate) struct FromS3<R>(PhantomData<R>);

impl<R: S3Read> Observing for FromS3<R> {
    const NAME: &'static str = R::NAME;
    const SUMMARY: &'static str = R::SUMMARY;

    type Args = R::Args;
    type Output = R::Output;

    fn needs(args: &R::Args) -> Result<Vec<Need>, Fault> {
        let (server, place) = args.place();
        Ok(vec![Need::s3(server, place, R::WANTED)])
    }

    fn timeout(args: &R::Args) -> Duration {
        args.timeout().duration()
    }

    async fn observe(
        args: R::Args,
        targets: Targets,
        means: Means,
        deadline: Deadline,
    ) -> Result<Observation<R::Output>, Fault> {
        let client = Client::new(means.seams.clone(), targets.s3()?.clone())?;
        let output = R::read(&client, &args, deadline).await.map_err(fault)?;
        Ok(Observation { output, basis: R::BASIS, transport: "https".to_owned() })
    }

    fn examples() -> Vec<Value> {
        R::examples()
    }
}

/// The fault of an error of the client, with advice of its own where the keys, the clock or the certificate are what is wrong.
fn fault(error: WireError) -> Fault {
    let code = error.code();
    let fault = Fault::from(error);
    let hint = match code {
        Code::PortTls => {
            "Check the server's certificate and the `authority` that the site file names for it under `[s3]`."
        }
        Code::PortAuthentication => {
            "Check both keys of the server under `[s3]` in the site file, and the clocks of both sides."
        }
        Code::PortGarbage => {
            "The message says what the server answered; compare the call with what that server takes."
        }
        Code::PortPermission => "Let the policy of the keys on the server allow it, or use keys that may.",
        _ => return fault,
    };
    Fault::new(code, Stage::Observe, fault.message).hint(hint)
}

/// The arguments of examples: the bucket of the site's Terraform state.
pub(crate) fn example(more: &[(&'static str, Value)]) -> Value {
    let server = [("server", "minio".into()), ("bucket", "samakia-tfstate".into())];
    let fields = server.into_iter().chain(more.iter().cloned());
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The key of examples.
pub(crate) const EXAMPLE_KEY: &str = "samakia-fabric/samakia-dns/terraform.tfstate";
