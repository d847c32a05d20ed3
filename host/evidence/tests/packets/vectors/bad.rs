//! Defects, one per vector. Where the manifest is signed again, the defect is one that the holder of the key could have made.

use std::fs;
use std::time::Duration;

use fabric_evidence::{Event, plan};
use fabric_model::Digest;
use fabric_model::change::Undone;

use crate::changing::SAMPLES;
use crate::sample::new_signer;
use crate::victim::Victim;

/// Plants one defect.
pub(super) type Defect = fn(&Victim);

/// Class and name of each vector, and its defect.
pub(super) type Defects = &'static [(&'static str, &'static str, Defect)];

/// Defects of a packet that only observed.
pub(super) const OF_AN_OBSERVATION: Defects = &[
    ("manifest.empty", "signed", |v| signed(v, |_| String::new())),
    ("manifest.line_end", "crlf", |v| signed(v, |m| m.replace('\n', "\r\n"))),
    ("manifest.line_end", "none", |v| signed(v, |m| m.trim_end().to_owned())),
    ("manifest.line_form", "binary_mark", |v| signed(v, |m| m.replace("  run", " *run"))),
    ("manifest.absolute_path", "etc", |v| signed(v, |m| m.replace("artifacts/", "/etc/"))),
    ("manifest.leaving_path", "dots", |v| signed(v, |m| m.replace("artifacts/", "artifacts/../../"))),
    ("manifest.path_form", "dot_slash", |v| signed(v, |m| m.replace("artifacts/", "./artifacts/"))),
    ("manifest.duplicate", "line", |v| signed(v, |m| m.lines().map(|l| format!("{l}\n{l}\n")).collect())),
    ("manifest.order", "reversed", |v| signed(v, |m| m.lines().rev().map(|l| format!("{l}\n")).collect())),
    ("manifest.case_twin", "run", |v| {
        signed(v, |m| format!("{m}{}\n", m.lines().last().expect("a line").replace("run", "RUN")));
    }),
    ("manifest.incomplete", "report", |v| {
        signed(v, |m| m.lines().filter(|l| !l.ends_with("report.md")).map(|l| format!("{l}\n")).collect());
    }),
    ("manifest.incomplete", "page", |v| {
        signed(v, |m| m.lines().filter(|l| !l.ends_with("report.html")).map(|l| format!("{l}\n")).collect());
    }),
    ("manifest.unknown_file", "sums", |v| signed(v, |m| m.replace("run.json", "sums.txt"))),
    ("file.unlisted", "note", |v| v.write("note.txt", "x")),
    ("file.unlisted", "signature_of_no_one", |v| v.write("signatures/key.asc", "x")),
    ("file.digest", "artifact", |v| v.write("artifacts/answers/soa.txt", "another\n")),
    ("file.case_twin", "run", |v| v.write("RUN.json", "{}\n")),
    ("journal.chain", "changed_line", |v| {
        change(v, "journal.jsonl", |j| j.replace("dns.query", "dns.quiet"))
    }),
    ("journal.chain", "torn", |v| change(v, "journal.jsonl", |j| j.trim_end().to_owned())),
    ("journal.story", "empty", |v| change(v, "journal.jsonl", |_| String::new())),
    ("run.differs", "no_failures", |v| change(v, "run.json", |r| r.replace("\"fail\":1", "\"fail\":0"))),
    ("run.differs", "cut_journal", |v| {
        change(v, "journal.jsonl", |j| j.split_inclusive('\n').take(8).collect());
    }),
    ("checks.differ", "passed", |v| change(v, "checks.json", |c| c.replace("\"fail\"", "\"pass\""))),
    ("report.differs", "passed", |v| change(v, "report.md", |r| r.replace("**FAIL**", "pass"))),
    ("report.differs", "page_without_failures", |v| {
        change(v, "report.html", |page| page.replace("1 failed", "1 passed"));
    }),
    ("report.differs", "page_with_a_script", |v| {
        change(v, "report.html", |page| page.replace("</main>", "<script>alert(1)</script></main>"));
    }),
    ("record.json", "key_twice", |v| change(v, "run.json", |r| r.replacen('{', "{\"code\":0,", 1))),
    ("record.form", "space", |v| change(v, "run.json", |r| r.replacen('{', "{ ", 1))),
    ("record.shape", "unknown_field", |v| change(v, "run.json", |r| r.replace("}\n", ",\"zzz\":1}\n"))),
    ("record.format", "two", |v| change(v, "run.json", |r| r.replace("\"format\":1", "\"format\":2"))),
    ("signature.role", "policy_admin", |v| v.sign_as(&v.bench.signer, "policy-admin")),
    ("signature.unknown_signer", "second", |v| v.sign_as(&new_signer(), "site-dev")),
    ("signature.bad", "other_packet", |v| {
        let other = v.bench.seal("run-2");
        fs::write(&v.signature, fs::read(other.signature).expect("there")).expect("room");
    }),
    ("signature.spelling", "comment", |v| {
        let text = fs::read_to_string(&v.signature).expect("text");
        fs::write(&v.signature, text.replacen("\n\n", "\nComment: good\n\n", 1)).expect("room");
    }),
    ("signature.form", "text", |v| fs::write(&v.signature, "good\n").expect("room")),
    ("manifest.line_form", "upper_case_digest", |v| {
        signed(v, |m| {
            m.split_inclusive('\n')
                .map(|l| l.get(..64).unwrap_or_default().to_uppercase() + l.get(64..).unwrap_or_default())
                .collect()
        });
    }),
    ("manifest.line_form", "one_space", |v| signed(v, |m| m.replacen("  ", " ", 1))),
    ("manifest.line_form", "tab", |v| signed(v, |m| m.replacen("  ", "\t", 1))),
    ("manifest.line_form", "empty_line", |v| signed(v, |m| m.replacen('\n', "\n\n", 1))),
    ("manifest.line_form", "comment", |v| signed(v, |m| format!("# sums\n{m}"))),
    ("manifest.path_form", "space_at_the_end", |v| signed(v, |m| m.replace("run.json", "run.json "))),
    ("manifest.path_form", "composed_letter", |v| {
        signed(v, |m| m.replace("artifacts/", "artifacts/\u{e9}/"))
    }),
    ("manifest.path_form", "decomposed_letter", |v| {
        signed(v, |m| m.replace("artifacts/", "artifacts/e\u{301}/"))
    }),
    ("manifest.path_form", "backslash", |v| {
        signed(v, |m| m.replace("artifacts/answers/", "artifacts\\answers/"))
    }),
    ("manifest.path_form", "double_slash", |v| signed(v, |m| m.replace("artifacts/", "artifacts//"))),
    ("manifest.leaving_path", "at_the_end", |v| signed(v, |m| m.replace("soa.txt", "soa.txt/.."))),
    ("manifest.order", "two_swapped", |v| {
        signed(v, |m| {
            let mut lines: Vec<&str> = m.split_inclusive('\n').collect();
            lines.swap(1, 2);
            lines.concat()
        });
    }),
    ("manifest.unknown_file", "signature", |v| signed(v, |m| m.replace("run.json", "signatures/run.json"))),
    ("manifest.incomplete", "journal", |v| {
        signed(v, |m| {
            m.lines().filter(|l| !l.ends_with("journal.jsonl")).map(|l| format!("{l}\n")).collect()
        });
    }),
    ("file.missing", "artifact", |v| remove(v, "artifacts/answers/soa.txt")),
    ("file.missing", "checks", |v| remove(v, "checks.json")),
    ("file.missing", "journal", |v| remove(v, "journal.jsonl")),
    ("file.missing", "manifest", |v| remove(v, "manifest.sha256")),
    ("file.unlisted", "artifact", |v| v.write("artifacts/more.txt", "x")),
    ("file.unlisted", "hidden", |v| v.write(".hidden", "x")),
    ("file.unlisted", "second_manifest_signature", |v| v.write("manifest.sha256.asc", "x")),
    ("file.digest", "report", |v| v.write("report.md", v.read("report.md").replace("FAIL", "pass"))),
    ("file.digest", "emptied", |v| v.write("checks.json", "")),
    ("file.too_large", "signature", |v| fs::write(&v.signature, "a".repeat(17 << 10)).expect("room")),
    ("journal.chain", "two_lines_swapped", |v| {
        change(v, "journal.jsonl", |j| {
            let mut lines: Vec<&str> = j.split_inclusive('\n').collect();
            lines.swap(2, 3);
            lines.concat()
        });
    }),
    ("journal.chain", "line_missing", |v| {
        change(v, "journal.jsonl", |j| {
            j.split_inclusive('\n').enumerate().filter(|(n, _)| *n != 3).map(|(_, l)| l).collect()
        });
    }),
    ("journal.chain", "line_twice", |v| {
        change(v, "journal.jsonl", |j| {
            j.split_inclusive('\n')
                .enumerate()
                .flat_map(|(n, l)| if n == 3 { vec![l, l] } else { vec![l] })
                .collect()
        });
    }),
    ("journal.chain", "not_canonical", |v| change(v, "journal.jsonl", |j| j.replacen("\",\"", "\", \"", 1))),
    ("journal.story", "no_beginning", |v| v.retell(|events| without(events, "run_started"))),
    ("journal.story", "two_beginnings", |v| v.retell(|events| twice(events, "run_started"))),
    ("run.differs", "exit", |v| {
        change(v, "run.json", |r| r.replace("\"exit\":\"denied\"", "\"exit\":\"done\""))
    }),
    ("run.differs", "denial_left_out", |v| {
        v.retell(|events| without(events, "call_denied"));
    }),
    ("checks.differ", "check_left_out", |v| v.retell(|events| without(events, "check_ended"))),
    ("record.json", "cut_off", |v| {
        change(v, "checks.json", |c| c.get(..c.len() / 2).unwrap_or_default().to_owned() + "\n")
    }),
    ("record.form", "no_line_end", |v| change(v, "checks.json", |c| c.trim_end().to_owned())),
    ("record.form", "escaped_letter", |v| {
        change(v, "run.json", |r| r.replace("\"observe\"", "\"\\u006fbserve\""))
    }),
    ("record.shape", "missing_field", |v| change(v, "run.json", |r| r.replacen("\"code\":6,", "", 1))),
    ("record.shape", "text_for_a_number", |v| {
        change(v, "run.json", |r| r.replacen("\"code\":6,", "\"code\":\"6\",", 1))
    }),
    ("signature.missing", "folder", |v| fs::remove_file(&v.signature).expect("there")),
    ("signature.file_name", "of_nobody", |v| rename(v, &"0".repeat(40))),
    ("signature.intent", "countersigned_instead_of_sealed", |v| sign(v, "site-dev", "countersign")),
    ("signature.intent", "recovered_instead_of_sealed", |v| sign(v, "site-dev", "recover")),
    ("signature.intent", "approval", |v| sign(v, "site-dev", "approve")),
    ("signature.spelling", "twice", |v| {
        let text = fs::read_to_string(&v.signature).expect("text");
        fs::write(&v.signature, text.repeat(2)).expect("room");
    }),
    ("signature.spelling", "no_checksum", |v| {
        let text = fs::read_to_string(&v.signature).expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('=')).map(|line| format!("{line}\n"));
        fs::write(&v.signature, lines.collect::<String>()).expect("room");
    }),
    ("signature.spelling", "crlf", |v| {
        let text = fs::read_to_string(&v.signature).expect("text");
        fs::write(&v.signature, text.replace('\n', "\r\n")).expect("room");
    }),
    ("sidecar.stray", "query", |v| v.write(&format!("signatures/{}.asc.tsq", "0".repeat(40)), "x")),
    ("sidecar.stray", "timestamp", |v| v.write(&format!("signatures/{}.asc.tsr", "0".repeat(40)), "x")),
];

