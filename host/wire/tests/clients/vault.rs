//! The client of Vault over TLS, against a server that speaks the key-value engines as their documentation shows them, and worse.

use std::sync::{Arc, Mutex};

use fabric_wire::WireError;
use fabric_wire::endpoint::Secret;
use fabric_wire::tls::Authority as Trusted;
use fabric_wire::vault::{self, ANSWER_LIMIT, Engine, Mount};
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::peers::authority::{Authority, Leaf, accept};
use crate::peers::{World, peer, seams, soon};

/// As in the documentation of the engines' HTTP API, "read secret" and "read secret version".
const V1: &str =
    r#"{"auth":null,"data":{"foo":"bar","ttl":"1h"},"lease_duration":3600,"lease_id":"","renewable":false}"#;
const V2: &str = r#"{"request_id":"3f1b","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":{"foo":"bar","port":5432,"more":{"foo":["x"]}},"metadata":{"created_time":"2018-03-22T02:24:06.945319214Z","custom_metadata":{"owner":"jdoe"},"deletion_time":"","destroyed":false,"version":2}},"wrap_info":null,"warnings":null,"auth":null,"mount_type":"kv"}"#;
const DELETED: &str = r#"{"data":{"data":null,"metadata":{"created_time":"2018-03-22T02:24:06.945319214Z","custom_metadata":null,"deletion_time":"2018-03-22T02:36:43.986212308Z","destroyed":false,"version":2}}}"#;
const NOTHING: &str = r#"{"errors":[]}"#;
const DENIED: &str = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;

/// What a server does that got a request.
#[derive(Clone)]
enum Does {
    Answers(String),
    Hangs,
}

