//! A secret that is planted in what comes in goes nowhere: not into the packet, not onto a stream, not to the script. Looked for in every
//! encoding, both where the store knows it and where nothing but a detector can.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::peers::{NEEDS, RUN, loopback_site, serve, server_config};
use crate::scene::{Ran, Scene};
use crate::secrets::texts;
use crate::sshd;
use crate::store::{PLANTED, use_store};

/// What a secret can look like, each by its name.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent = |of: fn(u8) -> bool| -> String {
        secret.bytes().map(|b| if of(b) { format!("%{b:02X}") } else { char::from(b).to_string() }).collect()
    };
    let unicode: String = secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let json = serde_json::to_string(secret).expect("it is text");
    let mut all = vec![
        ("plain", secret.to_owned()),
        ("hex", hex.clone()),
        ("upper hex", hex.to_uppercase()),
        ("percent", percent(|byte| !byte.is_ascii_alphanumeric())),
        ("percent of all", percent(|_| true)),
        ("json", json.trim_matches('"').to_owned()),
        ("json with slashes", json.trim_matches('"').replace('/', "\\/")),
        ("json in numbers", unicode),
    ];
    for (name, before) in [("base64", ""), ("base64 + 1", "u"), ("base64 + 2", "u:")] {
        let standard = base64(format!("{before}{secret}").as_bytes());
        all.push((name, standard.trim_end_matches('=').to_owned()));
        all.push((name, standard.replace('+', "-").replace('/', "_")));
    }
    all
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            match place <= group.len() {
                true => text.push(char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize])),
                false => text.push('='),
            }
        }
    }
    text
}

/// Looks for these secrets in every file of the project's runs and on both streams, in every encoding.
fn nowhere(scene: &Scene, ran: &Ran, secrets: &[&str]) {
    let mut seen = texts(&scene.path("evidence/runs"));
    assert!(seen.iter().any(|(path, _)| path.ends_with("report.html")), "there is a packet: {}", ran.all());
    seen.extend([("stdout".to_owned(), ran.stdout.clone()), ("stderr".to_owned(), ran.stderr.clone())]);
    for secret in secrets {
        for (encoding, form) in encodings(secret) {
            // Of Base64 that begins within a group the first and last characters are not the secret's own.
            let own = if encoding.contains('+') { &form[3..form.len() - 4] } else { &form };
            for (place, text) in &seen {
                assert!(!text.contains(own), "`{secret}` is in {place} as {encoding}: {own}\n{text}");
            }
        }
    }
}

