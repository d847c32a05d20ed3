//! `fabric secrets`: what goes in never comes out, and a refusal leaves the store as it was.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use crate::peers::{RUN, loopback_site};
use crate::scene::{Ran, Scene};
use crate::secrets::texts;

pub(crate) const PLANTED: &str = "pl4nted-Value/0123+456789abcdef";
const REPLACED: &str = "An0ther-Value/9876+543210fedcba";

/// The planted value in Base64.
const ENCODED: &str = "cGw0bnRlZC1WYWx1ZS8wMTIzKzQ1Njc4OWFiY2RlZg";

impl Scene {
    /// Runs `fabric secrets` with this on standard input.
    pub(crate) fn secrets(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(&[&["secrets"], args].concat());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // Its command line is complete before it has got the value, and stays as it is.
        let line = fs::read(format!("/proc/{}/cmdline", child.id())).expect("it waits for its input");
        for value in [PLANTED, REPLACED] {
            assert!(!String::from_utf8_lossy(&line).contains(value), "the value is in its arguments");
        }
        // Who was refused before he was asked has closed it.
        let _ = stdin.write_all(input);
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        let ran = Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
        for value in [PLANTED, REPLACED, ENCODED] {
            assert!(!ran.all().contains(value), "it is shown: {}", ran.all());
        }
        ran
    }

    pub(crate) fn with_store() -> Self {
        let scene = Self::with_key();
        assert_eq!(scene.secrets(&["init"], b"").code, Some(0));
        scene
    }

    fn sealed_store(&self) -> Vec<u8> {
        fs::read(self.home().join("secrets.age")).expect("the store is there")
    }
}

/// Takes the token of the site on loopback from the store.
pub(crate) fn use_store(scene: &Scene) {
    let site = scene.read("loop.toml").replace(
        r#""proxmox/token" = { file = "token" }"#,
        r#""proxmox/token" = { store = { key = "proxmox/token" } }
"proxmox/old" = { store = { key = "proxmox/token", former = true } }"#,
    );
    scene.write("loop.toml", &site);
}

#[test]
fn a_planted_value_is_on_no_stream_in_no_argument_and_in_no_packet() {
    let scene = Scene::with_store();
    assert_eq!(scene.secrets(&["put", "proxmox/token"], PLANTED.as_bytes()).code, Some(0));
    let rotated = scene.secrets(&["rotate", "proxmox/token"], format!("{REPLACED}\n").as_bytes());
    assert_eq!(rotated.code, Some(0), "{}", rotated.all());
    loopback_site(&scene, 1);
    use_store(&scene);
    let header = "// /// fabric\n// title = \"T\"\n// kind = \"acceptance\"\n// reach = \"observe\"\n// [params.p]\n// type = \"string\"\n// [needs]\n// ///\n";
    scene.write("script.rhai", &format!("{header}print(param(\"p\")); throw param(\"p\");\n"));
    for (value, handle) in [(REPLACED, "proxmox/token"), (PLANTED, "proxmox/old"), (ENCODED, "proxmox/old")] {
        let ran = scene.fabric(&[&RUN[..], &["--param", &format!("p={value}")]].concat());
        assert_eq!(ran.code, Some(20), "{}", ran.all());
        assert!(ran.stdout.contains(&format!("[redacted:{handle}]")), "{}", ran.all());
        for packet in scene.packets() {
            let mut seen = texts(&packet);
            assert!(!seen.is_empty(), "the packet has files");
            seen.push(("streams".to_owned(), ran.all()));
            for (place, text) in seen {
                assert!(!text.contains(value), "{value} is in {place}");
            }
        }
    }
    for (place, text) in texts(&scene.home()) {
        assert!(!text.contains(PLANTED) && !text.contains(REPLACED), "a value is in {place}");
    }
}

#[test]
fn what_there_is_is_listed_with_its_times_and_who_uses_it() {
    let scene = Scene::with_store();
    assert_eq!(scene.secrets(&["put", "proxmox/token"], PLANTED.as_bytes()).code, Some(0));
    assert_eq!(scene.secrets(&["put", "db", "password", "--generate", "24"], b"").code, Some(0));
    loopback_site(&scene, 1);
    use_store(&scene);
    let listed = scene.secrets(&["list", "--site", "loop.toml"], b"");
    let [db, token] = listed.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{}", listed.all()) };
    assert!(db.starts_with("db  password  put 20") && !db.contains("used"), "{db}");
    assert!(token.starts_with("proxmox/token  value  put 20"), "{token}");
    assert!(token.ends_with("Z  used as proxmox/token"), "{token}");
    assert!(listed.stderr.contains("missing: the former `value` under `proxmox/token`"), "{}", listed.all());
    assert_eq!(scene.secrets(&["rotate", "proxmox/token", "--generate", "32"], b"").code, Some(0));
    let inspected = scene.secrets(&["inspect", "proxmox/token", "--site", "loop.toml"], b"").stdout;
    assert!(
        inspected.contains("former value kept  former used as proxmox/old  used as proxmox/token"),
        "{inspected}"
    );
    assert_eq!(scene.secrets(&["rotate", "proxmox/token", "--settle"], b"").code, Some(0));
    assert_eq!(scene.secrets(&["remove", "db"], b"").code, Some(0));
    assert!(!scene.secrets(&["list"], b"").stdout.contains("db"));
    scene.secrets(&["inspect", "db"], b"").refused(5, &["the store has no `db`", "fabric secrets list"]);
}

