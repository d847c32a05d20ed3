//! Scripts against the S3 server of the twin: the one of `docs/s3.md`, as it stands, and each of its checks with what it must see.

use std::fs;
use std::path::Path;

use crate::scene::Scene;

/// The script of the page.
fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/s3.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let section = page.split("## A script\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let lines = section.expect("it has a script").lines();
    let lines = lines.filter_map(|line| if line.is_empty() { Some("") } else { line.strip_prefix("    ") });
    lines.collect::<Vec<_>>().join("\n")
}

/// The titles of the checks that did not pass, of a rehearsal of that script.
fn failing(ills: &[&str]) -> Vec<String> {
    let scene = Scene::new();
    scene.write("script.rhai", &script());
    let faults: Vec<String> =
        ills.iter().map(|ill| format!(r#"{{"fault":"s3","server":"minio","ill":"{ill}"}}"#)).collect();
    let mut args = vec!["rehearse", "script.rhai"];
    args.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let ran = scene.fabric(&args);
    let checks = scene.checks();
    assert_eq!(checks.len(), 6, "{}", ran.all());
    let bad = checks.iter().filter(|check| check["status"] != "pass");
    let titles: Vec<String> = bad
        .map(|check| {
            format!(
                "{} {}",
                check["status"].as_str().unwrap_or_default(),
                check["title"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(ran.code == Some(0), titles.is_empty(), "{}", ran.all());
    titles
}

#[test]
fn the_script_of_the_page_passes_as_it_stands() {
    assert_eq!(failing(&[]), Vec::<String>::new());
}

#[test]
fn each_check_of_the_page_sees_what_it_is_there_for() {
    assert_eq!(
        failing(&["public"]),
        ["fail somebody without a name is refused", "fail no policy opens the bucket"]
    );
    assert_eq!(failing(&["unversioned"]), ["fail the bucket keeps versions"]);
    let gone = failing(&["buckets-gone"]);
    assert!(gone.contains(&"fail the bucket is there".to_owned()), "{gone:?}");
    // A refusal that nobody gave proves nothing: a server that is overloaded has not denied anybody.
    let lost = failing(&["quorum-lost"]);
    assert!(lost.contains(&"fail the cluster has its quorum".to_owned()), "{lost:?}");
    assert!(lost.contains(&"error somebody without a name is refused".to_owned()), "{lost:?}");
    let changed = failing(&["secret-changed"]);
    assert!(changed.contains(&"error every listed state is there".to_owned()), "{changed:?}");
}

#[test]
fn a_script_is_held_to_the_folder_that_it_was_granted() {
    let scene = Scene::new();
    let needs =
        "\"s3.objects\" = [\"s3:minio/samakia-tfstate/\"]\n\"s3.get\" = [\"s3:minio/samakia-tfstate/*/*/*\"]";
    let body = "check(\"a\", || s3::objects(#{ server: \"minio\", bucket: \"samakia-tfstate\" }).entries.len() > 0);\n\
                check(\"b\", || s3::get(#{ server: \"minio\", bucket: \"samakia-tfstate\", key: \"samakia-fabric/samakia-dns/terraform.tfstate\" }).text != ());";
    let ran = scene.rehearse(needs, body, &[]);
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    for denied in [
        "denied `s3.objects` on `s3:minio/samakia-tfstate/`",
        "denied `s3.get` on `s3:minio/samakia-tfstate/samakia-fabric/",
    ] {
        assert!(ran.stdout.contains(denied), "{}", ran.all());
    }
}

#[test]
fn no_key_of_a_server_is_in_its_packet() {
    let scene = Scene::new();
    let needs = "\"s3.buckets\" = [\"s3:minio\"]";
    let body = "check(\"a\", || s3::buckets(#{ server: \"minio\" }).buckets.len() == 1);";
    assert_eq!(scene.rehearse(needs, body, &[]).code, Some(0));
    let packet = scene.sealed();
    let journal = fs::read_to_string(packet.join("journal.jsonl")).expect("the packet has it");
    assert!(journal.contains("samakia-tfstate"), "the call is on record");
    for word in ["AWS4-HMAC", "Credential=", "minio/secret-key", "Signature="] {
        assert!(!journal.contains(word), "{word}");
    }
}
