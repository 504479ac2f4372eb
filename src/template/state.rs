//! The bot's memory of a pull request: a sealed, hidden comment at the end of its body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{notes, ticks, words};
use crate::model::advisory::AdvisoryId;
use crate::model::proposal::Label;
use crate::model::repository::CommitId;
use crate::net::seal::SealKeys;

/// What such comments of every version begin with.
const ANY_START: &str = "<!-- patchparty:state ";
const START: &str = "<!-- patchparty:state v2 ";
const END: &str = " -->";

/// Keeps these seals apart from all others.
const PURPOSE: &str = "patchparty state v2";

/// The longest state that is read: GitHub's limit of a body.
const LENGTH_LIMIT: usize = 65_536;

/// What the bot knows about a change that it has proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// A digest of everything it was made from.
    pub(crate) fingerprint: String,
    /// A digest of the changed files.
    pub(crate) content: String,
    /// Whether nothing was blocked.
    pub(crate) complete: bool,
    /// The audited commit that the change stands on.
    pub(crate) base_commit: CommitId,
    /// When the bot first saw what it fixes: deadlines count from here.
    pub(crate) first_seen: jiff::Timestamp,
    /// The [`digest`] of the words as the bot wrote them.
    pub(crate) words: String,
    /// The advisories that it was opened for.
    pub(crate) advisories: Vec<AdvisoryId>,
    /// The [`short_name`]s of the loose dependencies that it was opened for.
    pub(crate) loose: Vec<String>,
}

/// What the bot knows about a pull request of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PullRequestState {
    /// Its number; unknown when its first text is written.
    pub(crate) number: Option<u64>,
    /// The commit that the bot published.
    pub(crate) head: CommitId,
    /// The rest.
    #[serde(flatten)]
    pub(crate) memory: Memory,
}

/// What a seal holds for, besides the words under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The forge's host.
    pub(crate) host: String,
    /// The repository, by what never changes about it.
    pub(crate) repository: String,
    /// The branch with the change.
    pub(crate) branch: String,
    /// The branch that it is to be merged into.
    pub(crate) base: String,
}

impl Place {
    /// What is sealed together with `words`.
    pub(crate) fn with<'a>(&'a self, words: &'a [u8]) -> [&'a [u8]; 5] {
        [self.host.as_bytes(), self.repository.as_bytes(), self.branch.as_bytes(), self.base.as_bytes(), words]
    }
}

/// Reads the state from a body; `None` when there is none, it is damaged, or its seal does not hold here.
///
/// The last one counts, because the bot's own is always the last line. It may be an older one of the same pull request:
/// who edits a body can look up what stood there. So the caller compares it with what the forge knows.
pub(crate) fn parse(body: &str, keys: &SealKeys, place: &Place) -> Option<PullRequestState> {
    // A forge's editor turns line ends into CRLF; `lines` takes both.
    let line = body.lines().rev().map(str::trim_end).find(|line| line.starts_with(START))?;
    let sealed = line.strip_prefix(START)?.strip_suffix(END).filter(|sealed| sealed.len() <= LENGTH_LIMIT)?;
    let (encoded, seal) = sealed.split_once(' ')?;
    let json = STANDARD.decode(encoded).ok()?;
    keys.verifies(PURPOSE, &place.with(&json), seal).then(|| serde_json::from_slice(&json).ok()).flatten()
}

/// Whether a line is a hidden state, whoever wrote it.
pub(super) fn is_marker(line: &str) -> bool {
    line.starts_with(ANY_START)
}

/// How many states a body has, whoever wrote them.
pub(crate) fn count(body: &str) -> usize {
    body.lines().filter(|line| is_marker(line)).count()
}

/// The body with the sealed state as its last line; without a key there is none.
pub(crate) fn append(body: &str, state: &PullRequestState, keys: &SealKeys, place: &Place) -> String {
    let json = serde_json::to_vec(state).expect("plain strings and numbers always serialise");
    match keys.seal(PURPOSE, &place.with(&json)) {
        Some(seal) => format!("{}\n\n{START}{} {seal}{END}\n", body.trim_end(), STANDARD.encode(json)),
        None => format!("{}\n", body.trim_end()),
    }
}

/// A digest of the words of a pull request that are the bot's: the title, the labels that only it sets, and the body without
/// its hidden lines, the marks in boxes and the notes of people. Line ends do not count.
pub(crate) fn digest<'a>(title: &str, body: &str, labels: impl IntoIterator<Item = &'a str>) -> String {
    let mut labels: Vec<String> =
        labels.into_iter().filter(|name| Label::is_ours(name)).map(str::to_lowercase).collect();
    labels.sort();
    labels.dedup();
    let lines: Vec<&str> = body.lines().filter(|line| !is_marker(line) && !words::is_marker(line)).collect();
    let body = ticks::without_ticks(&notes::without_notes(lines.join("\n").trim_end()));
    let mut digest = Sha256::new();
    for part in [title.trim_end(), &labels.join("\n"), &body] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    format!("{:x}", digest.finalize())
}

