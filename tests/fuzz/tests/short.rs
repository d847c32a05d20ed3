//! What a long run does for hours, for a few seconds.

use std::collections::BTreeSet;
use std::path::Path;

use fabric_fuzz::seeds;
use fabric_fuzz::short::replay;
use fabric_fuzz::target::{TARGETS, Target, find};

#[test]
fn no_seed_and_no_mutation_of_one_is_a_finding() {
    for target in TARGETS {
        let seeds = seeds::of(target.name).expect("a folder of seeds");
        let inputs = replay(target, &seeds).expect("no finding");
        assert_eq!(inputs as usize, seeds.len() + target.mutations as usize);
    }
}

#[test]
fn every_target_has_seeds_and_all_seeds_have_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folders: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, TARGETS.iter().map(|target| target.name.to_owned()).collect());
    for target in TARGETS {
        let seeds = seeds::of(target.name).expect("a folder of seeds");
        assert!(seeds.len() >= 2, "{}", target.name);
        assert!(seeds.iter().all(|(_, seed)| seed.len() <= 8 << 10), "{}", target.name);
    }
    assert!(TARGETS.is_sorted_by_key(|target| target.name));
    assert!(find("dns").is_some() && find("nothing").is_none());
}

#[test]
fn a_planted_defect_of_a_reader_is_found_with_its_input() {
    // A reader that believes what stands in front of a length.
    fn trusting(bytes: &[u8]) {
        let Some((length, rest)) = bytes.split_first() else { return };
        assert!(rest.len() >= usize::from(*length) || *length < 0xf0, "read over the end");
    }
    let planted = Target { name: "planted", run: trusting, mutations: 20_000 };
    let finding = replay(&planted, &[("good".to_owned(), b"\x03abc".to_vec())]).expect_err("planted");
    assert_eq!(finding.target, "planted");
    assert!(finding.origin.starts_with("good, mutation "), "{}", finding.origin);
    assert!(finding.input.first().is_some_and(|length| *length >= 0xf0), "{:?}", finding.input);
}

#[test]
fn mutations_are_the_same_in_every_run() {
    use fabric_fuzz::mutation::{Dice, mutate};
    let mutant = |number| mutate(b"a seed of some length", b"another", &mut Dice::new(number));
    assert_eq!(mutant(7), mutant(7));
    let all: BTreeSet<Vec<u8>> = (0..200).map(mutant).collect();
    assert!(all.len() > 150, "{}", all.len());
}
