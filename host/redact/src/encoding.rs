//! How a secret looks when a protocol has encoded it.

/// The characters of Base64 (RFC 4648, 4) and of its URL-safe form (5).
const ALPHABETS: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];

/// A shorter stretch of Base64 is not searched for: it would hide innocent text and prove little.
const STRETCH_LIMIT: usize = 8;

/// What of `secret` shows up in Base64, in both alphabets: the whole encoding, and for each position within a group of three
/// bytes the characters that depend on the secret alone. The latter is what `user:secret` contains.
pub(crate) fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for alphabet in ALPHABETS {
        forms.push(base64(alphabet, secret));
        for shift in 0..3 {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(secret);
            let encoded = base64(alphabet, &shifted);
            let first = (shift * 8).div_ceil(6);
            let last = shifted.len() * 8 / 6;
            forms.extend(
                encoded.get(first..last).filter(|form| form.len() >= STRETCH_LIMIT).map(str::to_owned),
            );
        }
    }
    forms
}

fn base64(alphabet: &[u8; 64], bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=group.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.extend(alphabet.get(index as usize).copied().map(char::from));
        }
    }
    text
}

/// `secret` in hexadecimal, in either case.
pub(crate) fn hex_forms(secret: &[u8]) -> [String; 2] {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    [hex.to_ascii_uppercase(), hex]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc_without_padding() {
        let [standard, _] = ALPHABETS;
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(standard, bytes.as_bytes()), text);
        }
    }

    #[test]
    fn some_form_is_in_the_encoding_of_any_text_around_the_secret() {
        let [standard, url] = ALPHABETS;
        let secret = b"tok\xffen\xfe-1234";
        let forms = base64_forms(secret);
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "x", "xy"] {
                let whole = [before.as_bytes(), secret, after.as_bytes()].concat();
                for alphabet in [standard, url] {
                    let encoded = base64(alphabet, &whole);
                    assert!(
                        forms.iter().any(|form| encoded.contains(form)),
                        "{before:?} {after:?} {encoded}"
                    );
                }
            }
        }
    }

    #[test]
    fn hexadecimal_is_written_in_both_cases() {
        assert_eq!(hex_forms(b"\x0a\xff"), ["0AFF", "0aff"]);
    }
}
