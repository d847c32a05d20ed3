//! Cases that hold for every S3 server in good order: the twin's and real ones are judged by the same ones.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fabric_wire::endpoint::{S3Keys, S3Server, Secret};
use fabric_wire::s3::{Access, Client};
use fabric_wire::seam::Clock;
use fabric_wire::{Deadline, Seams, WireError};

use super::{Case, Outcome, expect, text};
use crate::tls::Authority;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a clock is put off: more than servers stand.
const OFF: Duration = Duration::from_secs(20 * 60);

/// What is known about a server, and how it is reached.
#[derive(Clone, Debug)]
pub struct S3Ground {
    /// The server with its keys, which may read everything.
    pub server: S3Server,
    /// A private bucket without policy and without lock.
    pub bucket: String,
    /// What every key in it begins with.
    pub folder: String,
    /// Every key in it, in the order of their bytes; at least three.
    pub keys: Vec<String>,
    /// Whether the server has MinIO's paths about its health.
    pub minio: bool,
}

/// Puts every case to a server.
pub async fn s3_conforms(seams: &Seams, ground: &S3Ground) -> Vec<Case> {
    let ask = Asker { seams, ground };
    let case = |name, outcome| Case { name, outcome };
    let mut cases = vec![
        case("the bucket is among the buckets", ask.buckets().await),
        case("a listing has every key once, whatever the pages", ask.objects().await),
        case("a listing ends at its limit and says that there is more", ask.limited().await),
        case("a folder with nothing in it is an empty listing", ask.empty().await),
        case("every object is there in its latest version", ask.versions().await),
        case("the head, the content and the listing of an object agree", ask.agree().await),
        case("an object over the limit is refused", ask.too_large().await),
        case("a key that is not there is not found", ask.no_key().await),
        case("a bucket that is not there is not found", ask.no_bucket().await),
        case("a bucket without a policy says so", ask.no_policy().await),
        case("a bucket without a lock says so", ask.no_lock().await),
        case("an object without a lock is kept by nothing", ask.no_retention().await),
        case("somebody without a name is denied the listing", ask.nameless(None).await),
        case("somebody without a name is denied an object", ask.nameless(ask.key()).await),
        case("a wrong secret key is told", ask.wrong_secret().await),
        case("an unknown access key is told", ask.wrong_access().await),
        case("a clock that is off is told", ask.clock_off().await),
        case("a certificate of another authority is refused", ask.foreign().await),
        case("a certificate of another name is refused", ask.misnamed().await),
    ];
    if ground.minio {
        cases.push(case("the server says that it is healthy", ask.healthy().await));
    }
    cases
}

struct Asker<'a> {
    seams: &'a Seams,
    ground: &'a S3Ground,
}

