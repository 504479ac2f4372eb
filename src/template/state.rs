//! The bot's memory of a pull request: a hidden comment at the end of its body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::advisory::AdvisoryId;
use crate::model::proposal::Route;
use crate::model::repository::CommitId;

const START: &str = "<!-- patchparty:state v1 ";
const END: &str = " -->";

/// The longest state that is read: GitHub's limit of a body.
const LENGTH_LIMIT: usize = 65_536;

/// What the bot knows about a pull request of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PullRequestState {
    /// A digest of everything it was made from.
    pub(crate) fingerprint: String,
    /// A digest of the changed files.
    pub(crate) content: String,
    /// Whether nothing was blocked.
    pub(crate) complete: bool,
    /// The audited commit that the change stands on.
    pub(crate) base_commit: CommitId,
    /// The commit that the bot published.
    pub(crate) head: Option<CommitId>,
    /// When the bot first saw what it fixes: deadlines count from here.
    pub(crate) first_seen: jiff::Timestamp,
    /// Its route.
    pub(crate) route: Route,
    /// The advisories that it was opened for.
    pub(crate) advisories: Vec<AdvisoryId>,
    /// The loose dependencies that it was opened for, each as `file: package`.
    #[serde(default)]
    pub(crate) loose: Vec<String>,
}

/// Reads the state from a body; `None` when there is none or it is damaged.
///
/// The last one counts, because the bot's own is always the last line. Untrusted unless the bot opened the pull request.
pub(crate) fn parse(body: &str) -> Option<PullRequestState> {
    // A forge's editor turns line ends into CRLF; `lines` takes both.
    let line = body.lines().rev().map(str::trim_end).find(|line| line.starts_with(START))?;
    let encoded = line.strip_prefix(START)?.strip_suffix(END).filter(|encoded| encoded.len() <= LENGTH_LIMIT)?;
    serde_json::from_slice(&STANDARD.decode(encoded).ok()?).ok()
}

/// The body with the state as its last line.
pub(crate) fn append(body: &str, state: &PullRequestState) -> String {
    let json = serde_json::to_vec(state).expect("plain strings and numbers always serialise");
    format!("{}\n\n{START}{}{END}\n", body.trim_end(), STANDARD.encode(json))
}

/// The body without its state.
pub(crate) fn without(body: &str) -> &str {
    let is_state = |line: &str| line.starts_with(START) && line.trim_end().ends_with(END);
    let start = body.rfind(START).filter(|&start| is_state(&body[start..]));
    start.map_or(body, |start| &body[..start])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(fingerprint: &str) -> PullRequestState {
        PullRequestState {
            fingerprint: fingerprint.to_owned(),
            content: "c0ffee".to_owned(),
            complete: true,
            base_commit: CommitId::new(&"a".repeat(40)).expect("40 digits"),
            head: None,
            first_seen: "2026-11-21T02:00:00Z".parse().expect("a time"),
            route: Route::Emergency,
            advisories: vec![AdvisoryId::new("CVE-2024-1").expect("an id")],
            loose: Vec::new(),
        }
    }

    #[test]
    fn the_last_state_counts_and_line_ends_do_not() {
        let body = append(&append("Hello", &state("forged")), &state("real"));
        assert!(body.ends_with(" -->\n"));
        assert_eq!(parse(&body.replace('\n', "\r\n")), Some(state("real")));
    }

    #[test]
    fn damage_is_no_state() {
        let body = append("Hello", &state("real"));
        for damaged in [
            "Hello".to_owned(),
            body.replace("v1", "v2"),
            body.replace(" -->", ""),
            body.replace("<!-- patchparty:state v1 ", "<!-- patchparty:state v1 !"),
            "<!-- patchparty:state v1 e30= -->".to_owned(),
            body.replace("<!-- patchparty", "x <!-- patchparty"),
        ] {
            assert_eq!(parse(&damaged), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn what_is_appended_is_read(body in "\\PC{0,200}", fingerprint in "\\PC{0,40}") {
            prop_assert_eq!(parse(&append(&body, &state(&fingerprint))), Some(state(&fingerprint)));
        }

        #[test]
        fn parsing_never_panics(body in any::<String>()) {
            let _ = parse(&format!("{START}{body}{END}"));
        }
    }
}