/// A name of something untrusted that is made of digits only, and may stand anywhere.
pub(crate) fn short_name(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> SealKeys {
        SealKeys::new("0123456789abcdef0123456789abcdef").expect("strong")
    }

    fn place() -> Place {
        Place {
            host: "git.example".to_owned(),
            repository: "id 7".to_owned(),
            branch: "patchparty/routine/main".to_owned(),
            base: "main".to_owned(),
        }
    }

    fn state(fingerprint: &str) -> PullRequestState {
        PullRequestState {
            number: Some(7),
            head: CommitId::new(&"b".repeat(40)).expect("40 digits"),
            memory: Memory {
                fingerprint: fingerprint.to_owned(),
                content: "c0ffee".to_owned(),
                complete: true,
                base_commit: CommitId::new(&"a".repeat(40)).expect("40 digits"),
                first_seen: "2026-11-21T02:00:00Z".parse().expect("a time"),
                words: "d".repeat(64),
                advisories: vec![AdvisoryId::new("CVE-2024-1").expect("an id")],
                loose: Vec::new(),
            },
        }
    }

    fn written(body: &str, fingerprint: &str) -> String {
        append(body, &state(fingerprint), &keys(), &place())
    }

    #[test]
    fn the_last_state_counts_and_line_ends_do_not() {
        let body = written(&written("Hello", "first"), "second");
        assert!(body.ends_with(" -->\n"));
        assert_eq!(parse(&body.replace('\n', "\r\n"), &keys(), &place()), Some(state("second")));
    }

    #[test]
    fn a_state_holds_for_its_key_and_its_place_only() {
        let body = written("Hello", "real");
        let other = SealKeys::new(&"k".repeat(32)).expect("strong");
        assert_eq!(parse(&body, &other, &place()), None);
        assert_eq!(parse(&body, &SealKeys::default(), &place()), None);
        for change in [
            |place: &mut Place| place.host.push('x'),
            |place: &mut Place| place.repository.push('x'),
            |place: &mut Place| place.branch.push('x'),
            |place: &mut Place| place.base.push('x'),
        ] {
            let mut elsewhere = place();
            change(&mut elsewhere);
            assert_eq!(parse(&body, &keys(), &elsewhere), None, "{elsewhere:?}");
        }
        assert_eq!(append("Hello", &state("real"), &SealKeys::default(), &place()), "Hello\n");
    }

    #[test]
    fn damage_is_no_state() {
        let body = written("Hello", "real");
        for damaged in [
            "Hello".to_owned(),
            body.replace("v2", "v1"),
            body.replace(" -->", ""),
            body.replace(START, &format!("{START}!")),
            format!("{START}e30= {}{END}", "0".repeat(64)),
            "<!-- patchparty:state v1 e30= -->".to_owned(),
            body.replace("<!-- patchparty", "x <!-- patchparty"),
        ] {
            assert_eq!(parse(&damaged, &keys(), &place()), None, "{damaged}");
        }
    }

    #[test]
    fn the_digest_is_of_our_words_only() {
        let body = "# Plan\n\n- [ ] <!-- patchparty:check login --> Sign in\n\n<!-- patchparty:notes -->\n\n<!-- patchparty:end of notes -->\n";
        let ours = digest("title", body, ["severity: high", "qa"]);
        let people = written(body, "x").replace("- [ ]", "- [x]").replacen("notes -->\n\n", "notes -->\nOurs.\n", 1);
        assert_eq!(digest("title", &people.replace('\n', "\r\n"), ["QA", "Severity: high"]), ours);
        for (title, body, label) in [
            ("Title", body.to_owned(), "severity: high"),
            ("title", body.replace("Plan", "Plot"), "severity: high"),
            ("title", String::new(), "severity: high"),
            ("title", body.to_owned(), "severity: low"),
        ] {
            assert_ne!(digest(title, &body, [label]), ours, "{title} {label} {body}");
        }
    }

    proptest! {
        #[test]
        fn what_is_appended_is_read(body in "\\PC{0,200}", fingerprint in "\\PC{0,40}") {
            prop_assert_eq!(parse(&written(&body, &fingerprint), &keys(), &place()), Some(state(&fingerprint)));
        }

        #[test]
        fn parsing_never_panics(body in any::<String>()) {
            let _ = parse(&format!("{START}{body}{END}"), &keys(), &place());
            let _ = digest(&body, &body, [body.as_str()]);
        }
    }
}