/// Defects of the packet of a dry run.
pub(super) const OF_A_PLAN: Defects = &[
    ("plan.differs", "another", |v| change(v, plan::PATH, |p| p.replace("keepalived", "haproxy"))),
    ("plan.differs", "line_end", |v| change(v, plan::PATH, |p| format!("{p}\n"))),
    ("plan.differs", "of_another_policy", |v| {
        let mut other = plan::read(v.read(plan::PATH).as_bytes()).expect("a plan");
        other.policy = Digest::of(b"another policy");
        let bytes = plan::to_bytes(&other).expect("finite");
        v.write(plan::PATH, &bytes);
        v.retell(|events| {
            each(events, |event| {
                if let Event::PlanMade { plan, .. } = event {
                    *plan = Digest::of(&bytes);
                }
            })
        });
    }),
    ("plan.differs", "number_of_changes", |v| {
        v.retell(|events| {
            each(events, |event| {
                if let Event::PlanMade { changes, .. } = event {
                    *changes = 2;
                }
            })
        });
    }),
    ("journal.story", "guards_in_a_plan", |v| {
        let met = Event::GuardsMet { rules: Vec::new(), reason: None, window: None, proof: None };
        v.retell(|events| behind(events, "scope_begun", met.clone()));
    }),
    ("journal.story", "two_plans", |v| v.retell(|events| twice(events, "plan_made"))),
    ("run.differs", "planned_nothing", |v| {
        change(v, "run.json", |r| r.replace("stop keepalived", "look at keepalived"))
    }),
];

