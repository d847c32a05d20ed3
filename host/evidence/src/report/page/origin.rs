//! Where the packet comes from, and how a reader finds out whether that is true.

use fabric_model::Slug;

use super::{Body, facts, facts_list, table};
use crate::document;
use crate::event::Principal;
use crate::markup::Markup;
use crate::record::RunRecord;

/// What the script put into the packet, beside its records.
pub(super) fn documents(body: &mut Body, run: &RunRecord) {
    if run.documents.is_empty() {
        return;
    }
    body.section("documents", "Documents", |section| {
        section.within("p", &[], |line| {
            line.text("What the script wrote lies in ");
            line.element("code", &[], document::FOLDER);
            line.text(", listed in the manifest as every other file.");
        });
        table(section, "Documents of the packet", &["Document", "Media type", "SHA-256"], |rows| {
            for kept in &run.documents {
                let (name, media_type) = document::told(&kept.artifact);
                rows.within("tr", &[], |row| {
                    row.element("th", &[("scope", "row")], name);
                    row.element("td", &[], media_type);
                    row.within("td", &[], |cell| cell.element("code", &[], &kept.digest.to_string()));
                });
            }
        });
    });
}

/// Who ran what, where and when.
pub(super) fn run(body: &mut Body, run: &RunRecord) {
    let head = &run.head;
    body.section("run", "The run", |section| {
        facts_list(section, |list| {
            list.code("Run", head.run_id.as_str());
            list.row("Site", &format!("{} ({})", head.site.name, head.site.realm.as_str()));
            list.row("Mode", &format!("{}, {}", head.mode.as_str(), head.act.as_str()));
            let script = &head.script;
            list.row("Script", &format!("{} ({}, reach {})", script.path, script.kind, script.reach));
            list.row("Started", &head.started.to_string());
            let took = facts::duration(run.ended.millis_since(head.started));
            list.row("Ended", &format!("{} ({took})", run.ended));
            list.row("Machine", &format!("{} as {}", head.host.hostname, head.host.user));
            list.row("Boundary", &head.boundary);
            list.row("fabric", &head.version);
            for (name, value) in &head.params {
                list.code(&format!("Parameter {name}"), &facts::shown(value));
            }
            if let Some(link) = &run.plan_made_in {
                list.code("Plan made in", link.run_id.as_str());
            }
            if let Some(link) = &head.recovered_from {
                list.code("Follows the recovery of", link.run_id.as_str());
            }
        });
        section.element("h3", &[], "Digests (SHA-256)");
        facts_list(section, |list| {
            list.code("Script", &head.script.digest.to_string());
            for module in &head.modules {
                list.code(&format!("Module {}", module.path), &module.digest.to_string());
            }
            list.code("Site", &head.site.digest.to_string());
            list.code("Policy", &head.policy.to_string());
            list.code("Trust", &head.trust.to_string());
            for (name, digest) in [("Recording", head.recording), ("Plan", run.plan)] {
                if let Some(digest) = digest {
                    list.code(name, &digest.to_string());
                }
            }
            for (name, link) in
                [("Plan's packet", &run.plan_made_in), ("Recovered packet", &head.recovered_from)]
            {
                if let Some(link) = link {
                    list.code(name, &link.manifest.to_string());
                }
            }
        });
    });
}

/// Who says that he sealed it, and the commands that show whether he did.
pub(super) fn signatures(body: &mut Body, run: &RunRecord) {
    let recovery = run.recovery.as_ref();
    let sealer = recovery.map_or(&run.head.principal, |recovery| &recovery.by);
    let intent = if recovery.is_some() { "recover" } else { "seal" };
    body.section("signatures", "Signatures and how to verify them", |section| {
        section.element("p", &[], "Signatures lie beside this page, over the manifest that lists it. By its own account the packet was sealed by:");
        facts_list(section, |list| {
            list.code("Certificate", sealer.fingerprint.as_str());
            list.row("Roles", &roles(sealer));
            list.row("Intent", intent);
            list.code("Signature", &format!("signatures/{}.asc", sealer.fingerprint));
        });
        section.element("p", &[], "Whoever countersigned did so after this page was sealed, so it cannot name him: any further file in signatures/ is that of another signer. fabric evidence show names each, and says whose signatures your trust file demands and does not find. Beside the packet's folder, with tools of your own:");
        let id = &run.head.run_id;
        commands(
            section,
            &[
                format!("cd {id}"),
                "sha256sum -c --strict manifest.sha256".to_owned(),
                format!(
                    "gpg --verify --verify-options show-notations signatures/{}.asc manifest.sha256",
                    sealer.fingerprint
                ),
            ],
        );
        section.element("p", &[], "That shows that the listed files are the signed ones. That no file was added, that the signer is one whom you trust in his role, and that this page and the records follow from the journal, is shown with a trust file of your own by:");
        commands(section, &[format!("fabric-verify {id} --trust trust.toml")]);
    });
}

fn roles(principal: &Principal) -> String {
    match principal.roles.as_slice() {
        [] => "none".to_owned(),
        roles => facts::joined(roles.iter().map(Slug::as_str)),
    }
}

/// A line for each.
fn commands(section: &mut Markup, lines: &[String]) {
    section.within("ol", &[("class", "commands")], |list| {
        for line in lines {
            list.within("li", &[], |item| item.element("code", &[], line));
        }
    });
}
