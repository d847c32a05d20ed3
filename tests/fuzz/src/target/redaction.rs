//! Texts with a secret in them.

use fabric_redact::Redactor;

use super::choice;

/// The shortest secret: of a shorter one no stretch of Base64 is searched for wherever it stands.
const SHORTEST: usize = 8;

/// What a protocol makes of a secret: the text, and what of it the secret alone decides.
type Encoding = fn(before: &[u8], secret: &[u8], after: &[u8]) -> (Vec<u8>, String);

const ENCODINGS: [Encoding; 9] = [
    |before, secret, after| within(before, plain(secret), after),
    |before, secret, after| within(before, json(&plain(secret)), after),
    |before, secret, after| within(before, json(&json(&plain(secret))), after),
    |before, secret, after| within(before, unicode(&plain(secret)), after),
    |before, secret, after| within(before, percent(secret, |byte| !byte.is_ascii_alphanumeric()), after),
    |before, secret, after| within(before, percent(secret, |_| true).to_lowercase(), after),
    |before, secret, after| within(before, hex(secret), after),
    |before, secret, after| within(before, hex(secret).to_uppercase(), after),
    |before, secret, after| {
        let whole = [before, secret, after].concat();
        let encoded = base64(&whole);
        let first = (before.len() * 8).div_ceil(6);
        let last = (before.len() + secret.len()) * 8 / 6;
        let own = encoded.get(first..last).unwrap_or_default().to_owned();
        (encoded.into_bytes(), own)
    },
];

/// The first bytes choose encoding and lengths, the rest is the secret and what stands around it. Nothing of the secret is left, and what
/// was redacted stays as it is.
///
/// # Panics
/// When the secret is left in any encoding, or more is found in what was redacted.
pub fn run(bytes: &[u8]) {
    let (encoding, rest) = choice(bytes);
    let (length, rest) = choice(rest);
    let (place, rest) = choice(rest);
    let length = SHORTEST + usize::from(length) % 40;
    let Some((secret, around)) = rest.split_at_checked(length) else { return };
    // A host knows text; and its line breaks make secrets of each of its lines.
    let secret: String = secret.iter().map(|byte| char::from(byte % 0x5e + 0x21)).collect();
    let (before, after) = around.split_at(usize::from(place) % (around.len() + 1));
    let encoding = ENCODINGS.get(usize::from(encoding) % ENCODINGS.len());
    let Some(encode) = encoding else { return };
    let (text, own) = encode(before, secret.as_bytes(), after);
    let text = String::from_utf8_lossy(&text).into_owned();

    let redactor = Redactor::default();
    redactor.register("h", secret.as_bytes());
    let shown = redactor.redact(&text);
    // A secret can be part of a marker's own words.
    let rest = shown.replace("[redacted:h]", "\0");
    assert!(!rest.contains(&own), "`{own}` of `{secret}` is left in {shown:?}");
    assert!(!rest.contains(&secret), "`{secret}` is left in {shown:?}");
    let others = Redactor::default();
    let once = others.redact(&text);
    assert_eq!(others.redact(&once), once, "what was redacted is redacted again");
}

fn within(before: &[u8], encoded: String, after: &[u8]) -> (Vec<u8>, String) {
    // What stands around it must not be read as a part of it.
    let text = [before, b" ", encoded.as_bytes(), b" ", after].concat();
    (text, encoded)
}

fn plain(secret: &[u8]) -> String {
    String::from_utf8_lossy(secret).into_owned()
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

fn unicode(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn percent(secret: &[u8], of: fn(u8) -> bool) -> String {
    let one = |byte: u8| if of(byte) { format!("%{byte:02X}") } else { char::from(byte).to_string() };
    secret.iter().map(|byte| one(*byte)).collect()
}

fn hex(secret: &[u8]) -> String {
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6).map(|six| {
        let value = six.iter().fold(0, |value, bit| value * 2 + usize::from(bit - b'0'));
        ALPHABET.get(value << (6 - six.len())).copied().unwrap_or(b'=')
    });
    digits.map(char::from).collect()
}
