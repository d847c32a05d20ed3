//! `fabric verify` over the vectors in `evidence/vectors`: it judges as `fabric-verify` does.

#[path = "../../../verify/tests/vectors/laid.rs"]
mod laid;

use std::path::Path;

use crate::scene::{Scene, json};

#[test]
fn each_vector_is_judged_as_the_index_says() {
    let scene = Scene::new();
    for vector in laid::index() {
        let laid = vector.lay();
        let trust = vector.trust().display().to_string();
        let Some(packet) = vector.packet(laid.path()) else { continue };
        let packet = packet.display().to_string();
        let ran = scene.fabric(&["verify", &packet, "--trust", &trust, "--output", "json"]);
        let Some(class) = vector.class else {
            assert_eq!(ran.code, Some(0), "{}: {}", vector.vector, ran.all());
            continue;
        };
        if !Path::new(&packet).join("manifest.sha256").exists() {
            // To an operator that is no packet at all.
            ran.refused(5, &["it has no manifest.sha256"]);
            continue;
        }
        assert_eq!(ran.code, Some(30), "{}: {}", vector.vector, ran.all());
        let told = json(&ran.stdout);
        let findings = told["findings"].as_array().expect("a list");
        assert!(findings.iter().any(|one| one["class"] == class.as_str()), "{}: {told}", vector.vector);
    }
}

#[test]
fn each_log_of_the_vectors_is_judged_as_the_index_says() {
    let mut judged = 0;
    for vector in laid::index().into_iter().filter(|vector| vector.log) {
        let scene = Scene::new();
        vector.lay_in(&scene.path("evidence/runs"));
        let trust = vector.trust().display().to_string();
        let ran = scene.fabric(&["evidence", "log", "verify", "--packets", "--trust", &trust]);
        judged += 1;
        let Some(class) = vector.class else {
            assert_eq!(ran.code, Some(0), "{}: {}", vector.vector, ran.all());
            continue;
        };
        assert_eq!(ran.code, Some(30), "{}: {}", vector.vector, ran.all());
        let is_said = ran.stdout.lines().any(|line| line.starts_with(&format!("{class}: ")));
        assert!(is_said, "{}: {}", vector.vector, ran.all());
    }
    assert!(judged >= 20, "{judged}");
}
