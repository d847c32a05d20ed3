use std::path::Path;

use super::*;

fn slug(word: &str) -> Slug {
    word.parse().expect("a word")
}

fn held(vip: &str, at_ms: u64, hosts: &[&str], silent: &[&str]) -> Holding {
    let slugs = |words: &[&str]| words.iter().map(|word| slug(word)).collect();
    Holding { vip: slug(vip), at_ms, hosts: slugs(hosts), silent: slugs(silent) }
}

/// A sample every 50 ms, lost from one time to another.
fn samples(length_ms: u64, lost: std::ops::Range<u64>) -> Vec<Sample> {
    let sample = |number: u64| {
        let good = !lost.contains(&(number * 50));
        let code = (!good).then(|| "port.timeout".to_owned());
        Sample {
            number,
            sent_ns: number * 50_000_000,
            late_ns: 0,
            took_ns: 900_000,
            good,
            code,
            detail: None,
        }
    };
    (0..length_ms / 50).map(sample).collect()
}

fn mark(at_ms: u64, kind: MarkKind, text: &str) -> Mark {
    Mark { at_ms, kind, text: text.to_owned() }
}

/// Both VIPs of the DNS pair, from `from` on at the other host.
fn moved(from: u64, seen: u64) -> Vec<Holding> {
    let mut all = Vec::new();
    for vip in ["dns", "dns-gateway"] {
        all.push(held(vip, 0, &["dns-edge-1"], &[]));
        if seen > from {
            all.push(held(vip, from, &[], &[]));
        }
        all.push(held(vip, seen, &["dns-edge-2"], &[]));
    }
    all
}

fn charts() -> [(&'static str, Chart); 3] {
    let vips = vec![slug("dns"), slug("dns-gateway")];
    let stop = "stop keepalived.service on dns-edge-1";
    let marks = vec![
        mark(2_000, MarkKind::Injection, stop),
        mark(2_100, MarkKind::Human, "conductor Ada: watches the holder move"),
        mark(9_000, MarkKind::Undo, stop),
    ];
    let no_gap = Chart {
        title: "the peer takes over when the holder stops".to_owned(),
        length_ms: 12_000,
        vips: vips.clone(),
        holdings: moved(2_200, 2_200),
        samples: Some(samples(12_000, 0..0)),
        probe_began_ms: 0,
        marks: marks.clone(),
    };
    let mut gap = Chart {
        title: "the holder is killed <b>& \"hung\"</b>".to_owned(),
        holdings: moved(2_200, 5_400),
        samples: Some(samples(12_000, 2_050..5_050)),
        ..no_gap.clone()
    };
    gap.holdings.push(held("dns-gateway", 8_000, &["dns-edge-2"], &["dns-edge-1"]));
    gap.holdings.push(held("dns", 8_000, &[], &["dns-edge-1", "dns-edge-2"]));
    gap.marks.push(mark(10_000, MarkKind::Timer, stop));
    let both = ["dns-edge-1", "dns-edge-2"];
    let split = Chart {
        title: "VRRP is cut between the pair".to_owned(),
        holdings: vec![
            held("dns", 0, &["dns-edge-1"], &[]),
            held("dns", 5_600, &both, &[]),
            held("dns", 9_400, &["dns-edge-1"], &[]),
            held("dns-gateway", 0, &["dns-edge-1"], &[]),
        ],
        samples: Some(samples(12_000, 5_600..6_000)),
        ..no_gap.clone()
    };
    [("no-gap", no_gap), ("gap", gap), ("split-brain", split)]
}

/// Tags are closed in the order in which they were opened, and every `&` begins an entity.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let body = svg.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
    for part in body.split('<').skip(1) {
        let (tag, words) = part.split_once('>').expect("a tag ends");
        assert!(!words.contains('>'), "{words}");
        for entity in words.split('&').skip(1) {
            let (name, _) = entity.split_once(';').expect("an entity ends");
            assert!(["lt", "gt", "amp", "quot", "#39"].contains(&name), "{name}");
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().expect("a name"));
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one way to ask a test to write")]
fn the_charts_are_those_that_were_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chart/seen");
    for (name, chart) in charts() {
        let svg = svg(&chart);
        let path = folder.join(format!("{name}.svg"));
        if std::env::var_os("FABRIC_WRITE_CHARTS").is_some() {
            std::fs::create_dir_all(&folder).expect("room");
            std::fs::write(&path, &svg).expect("room");
        }
        let seen = std::fs::read_to_string(&path).ok();
        assert_eq!(seen, Some(svg), "{name}: run with FABRIC_WRITE_CHARTS=1 and look at it");
    }
}

#[test]
fn a_chart_is_well_formed_whatever_its_texts_are_and_refers_to_nothing_outside() {
    for (_, mut chart) in charts() {
        chart.title = "</svg><script>alert('&amp;\u{202e}\u{0}\u{ffff}')</script>".to_owned();
        chart.marks.push(mark(1, MarkKind::Human, "\"/><image href='http://x/'/>"));
        let svg = svg(&chart);
        assert_well_formed(&svg);
        for tag in ["<script", "<image", "<a ", "<style", "<foreignObject", "<use"] {
            assert!(!svg.contains(tag), "{tag}");
        }
        assert!(!svg.contains("\" href") && !svg.contains("xlink"), "{svg}");
        assert!(!svg.contains('\u{202e}') && !svg.contains('\0') && !svg.contains('\u{ffff}'));
        assert_eq!(svg.matches("http").count(), 2, "the namespace, and a text");
    }
}

#[test]
fn two_owners_are_hatched_and_silent_ones_are_grey_and_neither_stands_for_the_other() {
    let drawn = |hosts: &[&str], silent: &[&str]| {
        let vips = vec![slug("dns")];
        let holdings = vec![held("dns", 0, hosts, silent)];
        let svg = svg(&Chart { length_ms: 1000, vips, holdings, ..Chart::default() });
        // The legend has one of each.
        (svg.matches("fill=\"url(#chart-two)\"").count() - 1, svg.matches("fill=\"#bdbdbd\"").count() - 1)
    };
    assert_eq!(drawn(&["a"], &[]), (0, 0));
    assert_eq!(drawn(&["a", "b"], &[]), (1, 0));
    assert_eq!(drawn(&["a"], &["b"]), (0, 1));
    assert_eq!(drawn(&[], &["a", "b"]), (0, 1));
    assert_eq!(drawn(&[], &[]), (0, 0));
}

#[test]
fn a_chart_of_nothing_is_a_picture_too() {
    assert_well_formed(&svg(&Chart::default()));
    let long = Chart { length_ms: u64::MAX, samples: Some(Vec::new()), ..Chart::default() };
    assert_well_formed(&svg(&long));
}
