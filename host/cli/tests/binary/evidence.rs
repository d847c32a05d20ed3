//! `fabric evidence`: a second person signs, and an authority that is `openssl ts` behind a server of HTTP stamps, or tries to cheat.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::scene::{Scene, json};
use crate::tsa::{FOR_TIMESTAMPS, Tsa};

/// What the server does with a query.
#[derive(Clone, Copy)]
enum Manner {
    Honest,
    /// Answers with what it answered first, whatever is asked.
    Replaying,
    /// Answers with these bytes.
    Saying(&'static [u8]),
    /// Announces an answer of a megabyte.
    Endless,
    /// Takes the query and says nothing.
    Silent,
}

pub(crate) struct Authority {
    tsa: Arc<Tsa>,
    manner: Arc<Mutex<Manner>>,
    address: SocketAddr,
}

const REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\n";

impl Authority {
    pub(crate) fn start() -> Self {
        let tsa = Arc::new(Tsa::new("ec", FOR_TIMESTAMPS));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let manner = Arc::new(Mutex::new(Manner::Honest));
        let (stamping, how) = (Arc::clone(&tsa), Arc::clone(&manner));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let manner = *how.lock().expect("not poisoned");
                serve(stream, manner, &stamping);
            }
        });
        Self { tsa, manner, address }
    }

    fn now(&self, manner: Manner) {
        *self.manner.lock().expect("not poisoned") = manner;
    }

    /// What a trust file says of it.
    pub(crate) fn entry(&self) -> String {
        format!(
            "\n[[timestamp_authority]]\nname = \"tsa\"\ncertificates = \"root.pem\"\nurl = \"http://{}/tsr\"\npolicies = [\"1.2.3.4\"]\n",
            self.address
        )
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.tsa.path("ca.pem")
    }
}

fn serve(mut stream: TcpStream, manner: Manner, tsa: &Tsa) {
    let mut asked = Vec::new();
    let head = loop {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        asked.extend(byte);
        if asked.ends_with(b"\r\n\r\n") {
            break String::from_utf8_lossy(&asked).to_lowercase();
        }
    };
    assert!(
        head.starts_with("post /tsr http/1.1") && head.contains("content-type: application/timestamp-query"),
        "{head}"
    );
    let length =
        head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).expect("a length");
    let mut query = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut query).expect("a query");
    let answer = match manner {
        Manner::Honest => [REPLY.as_bytes(), &reply(tsa, &query)].concat(),
        Manner::Replaying => [REPLY.as_bytes(), b"\r\n", &fs::read(tsa.path("first")).expect("one")].concat(),
        Manner::Saying(bytes) => bytes.to_vec(),
        Manner::Endless => [REPLY.as_bytes(), b"content-length: 1000000\r\n\r\n"].concat(),
        Manner::Silent => return thread::sleep(Duration::from_secs(5)),
    };
    let _gone = stream.write_all(&answer);
}

/// The end of the head, and the answer.
fn reply(tsa: &Tsa, query: &[u8]) -> Vec<u8> {
    let bytes = tsa.answer(query);
    if !tsa.path("first").exists() {
        fs::write(tsa.path("first"), &bytes).expect("room");
    }
    [b"\r\n".as_slice(), &bytes].concat()
}

/// A packet of the twin, and an authority that the operator's trust file names.
fn scene(authority: &Authority) -> (Scene, String) {
    let scene = Scene::with_key();
    let trust = scene.read_home("trust.toml") + &authority.entry();
    fs::write(scene.home().join("trust.toml"), trust).expect("room");
    fs::copy(authority.root(), scene.home().join("root.pem")).expect("room");
    let packet = sealed(&scene);
    (scene, packet)
}