/// A Proxmox API that answers each request with the next of these: a status line and a body.
fn api(scene: &Scene, answers: Vec<(String, String)>) {
    let config: Arc<Mutex<Option<Arc<ServerConfig>>>> = Arc::default();
    let answers = Mutex::new(answers.into_iter().cycle());
    let port = serve({
        let config = Arc::clone(&config);
        move |tcp| {
            let config = config.lock().expect("no test panicked").clone().expect("it is set before the run");
            let tls = ServerConnection::new(config).expect("the configuration is sound");
            let mut stream = StreamOwned::new(tls, tcp);
            if !matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                return;
            }
            let next = answers.lock().expect("no test panicked").next();
            let (status, body) = next.expect("they go round");
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let authority = loopback_site(scene, port);
    *config.lock().expect("no test panicked") = Some(server_config(&authority, "pve1"));
}

/// A host that answers every request over HTTP with this.
fn host(body: String, then: impl Fn() + Send + 'static) -> u16 {
    serve(move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        then();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    })
}

#[test]
fn a_secret_that_the_store_knows_goes_nowhere_in_any_encoding() {
    let scene = Scene::with_store();
    assert_eq!(scene.secrets(&["put", "proxmox/token"], PLANTED.as_bytes()).code, Some(0));
    let forms = encodings(PLANTED);
    let paths: Vec<String> = forms
        .iter()
        .map(|(name, form)| format!("{}:{{\"Sys.Audit\":1}}", serde_json::json!(format!("/{name}/{form}/x"))))
        .collect();
    let listed = format!("{{\"data\":{{{}}}}}", paths.join(","));
    let reason = format!("500 got {PLANTED} and {}", base64(PLANTED.as_bytes()));
    api(&scene, vec![("200 OK".to_owned(), listed), (reason, String::new())]);
    use_store(&scene);
    let body: String = forms.iter().map(|(name, form)| format!("{name}: <{form}>\n")).collect();
    let port = host(body, || {});
    // The script asks for each form in two parts, so that its text has none.
    let halves: String = forms
        .iter()
        .map(|(_, form)| {
            let (first, second) = form.split_at(form.len() / 2);
            format!("held(all, {}, {});\n", serde_json::json!(first), serde_json::json!(second))
        })
        .collect();
    scene.script(
        NEEDS,
        &format!(
            "fn held(text, first, second) {{ if text.contains(first + second) {{ print(\"THE SCRIPT HAS IT\"); }} }}\n\
             let body = http::get(#{{ target: \"addr:127.0.0.1\", port: {port} }}).body;\n\
             let paths = proxmox::permissions(#{{ cluster: \"loop\" }}).paths;\n\
             let all = body + paths.to_string();\nprint(all);\n{halves}\
             check(\"seen {PLANTED}\", || expect_eq(\"paths\", paths, body));\n\
             check(\"error\", || {{ proxmox::permissions(#{{ cluster: \"loop\" }}); }});\n\
             print(\"{PLANTED}\"); throw \"failed with {PLANTED}\";"
        ),
    );
    let ran = scene.fabric(&RUN);
    assert_eq!(ran.code, Some(20), "{}", ran.all());
    assert!(!ran.all().contains("THE SCRIPT HAS IT"), "{}", ran.all());
    assert!(ran.stdout.contains("plain: <[redacted:proxmox/token]>"), "{}", ran.all());
    scene.sealed();
    nowhere(&scene, &ran, &[PLANTED]);
}

const KEY: &str = "MC4CAQAwBQYDK2VwBCIEIPlantedInTheAnswerOfAHostAndKnownToNobody42";
const OF_PROXMOX: &str = "Pl4nted-in-Proxmox";
const OF_SCRIPT: &str = "Pl4nted-in-a-script";
const OF_ERROR: &str = "hvs.Pl4ntedInAnErrorMessageOfTheScript";

#[test]
fn a_secret_that_only_detectors_can_know_goes_nowhere() {
    let scene = Scene::with_key();
    let listed = format!("{{\"data\":{{\"/vms password={OF_PROXMOX} x\":{{\"Sys.Audit\":1}}}}}}");
    let refused = format!("500 no login with password={OF_PROXMOX}");
    api(&scene, vec![("200 OK".to_owned(), listed), (refused, String::new())]);
    let body = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    let port = host(body, || {});
    scene.script(
        NEEDS,
        &format!(
            "let body = http::get(#{{ target: \"addr:127.0.0.1\", port: {port} }}).body;\n\
             let paths = proxmox::permissions(#{{ cluster: \"loop\" }}).paths; print(body); print(paths);\n\
             let all = body + paths.to_string();\n\
             if all.contains(\"Pl4nted\") || all.contains(\"PlantedIn\") {{ print(\"THE SCRIPT HAS IT\"); }}\n\
             check(\"seen\", || expect_eq(\"db_password\", \"{OF_SCRIPT}\", body));\n\
             check(\"error\", || {{ proxmox::permissions(#{{ cluster: \"loop\" }}); }});\n\
             print(\"client_secret: {OF_SCRIPT}\"); throw \"refused: {OF_ERROR}\";"
        ),
    );
    let ran = scene.fabric(&RUN);
    assert_eq!(ran.code, Some(20), "{}", ran.all());
    assert!(!ran.all().contains("THE SCRIPT HAS IT"), "{}", ran.all());
    for class in ["private-key", "password", "secret", "vault-token"] {
        assert!(ran.stdout.contains(&format!("<redacted:{class}>")), "{class}: {}", ran.all());
    }
    scene.sealed();
    nowhere(&scene, &ran, &[KEY, OF_PROXMOX, OF_SCRIPT, OF_ERROR]);
}

#[test]
fn a_key_in_the_answer_of_a_host_over_ssh_goes_nowhere() {
    let scene = Scene::with_key();
    let value = format!("-----BEGIN EC PRIVATE KEY----- {KEY} -----END EC PRIVATE KEY-----");
    let fault = serde_json::json!({
        "fault": "sysctl-value", "host": "dns-edge-1", "key": "net.ipv4.ip_forward", "value": value,
    });
    let ran = scene.rehearse(
        "\"host.sysctl\" = [\"host:dns-edge-1\", \"host:dns-edge-1/net.ipv4.ip_forward\"]",
        "let seen = host::sysctl(#{ host: \"dns-edge-1\", key: \"net.ipv4.ip_forward\" }).value; print(seen);\n\
         if seen.contains(\"PlantedIn\") { print(\"THE SCRIPT HAS IT\"); }\n\
         check(\"value\", || expect_eq(\"value\", seen, \"1\"));",
        &["--fault", &fault.to_string()],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(!ran.all().contains("THE SCRIPT HAS IT"), "{}", ran.all());
    assert!(ran.stdout.contains("<redacted:private-key>"), "{}", ran.all());
    scene.sealed();
    nowhere(&scene, &ran, &[KEY]);
}

#[test]
fn a_known_secret_in_the_answer_of_a_real_sshd_goes_nowhere_in_any_encoding() {
    let scene = Scene::with_store();
    assert_eq!(scene.secrets(&["put", "proxmox/token"], PLANTED.as_bytes()).code, Some(0));
    loopback_site(&scene, 1);
    use_store(&scene);
    let forms = encodings(PLANTED);
    let answer: String = forms.iter().map(|(name, form)| format!("{name}: <{form}> ")).collect();
    scene.write("answer", &format!("{answer}\n"));
    // Whatever is asked, this is what the host answers.
    let servers = sshd::Site::new();
    let forced = format!("ForceCommand /bin/cat {}", scene.path("answer").display());
    let server = servers.sshd("127.0.0.11", "ed25519", &forced);
    scene.write("known_hosts", &server.pin("jumper"));
    fs::copy(servers.folder.path().join("operator"), scene.path("ssh-key")).expect("the key is there");
    let port = format!("user = \"root\"\nport = {}", server.address.port());
    scene.write("loop.toml", &scene.read("loop.toml").replace("user = \"op\"", &port));
    let granted = "\"host.sysctl\" = [\"host:jumper\", \"host:jumper/net.ipv4.ip_forward\"]\n";
    scene.write("loop-policy.toml", &(scene.read("loop-policy.toml") + granted));
    scene.script(
        granted,
        "let seen = host::sysctl(#{ host: \"jumper\", key: \"net.ipv4.ip_forward\" }).value;\nprint(seen);\n\
         if seen.contains(\"nted-Value\") { print(\"THE SCRIPT HAS IT\"); }\n\
         check(\"value\", || expect_eq(\"value\", seen, \"1\"));",
    );
    let ran = scene.fabric(&RUN);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(!ran.all().contains("THE SCRIPT HAS IT"), "{}", ran.all());
    for (name, _) in &forms {
        let shown = format!("{name}: <[redacted:proxmox/token]>");
        assert!(ran.stdout.contains(&shown) || name.starts_with("base64 +"), "{name}: {}", ran.all());
    }
    scene.sealed();
    nowhere(&scene, &ran, &[PLANTED]);
}

/// A run in whose packet somebody lays this file while it lasts.
fn leaking(text: String) -> (Scene, Ran) {
    let scene = Scene::with_key();
    let runs = scene.path("evidence/runs");
    let port = host("fine".to_owned(), move || lay(&runs, &text));
    loopback_site(&scene, 1);
    let get = format!("http::get(#{{ target: \"addr:127.0.0.1\", port: {port} }}).body");
    scene.script(NEEDS, &format!("check(\"body\", || expect_eq(\"body\", {get}, \"fine\"));"));
    let ran = scene.fabric(&RUN);
    (scene, ran)
}

fn lay(runs: &PathBuf, text: &str) {
    let packet =
        fs::read_dir(runs).expect("a run is under way").flatten().find(|entry| entry.path().is_dir());
    let artifacts = packet.expect("it has a folder").path().join("artifacts");
    fs::create_dir_all(&artifacts).expect("the folder is ours");
    fs::write(artifacts.join("leak.txt"), text).expect("the folder is ours");
}

#[test]
fn a_packet_with_a_secret_is_not_sealed_until_somebody_vouches_for_it() {
    let (scene, ran) =
        leaking(format!("first\n-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"));
    let packet = scene.packet();
    let run = packet.file_name().expect("it has a name").to_str().expect("it is text").to_owned();
    ran.refused(8, &["the packet is not sealed", "artifacts/leak.txt:2: private-key", "--vouch"]);
    assert!(!ran.all().contains(KEY) && !packet.join("signatures").exists(), "{}", ran.all());
    // Recovering is no way around it, and changes nothing by trying.
    let journal = fs::read(packet.join("journal.jsonl")).expect("it is there");
    for _ in 0..2 {
        let again = scene.fabric(&["recover"]);
        again.refused(8, &["artifacts/leak.txt:2: private-key"]);
        assert!(!again.all().contains(KEY), "{}", again.all());
        assert_eq!(fs::read(packet.join("journal.jsonl")).expect("it is there"), journal);
    }
    scene.fabric(&["recover", &run, "--vouch", "--reason", "too short"]).refused(2, &["at least 12"]);
    let reason = "a key of the documentation, which opens nothing";
    let vouched = scene.fabric(&["recover", &run, "--vouch", "--reason", reason]);
    assert_eq!(vouched.code, Some(0), "{}", vouched.all());
    assert!(!vouched.all().contains(KEY), "{}", vouched.all());
    let record = scene.record();
    assert_eq!(record["recovery"]["vouched"]["reason"], reason);
    let findings = serde_json::json!([{"file": "artifacts/leak.txt", "line": 2, "class": "private-key"}]);
    assert_eq!(record["recovery"]["vouched"]["findings"], findings);
}

#[test]
fn nobody_vouches_for_a_secret_that_is_known() {
    let (scene, ran) = leaking(format!("encoded: {}\n", base64(crate::secrets::TOKEN.as_bytes())));
    ran.refused(8, &["artifacts/leak.txt:1: known-secret proxmox/token", "sealed by no command"]);
    let packet = scene.packet();
    let run = packet.file_name().expect("it has a name").to_str().expect("it is text").to_owned();
    let args = ["recover", &run, "--site", "loop.toml", "--vouch", "--reason", "it is nothing at all"];
    scene.fabric(&args).refused(8, &["artifacts/leak.txt:1: known-secret proxmox/token"]);
    assert!(!packet.join("signatures").exists());
}
