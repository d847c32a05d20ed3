//! Where a value comes from: standard input, the operator's keyboard without echo, or chance.

use std::io::{self, IsTerminal as _, Read as _};

use console::Term;
use fabric_model::exit::Exit;
use fabric_runtime::Refusal;
use fabric_runtime::site::SecretText;
use zeroize::Zeroizing;

use super::At;
use crate::stream::tell;

/// One byte more than the longest value, so that a longer one is noticed.
const TAKEN: usize = 64 * 1024 + 1;

/// The value for a place.
pub(super) fn of(at: &At, generate: Option<usize>) -> Result<SecretText, Refusal> {
    if let Some(length) = generate {
        return Ok(SecretText::generate(length)?);
    }
    let bytes = if io::stdin().is_terminal() { asked(at)? } else { read()? };
    SecretText::from_bytes(bytes).map_err(|error| {
        Refusal::new(Exit::Usage, error.to_string())
            .hint("The store was not changed. Give the value on standard input.")
    })
}

/// The passphrase of a file: asked for, or the first line of standard input.
pub(super) fn passphrase() -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let bytes =
        if io::stdin().is_terminal() { ask("passphrase (it is not shown):".to_owned())? } else { read()? };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_vec()))
}

/// Everything on standard input. The buffer never grows, because growing would leave copies behind.
fn read() -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(TAKEN + 32));
    io::stdin().take(TAKEN as u64).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    Ok(bytes)
}

fn asked(at: &At) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let once = ask(format!("value of {} {} (it is not shown):", at.key, at.field))?;
    if once != ask("the same again:".to_owned())? {
        return Err(Refusal::new(Exit::Usage, "the two values differ").hint("The store was not changed."));
    }
    Ok(once)
}

fn ask(prompt: String) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    tell(prompt);
    let line = Term::stderr().read_secure_line().map_err(|error| unread(&error))?;
    Ok(Zeroizing::new(line.into_bytes()))
}

fn unread(error: &io::Error) -> Refusal {
    Refusal::new(Exit::Usage, format!("the value cannot be read: {error}")).hint("The store was not changed.")
}
