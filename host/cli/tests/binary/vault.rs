//! Secrets in Vault, read by the binary over real HTTPS on loopback.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::peers::{RUN, loopback_site, serve, server_config};
use crate::scene::{Ran, Scene};
use crate::secrets::texts;

const TOKEN: &str = "hvs.CAESIJ7planted7token7of7vault";
const VALUE: &str = "the-planted-Value-of-Vault-4711";

/// A scene with a site whose SSH key is in a Vault, whose token is in the secrets store, and what Vault heard.
struct Vaulted {
    scene: Scene,
    heard: Arc<Mutex<String>>,
}

/// The answer to a path, as the engine of version 2 gives it.
fn answer(path: &str) -> String {
    let (status, body) = match path {
        "/v1/secret/data/good" => (
            "200 OK",
            format!(
                r#"{{"data":{{"data":{{"value":"{VALUE}"}},"metadata":{{"deletion_time":"","destroyed":false,"version":1}}}}}}"#
            ),
        ),
        "/v1/secret/data/denied" => ("403 Forbidden", r#"{"errors":["permission denied"]}"#.to_owned()),
        "/v1/secret/data/moved" => {
            ("307 Temporary Redirect\r\nLocation: /v1/secret/data/good", String::new())
        }
        "/v1/secret/data/large" => ("200 OK", "x".repeat(2 << 20)),
        _ => ("404 Not Found", r#"{"errors":[]}"#.to_owned()),
    };
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Vaulted {
    fn new() -> Self {
        let scene = Scene::with_key();
        assert_eq!(scene.secrets(&["init"], b"").code, Some(0));
        assert_eq!(scene.secrets(&["put", "vault/token"], TOKEN.as_bytes()).code, Some(0));
        let heard = Arc::<Mutex<String>>::default();
        // Where it listens is known only later than its certificate.
        let config: Arc<Mutex<Option<Arc<ServerConfig>>>> = Arc::default();
        let port = serve({
            let (heard, config) = (Arc::clone(&heard), Arc::clone(&config));
            move |tcp| {
                let config =
                    config.lock().expect("no test panicked").clone().expect("it is set before the run");
                let tls = ServerConnection::new(config).expect("the configuration is sound");
                let mut stream = StreamOwned::new(tls, tcp);
                let mut request = vec![0; 4096];
                let Ok(length) = stream.read(&mut request) else { return };
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                heard.lock().expect("no test panicked").push_str(&request);
                let path = request.split(' ').nth(1).unwrap_or_default();
                // The client may have had enough before the end.
                let _ = stream.write_all(answer(path).as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        let authority = loopback_site(&scene, 1);
        *config.lock().expect("no test panicked") = Some(server_config(&authority, "vault"));
        let site = scene.read("loop.toml").replace(
            r#""ssh/op" = { file = "ssh-key" }"#,
            r#""ssh/op" = { vault = { server = "main", path = "good" } }
"vault/token" = { store = { key = "vault/token" } }"#,
        );
        let vault = format!(
            "[vaults.main]\naddress = \"127.0.0.1\"\nport = {port}\nname = \"vault\"\nauthority = \"ca\"\ntoken = \"vault/token\"\n"
        );
        scene.write("loop.toml", &(site + &vault));
        scene.write(
            "script.rhai",
            "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [params.p]\n// type = \"string\"\n// [needs]\n// ///\nprint(param(\"p\")); throw param(\"p\");\n",
        );
        Self { scene, heard }
    }

    fn run(&self, value: &str) -> Ran {
        self.scene.fabric(&[&RUN[..], &["--param", &format!("p={value}")]].concat())
    }

    fn heard(&self) -> String {
        self.heard.lock().expect("no test panicked").clone()
    }

    /// Has the site ask for something else.
    fn change(&self, from: &str, to: &str) {
        let site = self.scene.read("loop.toml");
        assert_eq!(site.matches(from).count(), 1, "{from}");
        self.scene.write("loop.toml", &site.replace(from, to));
    }
}

#[test]
fn a_secret_of_vault_and_its_token_are_known_to_the_redactor() {
    let vaulted = Vaulted::new();
    for (value, handle) in [(VALUE, "ssh/op"), (TOKEN, "vault/token")] {
        let ran = vaulted.run(value);
        assert_eq!(ran.code, Some(20), "{}", ran.all());
        assert!(ran.stdout.contains(&format!("[redacted:{handle}]")), "{}", ran.all());
        assert!(!ran.all().contains(value), "{}", ran.all());
    }
    for packet in vaulted.scene.packets() {
        for (place, text) in texts(&packet) {
            assert!(!text.contains(VALUE) && !text.contains(TOKEN), "a secret is in {place}");
        }
    }
    let heard = vaulted.heard();
    assert!(heard.contains(&format!("x-vault-token: {TOKEN}\r\n")), "Vault got the token: {heard}");
    assert_eq!(
        heard.matches("GET /v1/secret/data/good HTTP/1.1\r\n").count(),
        2,
        "once for each run: {heard}"
    );
}

#[test]
fn each_refusal_of_vault_ends_the_run_before_it_begins() {
    let vaulted = Vaulted::new();
    let mut path = "good";
    for (next, says) in [
        ("denied", "Vault answers 403"),
        ("gone", "Vault answers 404"),
        ("moved", "Vault answers 307, a redirect, which is not followed"),
        ("large", "the answer is over the limit of 1048576 bytes"),
    ] {
        vaulted.change(&format!("path = \"{path}\""), &format!("path = \"{next}\""));
        path = next;
        let ran = vaulted.run("x");
        ran.refused(4, &["secret `ssh/op` is `value` of", says]);
        assert!(!ran.all().contains(TOKEN) && !ran.all().contains(VALUE), "{}", ran.all());
    }
    assert!(!vaulted.heard().contains("/v1/secret/data/good"), "nothing was followed: {}", vaulted.heard());
}

#[test]
fn a_vault_with_another_name_or_authority_never_sees_the_token() {
    let vaulted = Vaulted::new();
    vaulted.change("name = \"vault\"", "name = \"other\"");
    vaulted.run("x").refused(4, &["TLS failed: the certificate does not verify (wrong name)"]);
    vaulted.change("name = \"other\"", "name = \"vault\"");
    let foreign = rcgen::KeyPair::generate().expect("the system has randomness");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    vaulted.scene.write("ca.pem", &params.self_signed(&foreign).expect("it is sound").pem());
    vaulted.run("x").refused(4, &["TLS failed: the certificate does not verify (unknown issuer)"]);
    assert_eq!(vaulted.heard(), "");
}
