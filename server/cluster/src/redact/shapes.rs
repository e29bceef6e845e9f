//! What secrets look like: their names, their prefixes, their density.

/// Words that name a secret wherever they stand in a key.
const WORDS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "connectionstring",
    "cookie",
    "signingkey",
    "encryptionkey",
    "sessionkey",
    "masterkey",
    "accountkey",
    "sharedkey",
    "clientkey",
    "bearer",
    "webhook",
    "licensekey",
    "hmackey",
    "secretkey",
];

/// Words that name a secret only when they stand alone.
const WHOLE: [&str; 9] = ["pass", "pwd", "pw", "dsn", "pin", "auth", "jwt", "salt", "cred"];

/// Whether a key names a secret: `DB_PASSWORD`, `apiKey`, `--auth`.
pub(crate) fn names_secret(key: &str) -> bool {
    let squeezed: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    WORDS.iter().any(|word| squeezed.contains(word)) || words(key).any(|word| WHOLE.contains(&word.as_str()))
}

/// The words of an identifier, in any of the usual spellings.
fn words(key: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.into_iter()
}

/// What keys of well-known services begin with, and how long they are at least.
const PREFIXES: [(&str, usize); 26] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("ya29.", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxa-", 16),
    ("xapp-", 16),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("sk-", 24),
    ("SG.", 24),
    ("npm_", 20),
    ("hf_", 20),
    ("dop_v1_", 20),
    ("hvs.", 16),
    ("pypi-", 20),
    ("dckr_pat_", 16),
    ("eyJ", 30),
];

/// Whether a text, or a word in it, has the shape of a secret: a token, a PEM block, a URL with a password.
pub(crate) fn has_secret_shape(text: &str) -> bool {
    text.contains("-----BEGIN") || has_password_url(text) || tokens(text).any(has_prefix)
}

/// The stretches that a key or token could be.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '.' | '='))).flat_map(
        |part| {
            // `key=token` is one stretch, and its tail is one too.
            let tail = part.split_once('=').map(|(_, tail)| tail).filter(|tail| !tail.trim_matches('=').is_empty());
            std::iter::once(tail.unwrap_or(part))
        },
    )
}

fn has_prefix(token: &str) -> bool {
    PREFIXES.iter().any(|(prefix, least)| token.len() >= *least && token.starts_with(prefix))
}

/// `scheme://user:password@host`.
fn has_password_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let end =
            rest.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace()).unwrap_or(rest.len());
        // A password may hold a slash: then the at sign is later, but still before any space.
        let authority =
            if rest[..end].contains('@') { &rest[..end] } else { rest.split_whitespace().next().unwrap_or("") };
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, word)| !word.is_empty()))
    })
}

/// Whether a token is too dense to be a word: random bytes in hexadecimal or base64.
pub(crate) fn is_dense(token: &str) -> bool {
    let token = token.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    if token.len() < 20 || digits == 0 || token.contains('/') && token.split('/').count() > 3 {
        return false;
    }
    let bits = entropy(token);
    if token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return token.len() >= 32 && bits >= 3.0 || bits >= 3.4;
    }
    bits >= 3.9 || (bits >= 3.5 && digits * 5 >= token.len())
}

/// Bits of information a byte, by how often each occurs.
fn entropy(token: &str) -> f64 {
    let mut counts = [0u32; 256];
    token.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = token.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_name_secrets_are_known_in_every_spelling() {
        for key in
            ["DB_PASSWORD", "apiKey", "api-key", "AWS_SECRET_ACCESS_KEY", "--auth", "redisPass", "SENTRY_DSN", "x.pwd"]
        {
            assert!(names_secret(key), "{key}");
        }
        for key in ["LOG_LEVEL", "KEYSPACE", "PASSENGER_APP", "AUTHOR", "COMPASS_URL", "PORT", "PINNED"] {
            assert!(!names_secret(key), "{key}");
        }
    }

    #[test]
    fn tokens_of_well_known_services_and_urls_with_passwords_are_secrets() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "x eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.abc",
            "postgres://u:pw@db:5432/x",
            "redis://:pw@cache",
            "amqp://u:p/w@mq",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(has_secret_shape(text), "{text}");
        }
        for text in ["https://example.org:8443/a?x=b", "shop/checkout:v1.2.3", "a@b.c", "http://user@host/"] {
            assert!(!has_secret_shape(text), "{text}");
        }
    }

    #[test]
    fn random_bytes_are_dense_and_words_are_not() {
        for token in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
            "c4n4ry-S3cr3t-9d8f7a6b5c4d3e2f",
        ] {
            assert!(is_dense(token), "{token}");
        }
        for token in [
            "new-checkout-with-long-name",
            "postgres.shop.svc.cluster.local",
            "2026-11-24T06:34:26",
            "aaaaaaaaaaaaaaaaaaaa1",
        ] {
            assert!(!is_dense(token), "{token}");
        }
    }
}
