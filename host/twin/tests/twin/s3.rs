//! The twin's S3 server passes the cases that real ones pass, each ill of it makes its own cases fail, and the client tells them apart.

use std::net::SocketAddr;
use std::sync::Arc;

use fabric_twin::conformance::{S3Ground, s3_conforms};
use fabric_twin::{S3Ill, Twin, TwinFault};
use fabric_wire::WireError;
use fabric_wire::endpoint::{S3Keys, S3Server};
use fabric_wire::s3::{Access, Client};

use crate::samakia::{deadline, site, twin};

const BUCKET: &str = "samakia-tfstate";
const KEY: &str = "samakia-fabric/samakia-dns/terraform.tfstate";

fn server(twin: &Twin) -> S3Server {
    let site = site();
    let (name, server) = site.s3.first_key_value().expect("an S3 server");
    let secret = |handle: &str| twin.secret(handle).expect("a key");
    S3Server {
        name: name.clone(),
        address: SocketAddr::new(server.address, server.port),
        server_name: server.name.clone().expect("a name").to_string(),
        authority: Arc::new(twin.authority(server.authority.as_str()).expect("an authority")),
        region: server.region.clone(),
        keys: Some(S3Keys { access: secret(&server.access_key), secret: secret(&server.secret_key) }),
    }
}

fn ill(ills: &[S3Ill]) -> Twin {
    let twin = twin();
    for ill in ills {
        twin.inject(TwinFault::S3 { server: "minio".into(), ill: *ill }).expect("there is one");
    }
    twin
}

fn client(twin: &Twin) -> Client {
    Client::new(twin.seams(), server(twin)).expect("the authority is sound")
}

async fn failing(twin: &Twin) -> Vec<&'static str> {
    let folder = "samakia-fabric/";
    let keys = site().environments.keys().map(|name| format!("{folder}{name}/terraform.tfstate")).collect();
    let ground =
        S3Ground { server: server(twin), bucket: BUCKET.into(), folder: folder.into(), keys, minio: true };
    let cases = s3_conforms(&twin.seams(), &ground).await;
    assert_eq!(cases.len(), 20);
    cases.into_iter().filter(|case| case.outcome.is_err()).map(|case| case.name).collect()
}

#[tokio::test]
async fn the_twin_of_an_s3_server_conforms() {
    assert_eq!(failing(&twin()).await, Vec::<&str>::new());
}

#[tokio::test]
async fn each_ill_of_an_s3_server_fails_the_cases_about_it() {
    let listings = [
        "a listing has every key once, whatever the pages",
        "every object is there in its latest version",
        "the head, the content and the listing of an object agree",
    ];
    for (ill_of, cases) in [
        (
            S3Ill::Public,
            &[
                "a bucket without a policy says so",
                "somebody without a name is denied the listing",
                "somebody without a name is denied an object",
            ][..],
        ),
        (S3Ill::Circles, &listings),
        (S3Ill::Unversioned, &[]),
    ] {
        assert_eq!(failing(&ill(&[ill_of])).await, cases, "{ill_of:?}");
    }
    for (ill_of, case) in [
        (S3Ill::KeyUnknown, "the bucket is among the buckets"),
        (S3Ill::SecretChanged, "the bucket is among the buckets"),
        (S3Ill::WithoutRights, "the bucket is among the buckets"),
        (S3Ill::ClockAhead, "the bucket is among the buckets"),
        (S3Ill::OtherRegion, "a listing has every key once, whatever the pages"),
        (S3Ill::Overloaded, "a key that is not there is not found"),
        (S3Ill::QuorumLost, "the server says that it is healthy"),
        (S3Ill::BadEtag, "the head, the content and the listing of an object agree"),
        (S3Ill::Truncates, "the bucket is among the buckets"),
        (S3Ill::BucketsGone, "a bucket without a policy says so"),
    ] {
        assert!(failing(&ill(&[ill_of])).await.contains(&case), "{ill_of:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_server_is_a_clear_error() {
    let content = async |ill_of| client(&ill(&[ill_of])).content(BUCKET, KEY, 1 << 20, deadline()).await;
    let found = content(S3Ill::SecretChanged).await;
    assert!(matches!(&found, Err(WireError::Authentication(why)) if why.contains("secret key")), "{found:?}");
    let found = content(S3Ill::KeyUnknown).await;
    assert!(matches!(&found, Err(WireError::Authentication(why)) if why.contains("access key")), "{found:?}");
    let found = content(S3Ill::ClockAhead).await;
    assert!(matches!(&found, Err(WireError::Authentication(why)) if why.contains("clock")), "{found:?}");
    let found = content(S3Ill::WithoutRights).await;
    assert!(matches!(found, Err(WireError::Permission(_))), "{found:?}");
    let found = content(S3Ill::OtherRegion).await;
    assert!(matches!(&found, Err(WireError::NotFound(why)) if why.contains("eu-central-9")), "{found:?}");
    let found = content(S3Ill::Overloaded).await;
    assert!(matches!(&found, Err(WireError::Unreachable(why)) if why.contains("503 SlowDown")), "{found:?}");
    assert_eq!(content(S3Ill::Truncates).await, Err(WireError::Closed));
    assert_eq!(content(S3Ill::Stalls).await, Err(WireError::Timeout));
    let found = content(S3Ill::BadEtag).await;
    assert!(matches!(&found, Err(WireError::Garbage(why)) if why.contains("entity tag")), "{found:?}");
    let circles = client(&ill(&[S3Ill::Circles])).objects(BUCKET, "", 100, deadline()).await;
    assert!(matches!(&circles, Err(WireError::Garbage(why)) if why.contains("come on")), "{circles:?}");
}

#[tokio::test]
async fn a_quorum_that_is_lost_shows_while_the_node_lives() {
    let health = client(&ill(&[S3Ill::QuorumLost])).health(deadline()).await.expect("it answers");
    let healthy =
        [&health.live, &health.ready, &health.cluster, &health.cluster_read].map(|probe| probe.healthy);
    assert_eq!(healthy, [true, false, false, false]);
    assert_eq!(health.cluster.quorum, Some(4));
}

#[tokio::test]
async fn a_public_bucket_and_a_server_that_is_gone_are_told_apart() {
    let public = ill(&[S3Ill::Public]);
    let nameless = S3Server { keys: None, ..server(&public) };
    let probe = Client::new(public.seams(), nameless.clone()).expect("the authority is sound");
    let found = probe.anonymous(BUCKET, None, deadline()).await.expect("an answer");
    assert_eq!((found.access, found.status), (Access::Allowed, 200));
    let found = probe.anonymous(BUCKET, Some(KEY), deadline()).await.expect("an answer");
    assert_eq!(found.access, Access::Allowed);
    for host in ["minio-edge-1", "minio-edge-2"] {
        public.inject(TwinFault::DaemonStopped { host: host.into(), unit: "haproxy".into() }).expect("one");
    }
    assert_eq!(probe.anonymous(BUCKET, None, deadline()).await, Err(WireError::Refused));
    for host in ["minio-edge-1", "minio-edge-2"] {
        public.inject(TwinFault::HostDown { host: host.into() }).expect("one");
    }
    let found = probe.anonymous(BUCKET, None, deadline()).await;
    assert!(matches!(found, Err(WireError::Unreachable(_))), "{found:?}");
}

#[tokio::test]
async fn an_ill_of_a_server_that_is_not_there_is_refused() {
    let refused = twin().inject(TwinFault::S3 { server: "mino".into(), ill: S3Ill::Public });
    assert_eq!(refused.expect_err("no such server").to_string(), "the site has no S3 server `mino`");
}