/// Defects of the packet of a GameDay.
pub(super) const OF_A_GAMEDAY: Defects = &[
    ("journal.story", "change_before_guards", |v| v.retell(|events| without(events, "guards_met"))),
    ("journal.story", "change_in_no_scope", |v| v.retell(|events| without(events, "scope_begun"))),
    ("journal.story", "change_intended_twice", |v| v.retell(|events| twice(events, "change_intended"))),
    ("journal.story", "change_after_the_scope", |v| {
        v.retell(|events| {
            let ending = events.iter().find(|event| kind(event) == "scope_ending").expect("there").clone();
            behind(without(events, "scope_ending"), "guards_met", ending)
        });
    }),
    ("journal.story", "change_never_intended", |v| v.retell(|events| without(events, "change_intended"))),
    ("journal.story", "change_of_another_run", |v| {
        v.retell(|events| {
            each(events, |event| {
                if let Event::ChangeIntended { intent, .. } = event {
                    intent.run_id = "other".parse().expect("a word");
                }
            })
        });
    }),
    ("journal.story", "undo_of_another_run", |v| {
        v.retell(|events| {
            each(events, |event| {
                if let Event::UndoBegun { run_id, .. } = event {
                    *run_id = "other".parse().expect("a word");
                }
            })
        });
    }),
    ("journal.story", "undo_never_begun", |v| v.retell(|events| without(events, "undo_begun"))),
    ("journal.story", "applied_while_taken_back", |v| {
        let applied = Event::ChangeApplied { change: 0, effect: "done".to_owned(), fault: None };
        v.retell(|events| behind(events, "undo_begun", applied.clone()));
    }),
    ("journal.story", "restored_and_is_not", |v| {
        v.retell(|events| without(without(events, "undo_begun"), "undo_ended"));
    }),
    ("journal.story", "committed_gameday", |v| {
        v.retell(|events| behind(events, "change_confirmed", Event::Committed { changes: 1 }));
    }),
    ("journal.story", "plan_in_an_execution", |v| {
        let made = Event::PlanMade { plan: Digest::of(b""), changes: 0 };
        v.retell(|events| behind(events, "scope_begun", made.clone()));
    }),
    ("run.differs", "verdict", |v| {
        change(v, "run.json", |r| r.replace("\"restoration\":\"restored\"", "\"restoration\":\"nothing\""));
    }),
    ("run.differs", "not_restored", |v| {
        v.retell(|events| {
            each(events, |event| match event {
                Event::UndoEnded { undone, .. } => *undone = Undone::Conflict,
                Event::ScopeEnded { restored, .. } => *restored = false,
                _ => {}
            })
        });
    }),
    ("run.differs", "empty_list_spelled_out", |v| {
        change(v, "run.json", |r| r.replace(",\"verdicts\":", ",\"undone\":[],\"verdicts\":"));
    }),
    ("report.differs", "chart_without_a_gap", |v| {
        change(v, "report.html", |page| page.replace("url(#chart-0-lost)", "#9ccc9c"));
    }),
    ("artifact.differs", "sample", |v| change(v, SAMPLES, |s| s.replace("no answer", "an answer"))),
    ("artifact.differs", "shorter_gap", |v| {
        v.retell(|events| {
            each(events, |event| {
                if let Event::ProbeEnded { gap_ms, .. } = event {
                    *gap_ms = 200;
                }
            })
        });
    }),
    ("artifact.differs", "fewer_lost", |v| {
        v.retell(|events| {
            each(events, |event| {
                if let Event::ProbeEnded { lost, .. } = event {
                    *lost = 0;
                }
            })
        });
    }),
];

