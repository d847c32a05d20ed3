//! `fabric verify` over the vectors in `evidence/vectors`: it judges as `fabric-verify` does.

#[path = "../../../verify/tests/vectors/laid.rs"]
mod laid;

use crate::scene::{Scene, json};

#[test]
fn each_vector_is_judged_as_the_index_says() {
    let scene = Scene::new();
    for vector in laid::index() {
        let laid = vector.lay();
        let (packet, trust) = (laid.path().display().to_string(), vector.trust().display().to_string());
        let ran = scene.fabric(&["verify", &packet, "--trust", &trust, "--output", "json"]);
        let Some(class) = vector.class else {
            assert_eq!(ran.code, Some(0), "{}: {}", vector.vector, ran.all());
            continue;
        };
        if !laid.path().join("manifest.sha256").exists() {
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
