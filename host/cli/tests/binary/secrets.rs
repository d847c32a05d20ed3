//! Secrets stay with the host, also when a peer sends them back.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use fabric_model::digest::Digest;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::peers::{NEEDS, RUN, loopback_site, serve, server_config};
use crate::scene::Scene;

/// The Proxmox token of the site on loopback.
pub(crate) const TOKEN: &str = "c0ffee00-5ec2-4e70-9a3b-0123456789ab";

/// Every file below a folder, as text.
pub(crate) fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is read").path();
        match path.is_dir() {
            true => found.extend(texts(&path)),
            false => found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&fs::read(&path).expect("ours")).into_owned(),
            )),
        }
    }
    found
}

#[test]
fn a_token_that_the_api_sends_back_is_seen_by_nobody() {
    let scene = Scene::with_key();
    // What the API got, and where it listens, is known only later than its certificate.
    let heard = Arc::new(Mutex::new(String::new()));
    let config: Arc<Mutex<Option<Arc<ServerConfig>>>> = Arc::default();
    let port = serve({
        let (heard, config) = (Arc::clone(&heard), Arc::clone(&config));
        move |tcp| {
            let config = config.lock().expect("no test panicked").clone().expect("it is set before the run");
            let tls = ServerConnection::new(config).expect("the configuration is sound");
            let mut stream = StreamOwned::new(tls, tcp);
            let mut request = vec![0; 4096];
            let Ok(length) = stream.read(&mut request) else { return };
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let sent = request.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
            let sent = sent.unwrap_or_default().replace('"', "");
            heard.lock().expect("no test panicked").push_str(&sent);
            // As a key, since that is where this answer has free text.
            let body = format!("{{\"data\":{{\"/{sent}\":{{\"Sys.Audit\":1}}}}}}");
            let head = format!("HTTP/1.1 200 OK\r\nX-Echo: {sent}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let authority = loopback_site(&scene, port);
    *config.lock().expect("no test panicked") = Some(server_config(&authority, "pve1"));

    scene.script(
        NEEDS,
        "let held = (); check(\"api\", || { held = proxmox::permissions(#{ cluster: \"loop\" }); }); \
         let paths = proxmox::permissions(#{ cluster: \"loop\" }).paths; print(paths); \
         check(\"shown\", || expect_eq(\"paths\", paths, #{})); throw paths.keys()[0];",
    );
    let ran = scene.fabric(&[&RUN[..], &["--record", "kept.json"]].concat());
    assert!(heard.lock().expect("no test panicked").contains(TOKEN), "the API got the token: {}", ran.all());
    assert_eq!(ran.code, Some(20), "{}", ran.all());
    scene.sealed();
    let mut seen = texts(&scene.packet());
    seen.push(("the recording".to_owned(), scene.read("kept.json")));
    for place in ["journal.jsonl", "the recording"] {
        let (_, text) = seen.iter().find(|(path, _)| path.ends_with(place)).expect("it was written");
        assert!(text.contains("[redacted:proxmox/token]"), "{place}: {text}");
    }
    seen.extend([("stdout".to_owned(), ran.stdout), ("stderr".to_owned(), ran.stderr)]);
    for (place, text) in seen {
        assert!(!text.contains(TOKEN), "the token is in {place}");
        assert!(!text.contains(&Digest::of(TOKEN.as_bytes()).to_string()), "its digest is in {place}");
    }
}

const ECHO: &str = "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [params.p]\n// type = \"string\"\n// [needs]\n// ///\n";

/// No call needs the token, so nothing but the start of the run can have made it known.
#[test]
fn a_secret_that_no_call_needs_is_not_written_down_either_nor_in_a_denial() {
    let scene = Scene::with_key();
    loopback_site(&scene, 1);
    scene.write(
        "script.rhai",
        &format!(
            "{ECHO}print(param(\"p\")); check(param(\"p\"), || {{ tcp::connect(#{{ target: \"name:\" + param(\"p\"), port: 1 }}); }}); throw param(\"p\");\n"
        ),
    );
    let ran = scene.fabric(&[&RUN[..], &["--param", &format!("p={TOKEN}")]].concat());
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    scene.sealed();
    let mut seen = texts(&scene.packet());
    let journal = seen.iter().find(|(place, _)| place.ends_with("journal.jsonl")).expect("a journal");
    assert!(journal.1.contains("`name:[redacted:proxmox/token]`"), "{}", journal.1);
    seen.extend([("stdout".to_owned(), ran.stdout), ("stderr".to_owned(), ran.stderr)]);
    for (place, text) in seen {
        assert!(!text.contains(TOKEN), "the token is in {place}");
    }
}

#[test]
fn a_parameter_that_is_a_secret_is_not_written_down() {
    let scene = Scene::with_key();
    loopback_site(&scene, 1);
    scene.write("script.rhai", &format!("{ECHO}print(param(\"p\")); throw param(\"p\");\n"));
    let secret = fs::read_to_string(scene.path("ssh-key")).expect("it is there");
    let ran = scene.fabric(&[&RUN[..], &["--param", &format!("p={secret}")]].concat());
    assert_eq!(ran.code, Some(20), "{}", ran.all());
    scene.sealed();
    let mut seen = texts(&scene.packet());
    seen.extend([("stdout".to_owned(), ran.stdout), ("stderr".to_owned(), ran.stderr)]);
    for (place, text) in seen {
        assert!(!text.contains(&secret), "the secret is in {place}");
    }
}