const CHECKLIST: &str = "artifacts/documents/checklist.json";

/// Defects of a packet in which a script put documents.
pub(super) const OF_DOCUMENTS: Defects = &[
    ("artifact.differs", "another_content", |v| change(v, CHECKLIST, |text| text.replace("NO-GO", "GO"))),
    ("artifact.differs", "one_more", |v| {
        v.write("artifacts/documents/more.json", "{}\n");
        v.reseal();
    }),
    ("artifact.differs", "never_told", |v| v.tell(|events| without(events, "document_kept"))),
    ("artifact.differs", "told_twice", |v| v.tell(|events| twice(events, "document_kept"))),
    ("artifact.differs", "elsewhere", |v| {
        v.tell(|events| {
            each(events, |event| {
                if let Event::DocumentKept { artifact, .. } = event {
                    *artifact = artifact.replace("documents/", "papers/");
                }
            })
        });
    }),
    ("file.missing", "document", |v| remove(v, CHECKLIST)),
    ("run.differs", "document_left_out", |v| v.retell(|events| without(events, "document_kept"))),
    ("run.differs", "another_digest", |v| {
        change(v, "run.json", |run| {
            let (before, after) = run.split_once("\"digest\":\"").expect("one");
            format!("{before}\"digest\":\"{}{}", "0".repeat(8), &after[8..])
        });
    }),
    ("report.differs", "document_left_out", |v| {
        change(v, "report.md", |report| {
            report
                .lines()
                .filter(|line| !line.contains("checklist"))
                .map(|line| format!("{line}\n"))
                .collect()
        });
    }),
    ("report.differs", "another_media_type", |v| {
        change(v, "report.html", |page| page.replace("application/json", "text/plain"));
    }),
];

