//! Names that say that what they name is a secret.

use std::sync::LazyLock;

use crate::class::Class;
use crate::words::{Case, Words};

/// The last words of such names, the longer before the shorter.
const LAST_WORDS: [(&[&str], Class); 34] = [
    (&["client", "secret"], Class::Secret),
    (&["secret", "access", "key"], Class::AwsKey),
    (&["secret", "value"], Class::Secret),
    (&["token", "value"], Class::Token),
    (&["token", "secret"], Class::Token),
    (&["access", "key"], Class::ApiKey),
    (&["accesskey"], Class::ApiKey),
    (&["account", "key"], Class::ApiKey),
    (&["api", "key"], Class::ApiKey),
    (&["apikey"], Class::ApiKey),
    (&["auth", "key"], Class::ApiKey),
    (&["auth", "pass"], Class::Password),
    (&["encryption", "key"], Class::Secret),
    (&["key", "data"], Class::PrivateKey),
    (&["master", "key"], Class::Secret),
    (&["private", "key"], Class::PrivateKey),
    (&["privatekey"], Class::PrivateKey),
    (&["secret", "key"], Class::Secret),
    (&["secretkey"], Class::Secret),
    (&["shared", "key"], Class::Secret),
    (&["signing", "key"], Class::Secret),
    (&["connection", "string"], Class::Dsn),
    (&["connectionstring"], Class::Dsn),
    (&["dsn"], Class::Dsn),
    (&["authorization"], Class::Authorization),
    (&["credential"], Class::Secret),
    (&["passphrase"], Class::Password),
    (&["passcode"], Class::Password),
    (&["passwd"], Class::Password),
    (&["password"], Class::Password),
    (&["psk"], Class::Secret),
    (&["pwd"], Class::Password),
    (&["secret"], Class::Secret),
    (&["token"], Class::Token),
];

/// One of these is in each of them.
static HINTS: LazyLock<Words<&str>> = LazyLock::new(|| {
    let hints =
        ["authorization", "connection", "credential", "dsn", "key", "pass", "psk", "pwd", "secret", "token"];
    Words::new(hints.to_vec(), Case::Ignored)
});

/// Names of more than one word written as one, by how they end.
const ENDINGS: [(&str, Class); 4] = [
    ("password", Class::Password),
    ("passwd", Class::Password),
    ("passphrase", Class::Password),
    ("apitoken", Class::Token),
];

/// A longer name is none.
pub(crate) const NAME_LIMIT: usize = 96;

/// What a value of this name is, if the name says that it is a secret. What counts is how the name ends: `token_id`, `secret_ref` and
/// `password_file` name something else.
pub fn class_of_name(name: &str) -> Option<Class> {
    // Most names of a site have none of these, and most calls have many names.
    if name.len() > NAME_LIMIT || !HINTS.any(name.as_bytes()) {
        return None;
    }
    let words = words(name);
    let ends = |ending: &[&str]| {
        words.len() >= ending.len()
            && words.iter().rev().zip(ending.iter().rev()).all(|(word, end)| word == end)
    };
    LAST_WORDS.iter().find(|(ending, _)| ends(ending)).map(|(_, class)| *class).or_else(|| {
        let last = words.last()?;
        ENDINGS.iter().find(|(ending, _)| last.ends_with(ending)).map(|(_, class)| *class)
    })
}

/// The words of a name in lower case: `pmApiToken` and `pm-api_token` are three.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        let parts = !letter.is_alphanumeric() || (letter.is_uppercase() && after_lower);
        if parts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        }
        after_lower = letter.is_lowercase() || letter.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_has_a_hint() {
        for (words, class) in LAST_WORDS {
            assert_eq!(class_of_name(&words.join("_")), Some(class), "{words:?}");
        }
        for (ending, class) in ENDINGS {
            assert_eq!(class_of_name(&format!("my{ending}")), Some(class), "{ending}");
        }
    }

    #[test]
    fn a_name_counts_by_its_end() {
        for (name, class) in [
            ("password", Class::Password),
            ("DB_PASSWORD", Class::Password),
            ("dbPassword", Class::Password),
            ("mysqlpassword", Class::Password),
            ("TF_VAR_pm_api_token_secret", Class::Token),
            ("X-Vault-Token", Class::Token),
            ("AWS_SECRET_ACCESS_KEY", Class::AwsKey),
            ("client-secret", Class::Secret),
            ("admin password", Class::Password),
            ("database.dsn", Class::Dsn),
        ] {
            assert_eq!(class_of_name(name), Some(class), "{name}");
        }
        for name in [
            "secret_ref",
            "token_id",
            "password_file",
            "tokens",
            "key",
            "public_key",
            "secretary",
            "tokenizer",
            "bypass",
            "compass",
        ] {
            assert_eq!(class_of_name(name), None, "{name}");
        }
    }
}