impl Asker<'_> {
    fn client(&self) -> Result<Client, String> {
        Client::new(self.seams.clone(), self.ground.server.clone()).map_err(text)
    }

    fn client_of(&self, server: S3Server) -> Result<Client, String> {
        Client::new(self.seams.clone(), server).map_err(text)
    }

    fn key(&self) -> Option<&str> {
        self.ground.keys.first().map(String::as_str)
    }

    fn object(&self) -> (&str, &str) {
        (&self.ground.bucket, self.key().unwrap_or_default())
    }

    async fn buckets(&self) -> Outcome {
        let buckets = self.client()?.buckets(soon()).await.map_err(text)?;
        expect(buckets.iter().any(|bucket| bucket.name == self.ground.bucket), &buckets)
    }

    async fn objects(&self) -> Outcome {
        let S3Ground { bucket, folder, keys, .. } = self.ground;
        let found = self.client()?.objects(bucket, folder, 1_000, soon()).await.map_err(text)?;
        let listed: Vec<&String> = found.entries.iter().map(|entry| &entry.key).collect();
        expect(listed.iter().copied().eq(keys) && !found.truncated, &listed)
    }

    async fn limited(&self) -> Outcome {
        let S3Ground { bucket, folder, keys, .. } = self.ground;
        let found = self.client()?.objects(bucket, folder, 2, soon()).await.map_err(text)?;
        let listed = found.entries.iter().map(|entry| &entry.key);
        expect(listed.eq(keys.iter().take(2)) && found.truncated, &found)
    }

    async fn empty(&self) -> Outcome {
        let found = self.client()?.objects(&self.ground.bucket, "no-such-folder/", 10, soon()).await;
        let found = found.map_err(text)?;
        expect(found.entries.is_empty() && !found.truncated, &found)
    }

    async fn versions(&self) -> Outcome {
        let S3Ground { bucket, folder, keys, .. } = self.ground;
        let found = self.client()?.versions(bucket, folder, 1_000, soon()).await.map_err(text)?;
        let latest =
            found.entries.iter().filter(|entry| entry.latest && !entry.deleted).map(|entry| &entry.key);
        expect(latest.eq(keys) && !found.truncated, &found)
    }

    async fn agree(&self) -> Outcome {
        let client = self.client()?;
        let S3Ground { bucket, folder, .. } = self.ground;
        let listed = client.objects(bucket, folder, 1_000, soon()).await.map_err(text)?;
        for entry in &listed.entries {
            let head = client.head(bucket, &entry.key, soon()).await.map_err(text)?;
            let content = client.content(bucket, &entry.key, 1 << 20, soon()).await.map_err(text)?;
            let same = head.etag == entry.etag && head.size == entry.size && content.head == head;
            expect(same && content.bytes.len() as u64 == head.size, &(entry, &head))?;
        }
        expect(!listed.entries.is_empty(), &listed)
    }

    async fn too_large(&self) -> Outcome {
        let (bucket, key) = self.object();
        let found = self.client()?.content(bucket, key, 1, soon()).await;
        expect(matches!(found, Err(WireError::TooLarge { limit: 1 })), &found)
    }

    async fn no_key(&self) -> Outcome {
        let client = self.client()?;
        let content = client.content(&self.ground.bucket, "no such+key", 10, soon()).await;
        let head = client.head(&self.ground.bucket, "no such+key", soon()).await;
        let absent =
            matches!(content, Err(WireError::NotFound(_))) && matches!(head, Err(WireError::NotFound(_)));
        expect(absent, &(content, head))
    }

    async fn no_bucket(&self) -> Outcome {
        let found = self.client()?.objects("no-such-bucket", "", 10, soon()).await;
        expect(matches!(found, Err(WireError::NotFound(_))), &found)
    }

    async fn no_policy(&self) -> Outcome {
        let found = self.client()?.policy(&self.ground.bucket, soon()).await.map_err(text)?;
        expect(found.is_none(), &found)
    }

    async fn no_lock(&self) -> Outcome {
        let found = self.client()?.lock_settings(&self.ground.bucket, soon()).await.map_err(text)?;
        expect(!found.lock && found.default.is_none(), &found)
    }

    async fn no_retention(&self) -> Outcome {
        let (bucket, key) = self.object();
        let found = self.client()?.retention(bucket, key, soon()).await.map_err(text)?;
        expect(found.mode.is_none() && !found.legal_hold, &found)
    }

    async fn nameless(&self, key: Option<&str>) -> Outcome {
        let client = self.client_of(S3Server { keys: None, ..self.ground.server.clone() })?;
        let found = client.anonymous(&self.ground.bucket, key, soon()).await.map_err(text)?;
        expect(found.access == Access::Denied, &found)
    }

    async fn wrong_secret(&self) -> Outcome {
        let keys = self.ground.server.keys.clone();
        self.refused(keys.map(|keys| S3Keys { secret: Secret::new(b"another-secret-key".to_vec()), ..keys }))
            .await
    }

    async fn wrong_access(&self) -> Outcome {
        let keys = self.ground.server.keys.clone();
        self.refused(keys.map(|keys| S3Keys { access: Secret::new(b"NOSUCHACCESSKEY".to_vec()), ..keys }))
            .await
    }

    async fn refused(&self, keys: Option<S3Keys>) -> Outcome {
        let client = self.client_of(S3Server { keys, ..self.ground.server.clone() })?;
        let (bucket, key) = self.object();
        let found = client.content(bucket, key, 1 << 20, soon()).await;
        expect(matches!(found, Err(WireError::Authentication(_))), &found)
    }

    async fn clock_off(&self) -> Outcome {
        for ahead in [true, false] {
            let clock = Arc::new(OffClock { inner: Arc::clone(&self.seams.clock), ahead });
            // The certificate is judged by the same clock, for which twenty minutes are nothing.
            let seams = Seams { clock, ..self.seams.clone() };
            let client = Client::new(seams, self.ground.server.clone()).map_err(text)?;
            let (bucket, key) = self.object();
            let found = client.content(bucket, key, 1 << 20, soon()).await;
            let told = matches!(&found, Err(WireError::Authentication(why)) if why.contains("clock"));
            expect(told, &found)?;
        }
        Ok(())
    }

    async fn foreign(&self) -> Outcome {
        let authority = Authority::new("somebody else").map_err(text)?.pem();
        let server = S3Server { authority: Arc::new(authority.into_bytes()), ..self.ground.server.clone() };
        let found = self.client_of(server)?.buckets(soon()).await;
        expect(matches!(found, Err(WireError::Tls(_))), &found)
    }

    async fn misnamed(&self) -> Outcome {
        let server = S3Server { server_name: "other.example".to_owned(), ..self.ground.server.clone() };
        let found = self.client_of(server)?.buckets(soon()).await;
        expect(matches!(found, Err(WireError::Tls(_))), &found)
    }

    async fn healthy(&self) -> Outcome {
        let client = self.client_of(S3Server { keys: None, ..self.ground.server.clone() })?;
        let found = client.health(soon()).await.map_err(text)?;
        let all = [&found.live, &found.ready, &found.cluster, &found.cluster_read];
        expect(all.into_iter().all(|probe| probe.healthy), &found)
    }
}

fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}

/// A clock that is off.
struct OffClock {
    inner: Arc<dyn Clock>,
    ahead: bool,
}

impl Clock for OffClock {
    fn now(&self) -> SystemTime {
        if self.ahead { self.inner.now() + OFF } else { self.inner.now() - OFF }
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.inner.sleep(duration)
    }
}
