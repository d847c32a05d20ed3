//! `fabric-verify` over the vectors in `evidence/vectors`.

mod laid;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

fn fabric_verify(packet: &Path, trust: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fabric-verify"))
        .arg(packet)
        .arg("--trust")
        .arg(trust)
        .output()
        .expect("built")
}

#[test]
fn each_vector_is_judged_as_the_index_says() {
    let (mut good, mut bad) = (0, BTreeSet::new());
    for vector in laid::index() {
        let laid = vector.lay();
        // It judges packets, and leaves logs to `fabric evidence log verify`.
        let Some(packet) = vector.packet(laid.path()) else { continue };
        let output = fabric_verify(&packet, &vector.trust());
        let said = String::from_utf8_lossy(&output.stderr);
        let Some(class) = vector.class else {
            assert_eq!(output.status.code(), Some(0), "{}: {said}", vector.vector);
            good += 1;
            continue;
        };
        assert_eq!(output.status.code(), Some(30), "{}: {output:?}", vector.vector);
        let is_said = said.lines().any(|line| line.starts_with(&format!("{class}: ")));
        assert!(is_said, "{}: {said}", vector.vector);
        bad.insert((class, vector.vector));
    }
    let classes: BTreeSet<&str> = bad.iter().map(|(class, _)| class.as_str()).collect();
    assert!(good + bad.len() >= 120 && bad.len() >= 80, "{good} good ones and {} bad ones", bad.len());
    assert!(classes.len() >= 45, "{classes:?}");
}

#[test]
fn a_good_packet_is_told_in_one_line_that_names_its_realm() {
    for (name, part, has_verdicts) in [
        ("observed", "a model: no evidence of the real site", false),
        ("gameday", "; hypothesis pass", true),
        ("on-the-lab", "a lab: no evidence of the real site", false),
        ("offline", "on a recording: no evidence of any site", false),
    ] {
        let output =
            fabric_verify(&laid::folder().join("good").join(name), &laid::folder().join("trust.toml"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{name} {output:?}");
        assert!(said.contains(part), "{said}");
        assert_eq!(said.contains("; hypothesis "), has_verdicts, "{said}");
        assert_eq!(said.lines().count(), 1);
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_wrong_trust_file_is_a_matter_of_configuration() {
    let output = fabric_verify(&laid::folder().join("good/observed"), Path::new("nowhere/trust.toml"));
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: "));
}
