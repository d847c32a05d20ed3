//! Tokens and tickets of Proxmox.

use std::ops::Range;

use super::any_exact;
use crate::class::Class;
use crate::literal::is_innocent;
use crate::text::{before, byte, is_base64, is_word, part, run, stands};

/// In front of the secret part of an API token, or within its name.
pub(super) const TOKENS: &[&str] = &["APIToken=", "APIToken ", "@pam!", "@pve!", "@pbs!", "@pmg!"];
/// In front of tickets.
pub(super) const TICKETS: &[&str] =
    &["PVE:", "PVE%3A", "PVEVNC:", "PVEVNC%3A", "PBS:", "PBS%3A", "PMG:", "PMG%3A"];

/// A longer name of a user, realm or token is none.
const NAME_LIMIT: usize = 160;
/// The groups of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

fn is_of_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'@' | b'!' | b'%')
}

/// `PVEAPIToken=user@realm!name=uuid`, and `user@realm!name=uuid` by itself: the UUID.
pub(super) fn token(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let name = run(text, anchor.end, NAME_LIMIT, is_of_name);
    let named = part(text, anchor.start..name).contains(&b'!');
    let begin = match byte(text, name) {
        b'=' | b':' if named => name + 1,
        _ => return None,
    };
    if stands(text, anchor.start, "APIToken") {
        let end = run(text, begin, NAME_LIMIT, is_word);
        return (!is_innocent(part(text, begin..end))).then_some((begin..end, Class::ProxmoxToken));
    }
    let mut end = begin;
    for (place, digits) in UUID.into_iter().enumerate() {
        if place > 0 {
            end = (byte(text, end) == b'-').then_some(end + 1)?;
        }
        let group = run(text, end, digits, |byte| byte.is_ascii_hexdigit());
        end = (group - end == digits).then_some(group)?;
    }
    Some((begin..end, Class::ProxmoxToken))
}

/// `PVE:user@realm:6650E4F1::signature`, also percent-encoded: the signature and its time.
pub(super) fn ticket(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    if !any_exact(text, anchor.start, TICKETS) || is_word(before(text, anchor.start)) {
        return None;
    }
    let user = run(text, anchor.end, NAME_LIMIT, |byte| is_word(byte) || matches!(byte, b'.' | b'@' | b'!'));
    let user = match stands(text, user, "%40") {
        true => run(text, user + 3, NAME_LIMIT, is_word),
        false => user,
    };
    let begin = colon(text, user).unwrap_or(anchor.end);
    let time = run(text, begin, 8, |byte| byte.is_ascii_hexdigit());
    let signature = colon(text, colon(text, time)?)?;
    let end = run(text, signature, 1024, |byte| is_base64(byte) || matches!(byte, b'=' | b'%'));
    (time - begin == 8 && end - signature >= 32).then_some((begin..end, Class::ProxmoxTicket))
}

fn colon(text: &[u8], at: usize) -> Option<usize> {
    match byte(text, at) {
        b':' => Some(at + 1),
        _ => stands(text, at, "%3A").then_some(at + 3),
    }
}

/// `CSRFPreventionToken: 6650E4F1:digest`, as a header or in JSON.
pub(super) fn csrf(text: &[u8], anchor: Range<usize>) -> Option<(Range<usize>, Class)> {
    let begin = run(text, anchor.end, 12, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b':' | b'=' | b' '));
    let time = run(text, begin, 8, |byte| byte.is_ascii_hexdigit());
    let digest = colon(text, time)?;
    let end = run(text, digest, 256, |byte| is_base64(byte) || matches!(byte, b'=' | b'%'));
    (time - begin == 8 && end - digest >= 20).then_some((begin..end, Class::ProxmoxTicket))
}