#[test]
fn bad_input_leaves_the_store_as_it_was() {
    let scene = Scene::with_store();
    assert_eq!(scene.secrets(&["put", "proxmox/token"], PLANTED.as_bytes()).code, Some(0));
    let before = scene.sealed_store();
    let inputs: [(&[u8], &str); 5] = [
        (b"", "the value is empty"),
        (b" \n", "the value is empty"),
        (b"abc\xff", "not UTF-8"),
        (b"abc\0def", "control characters"),
        (&vec![b'x'; 65 * 1024], "larger than 64 KiB"),
    ];
    for (input, why) in inputs {
        for what in ["put", "rotate"] {
            let key = if what == "put" { "new" } else { "proxmox/token" };
            scene.secrets(&[what, key], input).refused(2, &[why, "The store was not changed."]);
            assert_eq!(scene.sealed_store(), before, "{what} {why}");
        }
    }
    scene
        .secrets(&["put", "proxmox/token"], b"abcdef")
        .refused(2, &["has a field `value` already", "rotate"]);
    scene.secrets(&["rotate", "none"], b"abcdef").refused(5, &["the store has no `value` under `none`"]);
    scene.secrets(&["put", "../token"], b"abcdef").refused(2, &["is not a key"]);
    scene.secrets(&["put", "k", "f", "a-value"], b"").refused(2, &["unexpected argument"]);
    scene.secrets(&["put", "k", "--generate", "8"], b"").refused(2, &["from 16 to 1024"]);
    scene.secrets(&["init"], b"").refused(4, &["is there already"]);
    assert_eq!(scene.sealed_store(), before);
}

#[test]
fn processes_that_write_at_the_same_time_lose_nothing() {
    let scene = Scene::with_store();
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let scene = &scene;
            scope.spawn(move || {
                let ran = scene.secrets(&["put", &format!("key-{writer}")], PLANTED.as_bytes());
                assert_eq!(ran.code, Some(0), "{}", ran.all());
            });
        }
    });
    assert_eq!(scene.secrets(&["list"], b"").stdout.lines().count(), 6);
}

#[test]
fn a_store_that_is_not_there_or_open_to_others_is_told_before_a_value_is_asked_for() {
    let scene = Scene::with_key();
    scene.secrets(&["put", "k"], b"").refused(4, &["No such file", "fabric secrets init"]);
    assert_eq!(scene.secrets(&["init"], b"").code, Some(0));
    let path = scene.home().join("secrets.age");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("it is ours");
    scene.secrets(&["put", "k"], b"").refused(4, &["mode 0644", "chmod 600"]);
}

#[test]
fn the_site_file_says_where_another_store_and_its_identity_are() {
    let scene = Scene::with_store();
    loopback_site(&scene, 1);
    use_store(&scene);
    let site = scene.read("loop.toml")
        + "[store]\nfile = \"own/store.age\"\nidentity = { credential = \"opener\" }\n";
    scene.write("loop.toml", &site);
    let given = scene.beside("credentials");
    fs::create_dir(&given).expect("the folder is new");
    fs::copy(scene.home().join("secrets-identity.txt"), given.join("opener")).expect("it is ours");
    let with = |args: &[&str]| {
        let args = [&["secrets"], args, &["--site", "loop.toml"]].concat();
        let ran = scene.command(&args).env("CREDENTIALS_DIRECTORY", &given).output().expect("it starts");
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    assert_eq!(with(&["init"]).0, Some(0), "{}", with(&["init"]).1);
    assert_eq!(with(&["put", "proxmox/token", "--generate", "32"]).0, Some(0));
    assert!(scene.path("own/store.age").exists());
    assert_eq!(scene.secrets(&["list"], b"").stdout, "", "the operator's own store is another");
    scene.secrets(&["list", "--site", "loop.toml"], b"").refused(4, &["$CREDENTIALS_DIRECTORY is not set"]);
}

/// What the real `openssl` makes of this, as the older scripts called it.
fn older(scene: &Scene, passphrase: &str, plain: &str) {
    let mut command = std::process::Command::new("openssl");
    command.args(["enc", "-aes-256-cbc", "-pbkdf2", "-salt", "-pass", "env:P", "-out"]);
    command.arg(scene.path("secrets.enc")).env("P", passphrase).stdin(Stdio::piped());
    let mut child = command.spawn().expect("openssl is installed");
    child.stdin.take().expect("it is piped").write_all(plain.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_older_file_moves_in_whole_or_not_at_all() {
    let scene = Scene::with_store();
    let plain = format!(
        r#"{{"tenants/canary/db":{{"username":"pg_1","password":"{PLANTED}"}},"x":{{"y":"{REPLACED}"}}}}"#
    );
    older(&scene, "correct horse", &plain);
    let before = scene.sealed_store();
    scene
        .secrets(&["import", "secrets.enc"], b"wrong horse\n")
        .refused(4, &["the passphrase is wrong", "was not changed"]);
    scene
        .secrets(&["import", "absent.enc"], b"correct horse\n")
        .refused(5, &["absent.enc cannot be imported"]);
    scene.write("passphrase", "correct horse\n");
    let mode = |mode| {
        fs::set_permissions(scene.path("passphrase"), std::os::unix::fs::PermissionsExt::from_mode(mode))
    };
    mode(0o640).expect("it is ours");
    let from_file = ["import", "secrets.enc", "--passphrase-file", "passphrase"];
    scene.secrets(&from_file, b"").refused(4, &["mode 0640"]);
    assert_eq!(scene.sealed_store(), before, "nothing was imported so far");
    mode(0o600).expect("it is ours");
    let imported = scene.secrets(&from_file, b"");
    assert_eq!(
        (imported.code, imported.stdout.as_str()),
        (Some(0), "imported  3 value(s)\n"),
        "{}",
        imported.all()
    );
    assert_eq!(scene.secrets(&["list"], b"").stdout.lines().count(), 3);
    let before = scene.sealed_store();
    scene.secrets(&from_file, b"").refused(2, &["has a field `password` already"]);
    assert_eq!(scene.sealed_store(), before);
}
