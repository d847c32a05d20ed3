//! `fabric evidence scan`: what is found is told by place and class, never by value.

use std::fs;

use crate::scene::Scene;

const PASSWORD: &str = "Tr0ub4dor-and-3";

fn scan(scene: &Scene, args: &[&str]) -> crate::scene::Ran {
    let ran = scene.fabric(&[&["evidence", "scan"], args].concat());
    assert!(!ran.all().contains(PASSWORD) && !ran.all().contains("outside9"), "{}", ran.all());
    ran
}

#[test]
fn folders_of_other_programs_are_scanned_and_links_are_not_followed() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("old/deep")).expect("the folder is ours");
    fs::create_dir_all(scene.path("clean")).expect("the folder is ours");
    scene.write("clean/metadata.json", "{\"token_id\":\"audit@pve!t\",\"reason\":\"the token has expired\"}");
    scene.write("outside.env", "PASSWORD=outside9");
    scene.write(
        "old/metadata.json",
        &format!("{{\n  \"user\": \"ada\",\n  \"password\": \"{PASSWORD}\"\n}}\n"),
    );
    scene.write("old/deep/env.txt", &format!("A=b\nDB_PASSWORD={PASSWORD}\n"));
    fs::write(scene.path("old/core"), [&[0, 255, 254][..], b"password=", PASSWORD.as_bytes(), &[0]].concat())
        .expect("the folder is ours");
    std::os::unix::fs::symlink("../outside.env", scene.path("old/link")).expect("the folder is ours");

    let clean = scan(&scene, &["clean"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""), "{}", clean.all());
    let found = scan(&scene, &["clean", "old"]);
    let expected = "old/core:1: password\nold/deep/env.txt:2: password\nold/metadata.json:3: password\n";
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), expected), "{}", found.all());
    assert!(found.stderr.contains("not read: old/link: it is no regular file"), "{}", found.all());

    let json = scan(&scene, &["old", "--output", "json"]);
    let record: serde_json::Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(
        (json.code, &record["schema"], &record["files"]),
        (Some(1), &"fabric.scan/1".into(), &3.into())
    );
    assert_eq!(
        record["findings"][2],
        serde_json::json!({"file": "old/metadata.json", "line": 3, "class": "password"})
    );
    scan(&scene, &["absent"]).refused(5, &["absent cannot be read"]);
    scan(&scene, &["old", "--output", "junit"]).refused(2, &["human or json"]);
}

#[test]
fn the_secrets_of_a_site_are_found_in_their_encodings() {
    let scene = Scene::with_key();
    crate::peers::loopback_site(&scene, 1);
    fs::create_dir(scene.path("old")).expect("the folder is ours");
    let hex: String = crate::secrets::TOKEN.bytes().map(|byte| format!("{byte:02X}")).collect();
    scene.write("old/dump.txt", &format!("row\nx{hex}y\n"));
    assert_eq!(scan(&scene, &["old"]).code, Some(0));
    let found = scan(&scene, &["old", "--site", "loop.toml"]);
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (Some(1), "old/dump.txt:2: known-secret proxmox/token\n")
    );
}
