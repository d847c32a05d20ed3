//! What stands around the sections.

use fabric_model::Digest;

use super::{Body, verdict};
use crate::markup::Markup;
use crate::record::RunRecord;

const STYLE: &str = include_str!("style.css");

pub(super) fn render(run: &RunRecord, body: Body) -> String {
    let mut page = Markup::default();
    page.ours("<!DOCTYPE html>\n");
    page.within("html", &[("lang", "en")], |html| {
        html.within("head", &[], |head| {
            head.void("meta", &[("charset", "utf-8")]);
            head.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy())]);
            head.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            head.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
            head.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            head.element("title", &[], &title(run));
            head.ours("\n<style>");
            head.ours(STYLE);
            head.ours("</style>\n");
        });
        html.within("body", &[], |page| {
            page.element("a", &[("class", "skip"), ("href", "#verdict")], "Skip to the verdict");
            header(page, run);
            contents(page, &body.contents);
            page.within("main", &[], |main| main.ours(&body.markup.finish()));
            footer(page, run);
        });
    });
    page.finish()
}

/// Nothing is loaded, run, embedded or sent, and nothing styles the page but the sheet of this digest.
fn policy() -> String {
    let digest = base64(Digest::of(STYLE.as_bytes()).bytes());
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn title(run: &RunRecord) -> String {
    format!("{}: {} ({})", verdict::headline(run), run.head.script.title, verdict::realm(run))
}

fn header(page: &mut Markup, run: &RunRecord) {
    let head = &run.head;
    page.within("header", &[], |header| {
        header.element(
            "p",
            &[("class", "kind")],
            &format!("fabric evidence report \u{b7} {}", head.script.kind),
        );
        header.element("h1", &[], &head.script.title);
        header.within("p", &[("class", "under")], |line| {
            line.text(&format!("Site {} ({}), ", head.site.name, verdict::realm(run)));
            line.element("time", &[("datetime", &head.started.to_string())], &head.started.to_string());
            line.text(", run ");
            line.element("code", &[], head.run_id.as_str());
        });
    });
}

fn contents(page: &mut Markup, contents: &[(&str, &str)]) {
    page.within("nav", &[("aria-label", "Sections")], |nav| {
        nav.within("ul", &[], |list| {
            for (id, title) in contents {
                list.within("li", &[], |item| item.element("a", &[("href", &format!("#{id}"))], title));
            }
        });
    });
}

fn footer(page: &mut Markup, run: &RunRecord) {
    page.within("footer", &[], |footer| {
        footer.within("p", &[], |line| {
            line.text("Written by fabric ");
            line.text(&run.head.version);
            line.text(" from the records of run ");
            line.element("code", &[], run.head.run_id.as_str());
            line.text(
                ". This page proves nothing by itself: it is true when the packet that it lies in verifies.",
            );
        });
    });
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, n| bits << 8 | u32::from(group.get(n).copied().unwrap_or(0)));
        for n in 0..4 {
            let index = bits >> (18 - 6 * n) & 63;
            let letter = ALPHABET.get(index as usize).filter(|_| n <= group.len());
            out.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let told = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in told {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
