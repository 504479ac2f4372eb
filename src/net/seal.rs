//! Seals: marks by which the bot knows what it wrote itself, wherever others can write, too.

use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::net::secret::Token;

/// A shorter key could be guessed: 32 characters are 128 bits of hexadecimal digits. `openssl rand -hex 32` makes 64.
const SHORTEST_KEY: usize = 32;

/// Text that cannot be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use the key of the bot's memory: it has fewer than {SHORTEST_KEY} characters, or some that cannot be printed")]
pub(crate) struct WeakKey;

/// The bot's keys: the first one seals, all of them verify, so that a key can be replaced. There may be none.
#[derive(Clone, Default)]
pub(crate) struct SealKeys(Arc<[Zeroizing<String>]>);

impl SealKeys {
    /// Takes keys that are separated by blanks, line ends or commas.
    pub(crate) fn new(text: &str) -> Result<Self, WeakKey> {
        let keys = text.split(|character: char| character.is_whitespace() || character == ',');
        let keys: Vec<Zeroizing<String>> =
            keys.filter(|key| !key.is_empty()).map(|key| Zeroizing::new(key.to_owned())).collect();
        let is_weak = |key: &Zeroizing<String>| {
            key.len() < SHORTEST_KEY || !key.chars().all(|character| character.is_ascii_graphic())
        };
        if keys.iter().any(is_weak) { Err(WeakKey) } else { Ok(Self(keys.into())) }
    }

    /// Whether there is no key: then nothing can be sealed, and nothing is verified.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys as secrets that are to be kept out of texts.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = Token> {
        self.0.iter().filter_map(|key| Token::new(key))
    }

    /// The seal of some parts, in hexadecimal digits. `purpose` keeps seals of different things apart.
    pub(crate) fn seal(&self, purpose: &str, parts: &[&[u8]]) -> Option<String> {
        let mac = mac(self.0.first()?, purpose, parts);
        Some(format!("{:x}", mac.finalize().into_bytes()))
    }

    /// Whether one of the keys made the seal of these parts. The comparison takes the same time for every wrong one.
    pub(crate) fn verifies(&self, purpose: &str, parts: &[&[u8]], seal: &str) -> bool {
        let Some(seal) = from_digits(seal) else { return false };
        self.0.iter().any(|key| mac(key, purpose, parts).verify_slice(&seal).is_ok())
    }
}

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SealKeys({} keys)", self.0.len())
    }
}

fn mac(key: &str, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        // The length keeps neighbouring parts from running into one another.
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac
}

fn from_digits(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..32).map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn keys(text: &str) -> SealKeys {
        SealKeys::new(text).expect("strong")
    }

    #[test]
    fn a_seal_holds_for_its_key_its_purpose_and_its_parts() {
        let seal = keys(OLD).seal("state", &[b"ab", b"c"]).expect("there is a key");
        assert!(keys(OLD).verifies("state", &[b"ab", b"c"], &seal));
        assert!(keys(&format!("{NEW}\n{OLD}")).verifies("state", &[b"ab", b"c"], &seal), "an old key still verifies");
        assert!(!keys(&format!("{OLD},{NEW}")).verifies("commit", &[b"ab", b"c"], &seal));
        for other in [&[b"a".as_slice(), b"bc"] as &[&[u8]], &[b"abc"], &[b"ab", b"c", b""], &[b"ab", b"d"]] {
            assert!(!keys(OLD).verifies("state", other, &seal));
        }
        assert!(!keys(NEW).verifies("state", &[b"ab", b"c"], &seal));
        assert!(!SealKeys::default().verifies("state", &[b"ab", b"c"], &seal));
        for wrong in ["", &seal[1..], &format!("{seal}0"), &format!("ä{}", &seal[2..]), &"z".repeat(64)] {
            assert!(!keys(OLD).verifies("state", &[b"ab", b"c"], wrong), "{wrong}");
        }
    }

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        // Test case 2: key "Jefe", data "what do ya want for nothing?".
        let mut plain = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any length");
        plain.update(b"what do ya want for nothing?");
        let digits = format!("{:x}", plain.finalize().into_bytes());
        assert_eq!(digits, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn weak_keys_are_refused_and_no_key_is_shown() {
        assert!(SealKeys::new("short").is_err());
        assert!(SealKeys::new(&format!("{NEW} short")).is_err());
        assert!(SealKeys::new(&"ä".repeat(40)).is_err());
        assert!(SealKeys::new(" \n").expect("none").is_empty());
        assert!(SealKeys::default().seal("state", &[]).is_none());
        assert!(!format!("{:?}", keys(NEW)).contains("fedc"));
    }
}
