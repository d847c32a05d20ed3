//! What was planned, let through, made, watched and taken back, and what is left.

use std::collections::BTreeMap;

use super::{Body, Tone, badge, facts, facts_list, fault, table};
use crate::chart;
use crate::event::Act;
use crate::markup::Markup;
use crate::probe::Sample;
use crate::record::{ChangeRecord, GuardsRecord, ProbeRecord, RunRecord, ScopeRecord};

/// The sections; nothing for a run that only observes.
pub(super) fn render(body: &mut Body, run: &RunRecord, samples: &BTreeMap<String, Vec<Sample>>) {
    scopes(body, run, samples);
    timeline(body, run);
    planned(body, run);
    changes(body, run);
    recovered(body, run);
    guards(body, run);
}

/// What is not as it was before, ahead of everything but the verdict.
pub(super) fn left(body: &mut Body, run: &RunRecord) {
    let unsettled: Vec<&ChangeRecord> = run.changes.iter().filter(|change| !change.is_settled()).collect();
    if unsettled.is_empty() {
        return;
    }
    body.section("left", "What is left", |section| {
        section.within("ul", &[], |list| {
            for change in unsettled {
                list.within("li", &[], |item| {
                    let (number, end) = (change.change, facts::end(change));
                    item.element("strong", &[], &format!("Change {number}, {}: {end}.", change.summary));
                    if let Some(why) = change.undone.as_ref().and_then(|undone| undone.fault.as_ref()) {
                        item.text(" ");
                        fault(item, why);
                    }
                    item.text(" ");
                    item.text(&facts::heals(change.heals));
                });
            }
        });
    });
}

fn scopes(body: &mut Body, run: &RunRecord, samples: &BTreeMap<String, Vec<Sample>>) {
    if run.scopes.is_empty() || run.head.act == Act::Plan {
        return;
    }
    body.section("scopes", "What was watched", |section| {
        for (n, scope) in run.scopes.iter().enumerate() {
            one(section, run, scope, samples, &format!("chart-{n}"));
        }
    });
}

fn one(
    section: &mut Markup,
    run: &RunRecord,
    scope: &ScopeRecord,
    samples: &BTreeMap<String, Vec<Sample>>,
    id: &str,
) {
    let probes: Vec<&ProbeRecord> = run.probes.iter().filter(|probe| probe.scope == scope.scope).collect();
    section.within("article", &[], |article| {
        article.element("h3", &[], &scope.title);
        let (restored, is_grave) = facts::restored(scope);
        article.within("p", &[], |line| {
            line.text(&format!("It {}; ", facts::how(scope)));
            badge(line, Tone::of_grave(is_grave), &restored);
        });
        let probed = probes.iter().find_map(|probe| Some((*probe, samples.get(&probe.artifact)?.as_slice())));
        if let Some(drawn) = crate::report::chart::of(run, scope, probed) {
            article.within("figure", &[], |figure| {
                figure.ours(&chart::figure(&drawn, id));
                figure.element("figcaption", &[], "Who held each VIP, how the probe was answered, and what was done when. The timeline below says the same in words.");
            });
        }
        for probe in probes {
            facts_list(article, |list| {
                list.code("Probe", &format!("{} {}", probe.primitive, probe.resources.join(", ")));
                list.row("Samples", &format!("{}, every {} ms", probe.sent, probe.every_ms));
                list.row("Lost", &probe.lost.to_string());
                list.row("Longest gap", &facts::duration(probe.gap_ms));
                list.code("Every sample", &probe.artifact);
            });
        }
    });
}

fn timeline(body: &mut Body, run: &RunRecord) {
    let moments = facts::timeline(run);
    if moments.is_empty() {
        return;
    }
    body.section("timeline", "Timeline", |section| {
        table(
            section,
            "What was done and seen, in the order of time",
            &["Time", "After the start", "What"],
            |rows| {
                for moment in moments {
                    rows.within("tr", &[], |row| {
                        let at = moment.at.to_string();
                        row.within("td", &[("class", "number")], |cell| {
                            cell.element("time", &[("datetime", &at)], &at)
                        });
                        let after = facts::duration(moment.at.millis_since(run.head.started));
                        row.element("td", &[("class", "number")], &after);
                        match moment.is_grave {
                            true => row.within("td", &[], |cell| badge(cell, Tone::Bad, &moment.what)),
                            false => row.element("td", &[], &moment.what),
                        }
                    });
                }
            },
        );
    });
}

