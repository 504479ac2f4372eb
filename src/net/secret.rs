//! Secrets: values that no format string, log or report can show.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use zeroize::Zeroize as _;

/// What stands where a secret stood.
const REPLACEMENT: &str = "***";

/// Shorter secrets are not looked for: they would tear holes into ordinary words, and no real token is that short.
const SHORTEST_PATTERN: usize = 6;

/// An access token. `Debug` prints `***`; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// Takes a token; `None` for text that is empty or could not be sent in a header.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let printable = !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic());
        printable.then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

/// Takes known secrets out of text that is about to be printed or written, in every form in which we or a server may have
/// repeated them: as they are, in base64 (Basic authentication), percent-encoded, and escaped in JSON.
///
/// Secrets are known, not guessed: a pattern such as `ghs_\w{36}` misses the token format of April 2026.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Longest first, so that no pattern is cut by one that is part of it.
    patterns: Vec<String>,
}

impl Redactor {
    /// A redactor for the given tokens.
    pub(crate) fn new<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let mut redactor = Self::default();
        for token in tokens {
            redactor.add(token);
        }
        redactor
    }

    /// Adds a token.
    pub(crate) fn add(&mut self, token: &Token) {
        let secret = token.reveal();
        let (upper, lower) = (percent_encoded(secret, true), percent_encoded(secret, false));
        let json = serde_json::Value::from(secret).to_string();
        let forms = [secret.to_owned(), upper, lower, json.trim_matches('"').to_owned()];
        self.patterns.extend(forms.into_iter().chain(base64_cores(secret)));
        self.patterns.retain(|pattern| pattern.len() >= SHORTEST_PATTERN);
        self.patterns.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        self.patterns.dedup();
    }

    /// The text without the secrets.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.patterns.iter().filter(|pattern| text.contains(pattern.as_str()));
        // A report without a secret is not copied: it may be large.
        found.fold(Cow::Borrowed(text), |text, pattern| Cow::Owned(text.replace(pattern.as_str(), REPLACEMENT)))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redactor({} patterns)", self.patterns.len())
    }
}

fn percent_encoded(secret: &str, upper: bool) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = if upper { write!(text, "%{byte:02X}") } else { write!(text, "%{byte:02x}") };
        }
        text
    })
}

/// The digits that base64 gives the secret wherever it stands in a longer text, in both alphabets.
///
/// Three bytes become four digits, so what stands before decides one of three alignments; the digits that also depend on
/// a neighbour are left out.
fn base64_cores(secret: &str) -> Vec<String> {
    let engines = [&STANDARD, &URL_SAFE].map(|alphabet| GeneralPurpose::new(alphabet, NO_PAD));
    let mut cores = Vec::new();
    for engine in &engines {
        for before in 0..3_usize {
            let padded = [vec![0; before], secret.as_bytes().to_vec()].concat();
            let digits = engine.encode(&padded);
            let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            cores.extend(digits.get(start..end).map(str::to_owned));
        }
    }
    cores
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD as PLAIN, URL_SAFE_NO_PAD};

    const CANARY: &str = "ghs_Canary+0/123456789_\"quoted\"";

    #[test]
    fn every_form_of_a_secret_is_taken_out() {
        let token = Token::new(CANARY).expect("printable");
        let redactor = Redactor::new([&token]);
        for prefix in ["", "a", "ab", "x-access-token:"] {
            for suffix in ["", "z", "zz"] {
                let text = format!("{prefix}{CANARY}{suffix}");
                let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
                let forms = [
                    text.clone(),
                    PLAIN.encode(&text),
                    URL_SAFE_NO_PAD.encode(&text),
                    encoded,
                    serde_json::json!({ "message": text }).to_string(),
                ];
                for form in forms {
                    let redacted = redactor.redact(&format!("before {form} after")).into_owned();
                    assert!(redacted.contains(REPLACEMENT), "{form} stayed");
                    assert!(!redacted.contains("Canary") && redacted.starts_with("before "), "{redacted}");
                    assert!(redacted.ends_with(" after"));
                }
            }
        }
        assert_eq!(redactor.redact("nothing to hide"), "nothing to hide");
    }

    #[test]
    fn secrets_cannot_be_formatted() {
        let token = Token::new(CANARY).expect("printable");
        let shown = format!("{token:?} {:?}", Redactor::new([&token]));
        assert!(!shown.contains("Canary"), "{shown}");
        assert!(Token::new(" \n").is_none() && Token::new("a b").is_none() && Token::new("ü").is_none());
        assert_eq!(Token::new(" abc\n").expect("trimmed").reveal(), "abc");
    }
}