/// The word for an event.
fn kind(event: &Event) -> String {
    let json = serde_json::to_value(event).expect("plain data");
    json.get("kind").and_then(serde_json::Value::as_str).expect("a word").to_owned()
}

fn without(mut events: Vec<Event>, word: &str) -> Vec<Event> {
    events.retain(|event| kind(event) != word);
    events
}

fn behind(mut events: Vec<Event>, word: &str, event: Event) -> Vec<Event> {
    let at = events.iter().position(|event| kind(event) == word).expect("there");
    events.insert(at + 1, event);
    events
}

fn twice(events: Vec<Event>, word: &str) -> Vec<Event> {
    let event = events.iter().find(|event| kind(event) == word).expect("there").clone();
    behind(events, word, event)
}

fn each(mut events: Vec<Event>, change: impl Fn(&mut Event)) -> Vec<Event> {
    events.iter_mut().for_each(change);
    events
}

/// Changes the manifest and signs it again.
fn signed(victim: &Victim, change: fn(&str) -> String) {
    victim.write("manifest.sha256", change(&victim.read("manifest.sha256")));
    victim.resign();
}

/// Changes a file, lists it anew and signs again.
fn change(victim: &Victim, name: &str, change: fn(&str) -> String) {
    victim.write(name, change(&victim.read(name)));
    victim.reseal();
}

fn remove(victim: &Victim, name: &str) {
    fs::remove_file(victim.dir.join(name)).expect("there");
}

fn rename(victim: &Victim, name: &str) {
    fs::rename(&victim.signature, victim.dir.join(format!("signatures/{name}.asc"))).expect("there");
}

/// Signs the manifest as the sealer, as something else.
fn sign(victim: &Victim, role: &str, intent: &str) {
    let manifest = fs::read(victim.dir.join("manifest.sha256")).expect("there");
    let at = crate::sample::start() + Duration::from_secs(9);
    let armored = victim.bench.signer.sign(&manifest, role, intent, at).expect("usable");
    fs::write(&victim.signature, armored).expect("room");
}
