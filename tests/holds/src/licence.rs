//! Licence expressions (SPDX 2.3, annex D), with the `/` that cargo once allowed for `OR`.

/// Whether the licences for which `allowed` is true suffice for the expression; `None` when it cannot be read.
pub fn satisfied(expression: &str, allowed: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let result = alternatives(&mut words, allowed)?;
    words.next().is_none().then_some(result)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

// Both sides are always read, so that `allowed` sees every licence of the expression.
fn alternatives(words: &mut Words<'_>, allowed: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
    let mut result = together(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= together(words, allowed)?;
    }
    Some(result)
}

fn together(words: &mut Words<'_>, allowed: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
    let mut result = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed)?;
    }
    Some(result)
}

fn one(words: &mut Words<'_>, allowed: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
    match words.next()? {
        "(" => {
            let result = alternatives(words, allowed)?;
            words.next_if_eq(&")").map(|_| result)
        }
        "AND" | "OR" | "WITH" | ")" => None,
        name => match words.next_if_eq(&"WITH") {
            Some(_) => Some(allowed(&format!("{name} WITH {}", words.next()?))),
            None => Some(allowed(name)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_means_what_the_standard_says() {
        let ask = |expression| satisfied(expression, &mut |name| ["MIT", "ISC"].contains(&name));
        for good in
            ["MIT", "MIT OR X", "X OR MIT", "X/MIT", "MIT AND ISC", "(X OR MIT) AND ISC", "X AND X OR MIT"]
        {
            assert_eq!(ask(good), Some(true), "{good}");
        }
        for bad in ["X", "MIT AND X", "X OR (MIT AND X)", "MIT WITH X", "(MIT OR ISC) AND X"] {
            assert_eq!(ask(bad), Some(false), "{bad}");
        }
        for unreadable in ["", "MIT OR", "(MIT", "MIT)", "AND", "MIT ISC", "MIT WITH"] {
            assert_eq!(ask(unreadable), None, "{unreadable}");
        }
    }
}
