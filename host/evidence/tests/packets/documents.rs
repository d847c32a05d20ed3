//! Documents of a script: each is named by the journal, and none but those lies in the packet.

use std::rc::Rc;

use fabric_evidence::event::Event;
use fabric_evidence::verify;
use fabric_model::Digest;
use fabric_model::check::Place;

use crate::sample::{Bench, later};
use crate::victim::Victim;

/// What somebody who holds the key does to a packet, in a word or two.
type Defect = (&'static str, fn(&Victim));

const PATH: &str = "artifacts/documents/checklist.json";
const CONTENT: &str = "{\"decision\":\"NO-GO\"}\n";

/// A packet with one document, which verifies, to tamper with.
fn victim() -> Victim {
    let bench = Rc::new(Bench::new());
    let victim = Victim::on(&bench, "victim", &bench.seal("run-1").dir);
    std::fs::create_dir_all(victim.dir.join("artifacts/documents")).expect("room");
    victim.write(PATH, CONTENT);
    victim.tell(|events| kept(events, PATH));
    verify(&victim.dir, &victim.bench.trust(), later()).expect("good");
    victim
}

/// The journal with a document of this path behind its head.
fn kept(mut events: Vec<Event>, path: &str) -> Vec<Event> {
    let (artifact, digest) = (path.to_owned(), Digest::of(CONTENT.as_bytes()));
    events.insert(1, Event::DocumentKept { place: Place(vec![1]), artifact, digest });
    events
}

#[test]
fn a_document_that_the_journal_does_not_speak_of_is_refused_although_it_is_signed() {
    let defects: [Defect; 5] = [
        ("another content", |v| {
            v.write(PATH, CONTENT.replace("NO-GO", "GO"));
            v.reseal();
        }),
        ("another beside it", |v| {
            v.write("artifacts/documents/more.json", "{}\n");
            v.reseal();
        }),
        ("none at all", |v| {
            std::fs::remove_file(v.dir.join(PATH)).expect("there");
            std::fs::remove_dir(v.dir.join("artifacts/documents")).expect("empty");
            v.reseal();
        }),
        ("named twice", |v| v.tell(|events| kept(events, PATH))),
        ("elsewhere", |v| v.tell(|events| kept(events, "artifacts/answers/soa.txt"))),
    ];
    for (what, defect) in defects {
        let victim = victim();
        defect(&victim);
        assert_eq!(victim.classes(), ["artifact.differs"], "{what}");
    }
}