fn planned(body: &mut Body, run: &RunRecord) {
    if run.head.act != Act::Plan {
        return;
    }
    body.section("plan", "Plan", |section| {
        match run.plan {
            Some(digest) => section.within("p", &[], |line| {
                line.text(&format!("{} planned, digest ", facts::counted(run.planned.len(), "change")));
                line.element("code", &[], &digest.to_string());
                line.text(". Nothing was changed.");
            }),
            None => section.element("p", &[], "There is no plan: the dry run did not come to its end."),
        }
        if run.planned.is_empty() {
            return;
        }
        let heads = ["Number", "Change", "If the host never comes back"];
        table(section, "What would be changed", &heads, |rows| {
            for change in &run.planned {
                rows.within("tr", &[], |row| {
                    row.element("td", &[("class", "number")], &change.change.to_string());
                    row.element("th", &[("scope", "row")], &change.summary);
                    row.element("td", &[], &facts::heals(change.heals));
                });
            }
        });
    });
}

fn changes(body: &mut Body, run: &RunRecord) {
    if run.changes.is_empty() {
        return;
    }
    body.section("changes", "Changes", |section| {
        let heads = ["Number", "Change", "Targets", "Made", "Taken back", "If the host had not come back"];
        table(section, "What was changed, and how it was taken back", &heads, |rows| {
            for change in &run.changes {
                rows.within("tr", &[], |row| {
                    row.element("td", &[("class", "number")], &change.change.to_string());
                    row.element("th", &[("scope", "row")], &change.summary);
                    row.element("td", &[], &change.targets.join(", "));
                    let (made, is_grave) = facts::made(change);
                    row.within("td", &[], |cell| badge(cell, Tone::of_grave(is_grave), &made));
                    let tone = Tone::of_grave(!change.is_settled());
                    row.within("td", &[], |cell| badge(cell, tone, facts::end(change)));
                    row.element("td", &[], &facts::heals(change.heals));
                });
            }
        });
    });
}

fn recovered(body: &mut Body, run: &RunRecord) {
    if run.undone.is_empty() {
        return;
    }
    body.section("recovered", "Taken back for another run", |section| {
        table(section, "Changes of another run", &["Run", "Number", "How", "Why not"], |rows| {
            for undone in &run.undone {
                rows.within("tr", &[], |row| {
                    row.element("th", &[("scope", "row")], undone.run_id.as_str());
                    row.element("td", &[("class", "number")], &undone.change.to_string());
                    row.element("td", &[], facts::taken_back(undone));
                    row.within("td", &[], |cell| {
                        if let Some(why) = &undone.fault {
                            fault(cell, why);
                        }
                    });
                });
            }
        });
    });
}

fn guards(body: &mut Body, run: &RunRecord) {
    if run.guards.is_none() && run.refusals.is_empty() {
        return;
    }
    body.section("guards", "Guards", |section| {
        if let Some(guards) = &run.guards {
            met(section, guards);
        }
        if run.refusals.is_empty() {
            return;
        }
        section.element("h3", &[], "Refused");
        section.within("ul", &[], |list| {
            for refusal in &run.refusals {
                list.within("li", &[], |item| {
                    item.text(&format!("{}: ", refusal.at));
                    fault(item, &refusal.fault);
                });
            }
        });
    });
}

fn met(section: &mut Markup, guards: &GuardsRecord) {
    facts_list(section, |list| {
        list.row("Met at", &guards.at.to_string());
        for rule in &guards.rules {
            list.row("Rule", &format!("{} line {}", rule.file, rule.line));
        }
        if let Some(reason) = &guards.reason {
            list.row("Reason", reason);
        }
        if let Some(window) = &guards.window {
            list.row("Window", &format!("{} to {}", window.start, window.end));
        }
        for principal in &guards.approvals {
            let roles = facts::joined(principal.roles.iter().map(fabric_model::Slug::as_str));
            list.cell("Approved by", |cell| {
                cell.element("code", &[], principal.fingerprint.as_str());
                cell.text(&format!(" as {roles}"));
            });
        }
    });
}