fn answers(status: &str, body: &str) -> Does {
    Does::Answers(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// A server that does this, and the heads of the requests that it got.
struct Vault {
    world: Arc<World>,
    heard: Arc<Mutex<Vec<String>>>,
    mount: Mount,
}

fn vault(engine: Engine, does: Does) -> Vault {
    let authority = Authority::new("Lab CA", vec![]);
    let config = authority.server(Leaf { names: vec!["vault.example"], ..Leaf::default() }, &[&TLS13]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let world = World::of_streams(move |_, stream| {
        let (config, kept, does) = (config.clone(), Arc::clone(&kept), does.clone());
        async move {
            let Some(mut stream) = accept(config, stream).await else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            kept.lock().expect("no test panicked").push(String::from_utf8(head).expect("text"));
            match does {
                Does::Answers(answer) => {
                    // The client may have had enough before the end.
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                Does::Hangs => std::future::pending().await,
            }
        }
    });
    let mount = Mount {
        address: peer(),
        server_name: "vault.example".to_owned(),
        authority: Trusted::from_pem(authority.pem.as_bytes()).expect("it is sound"),
        namespace: None,
        path: "secret".to_owned(),
        engine,
    };
    Vault { world, heard, mount }
}

impl Vault {
    async fn read(&self, field: &str) -> Result<String, WireError> {
        let seams = seams(&self.world);
        let token = Secret::new(b"hvs.t0ken".to_vec());
        let at = ("tenants/canary", field);
        let read = vault::read(&*seams.dial, seams.clock.clone(), &self.mount, &token, at, soon()).await;
        read.map(|secret| String::from_utf8(secret.expose().to_vec()).expect("text"))
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panicked").clone()
    }
}

async fn read(engine: Engine, does: Does, field: &str) -> Result<String, WireError> {
    vault(engine, does).read(field).await
}

#[tokio::test]
async fn a_field_is_read_from_either_engine() {
    assert_eq!(read(Engine::V1, answers("200 OK", V1), "foo").await.as_deref(), Ok("bar"));
    assert_eq!(read(Engine::V2, answers("200 OK", V2), "foo").await.as_deref(), Ok("bar"));
}

#[tokio::test]
async fn the_request_is_one_get_with_token_and_namespace() {
    for (engine, path) in
        [(Engine::V1, "/v1/secret/tenants/canary"), (Engine::V2, "/v1/secret/data/tenants/canary")]
    {
        let mut vault = vault(engine, answers("404 Not Found", NOTHING));
        vault.mount.namespace = Some("samakia/dns".to_owned());
        let _ = vault.read("foo").await;
        let [head] = vault.heard().try_into().expect("one request");
        assert!(head.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{head}");
        for line in [
            "x-vault-token: hvs.t0ken",
            "x-vault-namespace: samakia/dns",
            "x-vault-request: true",
            "host: vault.example:53",
        ] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
    }
}

#[tokio::test]
async fn each_refusal_of_vault_is_its_own_error() {
    for engine in [Engine::V1, Engine::V2] {
        let error = async |status: &str, body: &str| {
            read(engine, answers(status, body), "foo").await.expect_err(status)
        };
        assert!(matches!(error("403 Forbidden", DENIED).await, WireError::Permission(_)));
        assert!(matches!(error("404 Not Found", NOTHING).await, WireError::NotFound(_)));
        assert!(matches!(error("404 Not Found", DELETED).await, WireError::NotFound(_)));
        for sealed in
            ["429 Too Many Requests", "472 Standby", "501 Not Implemented", "503 Service Unavailable"]
        {
            assert!(matches!(
                error(sealed, r#"{"errors":["Vault is sealed"]}"#).await,
                WireError::Unreachable(_)
            ));
        }
        assert!(matches!(error("400 Bad Request", DENIED).await, WireError::Garbage(_)));
    }
    assert!(matches!(read(Engine::V2, answers("200 OK", DELETED), "foo").await, Err(WireError::NotFound(_))));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://vault.example/v1/secret/data/other\r\ncontent-length: 0\r\n\r\n";
    let vault = vault(Engine::V2, Does::Answers(redirect.to_owned()));
    let error = vault.read("foo").await.expect_err("it is a redirect");
    assert!(error.to_string().contains("307, a redirect, which is not followed"), "{error}");
    assert_eq!(vault.world.dialled(), 1);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let large = "x".repeat(ANSWER_LIMIT + 1);
    let error = read(Engine::V2, answers("200 OK", &large), "foo").await;
    assert_eq!(error, Err(WireError::TooLarge { limit: ANSWER_LIMIT }));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_times_out() {
    assert_eq!(read(Engine::V2, Does::Hangs, "foo").await, Err(WireError::Timeout));
}

#[tokio::test]
async fn what_is_no_answer_of_the_engine_is_garbage_and_quotes_nothing() {
    for (engine, body) in [
        (Engine::V1, r#"{"data":"hidden"}"#),
        (Engine::V2, r#"{"data":{"data":"hidden"}}"#),
        (Engine::V2, r#"{"data":{"data":{"foo":"hidden"}"#),
        (Engine::V2, "hidden"),
    ] {
        let error = read(engine, answers("200 OK", body), "foo").await.expect_err(body);
        assert!(matches!(&error, WireError::Garbage(text) if !text.contains("hidden")), "{body}: {error}");
    }
    for field in ["port", "more"] {
        let error = read(Engine::V2, answers("200 OK", V2), field).await.expect_err(field);
        assert!(matches!(error, WireError::Garbage(_)), "{error}");
    }
    let missing = read(Engine::V2, answers("200 OK", V2), "password").await;
    assert_eq!(missing, Err(WireError::NotFound("there is no field `password`".into())));
    // A version 1 answer is none of version 2, whose fields lie one level deeper.
    let other = read(Engine::V2, answers("200 OK", V1), "foo").await;
    assert!(matches!(other, Err(WireError::NotFound(_))), "{other:?}");
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_never_sees_the_token() {
    let mut vault = vault(Engine::V2, answers("200 OK", V2));
    let trusted = vault.mount.authority.clone();
    let foreign = Authority::new("Lab CA", vec![]);
    vault.mount.authority = Trusted::from_pem(foreign.pem.as_bytes()).expect("it is sound");
    assert!(matches!(vault.read("foo").await, Err(WireError::Tls(_))));
    vault.mount.authority = trusted;
    vault.mount.server_name = "other.example".to_owned();
    assert!(matches!(vault.read("foo").await, Err(WireError::Tls(_))));
    assert_eq!(vault.heard(), Vec::<String>::new());
}