fn sealed(scene: &Scene) -> String {
    let ran = scene.rehearse("", "check(\"c\", || true);", &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.packet().to_owned()
}

#[test]
fn a_packet_is_notarized_and_openssl_and_fabric_accept_it() {
    let authority = Authority::start();
    let (scene, packet) = scene(&authority);
    let ran = scene.fabric(&["evidence", "notarize", &packet]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("`tsa` saw the signature by"), "{}", ran.all());
    let verified = scene.fabric(&["verify", &packet]);
    assert_eq!(verified.code, Some(0), "{}", verified.all());
    assert!(verified.stdout.contains(", which existed at 20"), "{}", verified.all());
    let answer = ran.stdout.trim().rsplit(": ").next().expect("a path").to_owned();
    let query = answer.replace(".tsr", ".tsq");
    let root = authority.root().display().to_string();
    let with = ["ts", "-verify", "-in", &answer, "-queryfile", &query, "-CAfile", &root];
    let openssl =
        Command::new("openssl").args(with).current_dir(scene.project()).output().expect("installed");
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
    let again = scene.fabric(&["evidence", "notarize", &packet]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{}", again.all());
    assert!(again.stderr.contains("has a timestamp already"), "{}", again.all());
}

#[test]
fn an_authority_that_cheats_or_fails_leaves_nothing_behind() {
    let authority = Authority::start();
    let (scene, packet) = scene(&authority);
    assert_eq!(scene.fabric(&["evidence", "notarize", &packet]).code, Some(0), "what it replays later");
    let packet = sealed(&scene);
    let before = signatures(&scene, &packet);
    let cases: [(Manner, i32, &str); 8] = [
        (Manner::Replaying, 30, "timestamp.imprint"),
        (Manner::Saying(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), 7, "status 404"),
        (Manner::Saying(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"), 7, "status 302"),
        (Manner::Saying(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nok"), 7, "text/html"),
        (
            Manner::Saying(b"HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\ncontent-length: 2\r\n\r\nok"),
            30,
            "timestamp.form",
        ),
        (Manner::Saying(b"SSH-2.0-OpenSSH\r\n"), 7, "cannot be asked"),
        (Manner::Endless, 7, "cannot be asked"),
        (Manner::Silent, 7, "cannot be asked"),
    ];
    for (manner, code, says) in cases {
        authority.now(manner);
        scene.fabric(&["evidence", "notarize", &packet, "--time-limit", "2"]).refused(code, &[says]);
        assert_eq!(signatures(&scene, &packet), before, "{says}");
    }
    scene.fabric(&["verify", &packet]).all();
}

fn signatures(scene: &Scene, packet: &str) -> Vec<String> {
    let folder = fs::read_dir(scene.path(packet).join("signatures")).expect("a folder");
    let mut names: Vec<String> =
        folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_authority_is_one_of_the_trust_file() {
    let scene = Scene::with_key();
    let packet = sealed(&scene);
    scene.fabric(&["evidence", "notarize", &packet]).refused(3, &["names no timestamp authority"]);
    let authority = Authority::start();
    let trust = scene.read_home("trust.toml");
    fs::copy(authority.root(), scene.home().join("root.pem")).expect("room");
    let second = authority.entry().replace("\"tsa\"", "\"other\"");
    fs::write(scene.home().join("trust.toml"), format!("{trust}{}{second}", authority.entry()))
        .expect("room");
    scene.fabric(&["evidence", "notarize", &packet]).refused(2, &["--authority NAME", "tsa, other"]);
    scene.fabric(&["evidence", "notarize", &packet, "--authority", "x"]).refused(5, &["tsa, other"]);
    let chosen = scene.fabric(&["evidence", "notarize", &packet, "--authority", "other"]);
    assert_eq!(chosen.code, Some(0), "{}", chosen.all());
    let over_tls = authority.entry().replace("http://", "https://");
    fs::write(scene.home().join("trust.toml"), format!("{trust}{over_tls}")).expect("room");
    scene.fabric(&["evidence", "notarize", &packet]).refused(3, &["server_certificates"]);
}

#[test]
fn a_second_person_countersigns_what_the_trust_file_demands() {
    let (first, second) = (Scene::with_key(), Scene::with_key());
    let packet = sealed(&first);
    let demand = "\n[[require]]\ncountersigned_as = [\"security\"]\n";
    let (own, other) = (first.read_home("trust.toml"), second.read_home("trust.toml"));
    let entry = other.split_once("[[principal]]").expect("an entry").1.replace("site-dev", "security");
    let entry = entry.replace("fabric operator <fabric@localhost>", "Eve <eve@localhost>");
    let trust = format!("{own}\n[[principal]]{entry}{demand}");
    for scene in [&first, &second] {
        fs::write(scene.home().join("trust.toml"), &trust).expect("room");
        for from in [&first, &second] {
            for file in fs::read_dir(from.home().join("certs")).expect("a folder") {
                let file = file.expect("an entry");
                let bytes = fs::read(file.path()).expect("readable");
                fs::write(scene.home().join("certs").join(file.file_name()), bytes).expect("room");
            }
        }
    }
    first.fabric(&["verify", &packet]).refused(30, &[]);
    first
        .fabric(&["evidence", "countersign", &packet])
        .refused(2, &["you signed", "one certificate counts once"]);
    let dir = first.path(&packet).display().to_string();
    second.fabric(&["evidence", "countersign", &dir, "--role", "legal"]).refused(4, &["`legal`"]);
    let signed = second.fabric(&["evidence", "countersign", &dir]);
    assert_eq!(signed.code, Some(0), "{}", signed.all());
    assert!(signed.stdout.contains("countersigned as security"), "{}", signed.all());
    second.fabric(&["evidence", "countersign", &dir]).refused(2, &["you signed"]);
    let verified = first.fabric(&["verify", &packet, "--output", "json"]);
    assert_eq!(verified.code, Some(0), "{}", verified.all());
    assert_eq!(json(&verified.stdout)["signers"].as_array().map(Vec::len), Some(2), "{}", verified.all());
    let run = first.path(&packet).join("run.json");
    fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    fs::write(&run, "{}").expect("ours");
    second.fabric(&["evidence", "countersign", &dir]).refused(30, &["does not verify"]);
}

#[test]
fn the_log_tells_of_every_packet_and_of_one_that_is_gone() {
    let scene = Scene::with_key();
    scene.fabric(&["evidence", "log", "sign"]).refused(5, &["there is no log yet"]);
    let (first, second) = (sealed(&scene), sealed(&scene));
    let held = scene.fabric(&["evidence", "log", "verify", "--packets"]);
    assert_eq!(held.code, Some(0), "{}", held.all());
    assert!(
        held.stdout.contains("2 packets, all of them there and sound")
            && held.stdout.contains("nobody has signed")
    );
    let signed = scene.fabric(&["evidence", "log", "sign"]);
    assert_eq!(signed.code, Some(0), "{}", signed.all());
    let held = scene.fabric(&["evidence", "log", "verify"]);
    assert!(held.stdout.contains("signed up to line 2 by"), "{}", held.all());
    let listed = scene.fabric(&["evidence", "list", "--output", "json"]);
    let folders: Vec<String> = json(&listed.stdout)["packets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|packet| format!("evidence/runs/{}", packet["folder"].as_str().expect("a name")))
        .collect();
    assert_eq!(folders, [first.clone(), second]);
    assert_eq!(scene.fabric(&["evidence", "list", "--realm", "real"]).stdout, "");
    fs::remove_dir_all(scene.path(&first)).expect("ours");
    let gone = scene.fabric(&["evidence", "log", "verify"]);
    assert_eq!(gone.code, Some(30), "{}", gone.all());
    assert!(gone.stdout.contains("log.removed"), "{}", gone.all());
    scene.fabric(&["evidence", "log", "sign"]).refused(30, &["does not hold"]);
    fs::write(scene.path("evidence/runs/log.jsonl"), "{}\n").expect("ours");
    scene.fabric(&["evidence", "list"]).refused(30, &["is not one chain"]);
}

#[test]
fn a_packet_goes_through_an_archive_and_nothing_is_kept_of_what_does_not_verify() {
    let scene = Scene::with_key();
    let packet = sealed(&scene);
    let exported = scene.fabric(&["evidence", "export", &packet, "--to", "packet.tar"]);
    assert_eq!(exported.code, Some(0), "{}", exported.all());
    scene.fabric(&["evidence", "export", &packet, "--to", "packet.tar"]).refused(3, &["cannot be written"]);
    fs::create_dir(scene.path("received")).expect("room");
    let imported = scene.fabric(&["evidence", "import", "packet.tar", "--into", "received"]);
    assert_eq!(imported.code, Some(0), "{}", imported.all());
    let name = packet.rsplit('/').next().expect("a name");
    assert_eq!(scene.fabric(&["verify", &format!("received/{name}")]).code, Some(0));
    scene.fabric(&["evidence", "import", "packet.tar", "--into", "received"]).refused(3, &["its place"]);
    scene
        .fabric(&["evidence", "import", "nothing.tar", "--into", "received"])
        .refused(5, &["cannot be read"]);
    let mut bytes = fs::read(scene.path("packet.tar")).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(scene.path("altered.tar"), &bytes).expect("room");
    fs::create_dir(scene.path("elsewhere")).expect("room");
    let altered = scene.fabric(&["evidence", "import", "altered.tar", "--into", "elsewhere"]);
    assert_eq!(altered.code, Some(30), "{}", altered.all());
    assert!(altered.stdout.contains("nothing was kept"), "{}", altered.all());
    assert_eq!(fs::read_dir(scene.path("elsewhere")).expect("a folder").count(), 0);
    scene
        .fabric(&["evidence", "import", "fabric.toml", "--into", "elsewhere"])
        .refused(30, &["archive.form"]);
}
