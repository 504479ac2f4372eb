//! The ledger: what the bot knows about a change, written into the message of the commit that makes it.
//!
//! The text of a pull request can be edited by everybody who may write to the repository, and whoever edits it can look up
//! what stood there before. A commit cannot: another message is another commit, which the bot did not publish.

use crate::model::advisory::AdvisoryId;
use crate::model::proposal::PublishedCommit;
use crate::model::repository::CommitId;
use crate::net::seal::SealKeys;
use crate::template::state::{Memory, Place};

/// Names the tree of the commit: whoever amends it or puts it on top of other commits keeps the message and changes the tree.
const TREE: &str = "Patchparty-Tree: ";
/// The fingerprint, where nothing was blocked.
const INPUTS: &str = "Patchparty-Inputs: ";
const CONTENT: &str = "Patchparty-Content: ";
const WORDS: &str = "Patchparty-Words: ";
const FIRST_SEEN: &str = "Patchparty-First-Seen: ";
/// What is fixed, written by the template, for those who search the history.
const FIXED: &str = "Patchparty-Advisory: ";
/// What it was opened for as well.
const OPEN: &str = "Patchparty-Open-Advisory: ";
const LOOSE: &str = "Patchparty-Loose: ";
const SEAL: &str = "Patchparty-Seal: ";

/// Keeps these seals apart from all others.
const PURPOSE: &str = "patchparty commit v1";

/// The whole message of a commit with this tree, on top of `memory.base_commit`.
pub(super) fn message(words: &str, tree: &str, memory: &Memory, (keys, place): (&SealKeys, &Place)) -> String {
    let mut lines: Vec<String> = words.trim_end().lines().map(str::to_owned).collect();
    let named = |id: &AdvisoryId| words.lines().any(|line| line.strip_prefix(FIXED) == Some(id.as_str()));
    lines.extend(memory.advisories.iter().filter(|id| !named(id)).map(|id| format!("{OPEN}{id}")));
    lines.extend(memory.loose.iter().map(|name| format!("{LOOSE}{name}")));
    lines.push(format!("{TREE}{tree}"));
    if memory.complete {
        lines.push(format!("{INPUTS}{}", memory.fingerprint));
    }
    lines.push(format!("{CONTENT}{}", memory.content));
    lines.push(format!("{WORDS}{}", memory.words));
    lines.push(format!("{FIRST_SEEN}{}", memory.first_seen));
    let message = lines.join("\n");
    let sealed = sealed_text(&memory.base_commit, &message);
    match keys.seal(PURPOSE, &place.with(sealed.as_bytes())) {
        Some(seal) => format!("{message}\n{SEAL}{seal}\n"),
        None => format!("{message}\n"),
    }
}

fn sealed_text(parent: &CommitId, message: &str) -> String {
    format!("{parent}\n{message}")
}

/// Whether a commit is whole: one parent, and the tree that its message names. Anybody can write such a commit.
pub(super) fn is_whole(commit: &PublishedCommit) -> bool {
    commit.parents.len() == 1 && last(commit, TREE) == Some(commit.tree.as_str())
}

/// Whether the bot made the commit for this place: its message is sealed together with its tree and its parent.
pub(super) fn is_sealed(commit: &PublishedCommit, keys: &SealKeys, place: &Place) -> bool {
    let Some((message, seal)) = commit.message.trim_end().rsplit_once('\n') else { return false };
    let (Some(seal), Some(parent)) = (seal.strip_prefix(SEAL), commit.parents.first()) else { return false };
    let sealed = sealed_text(parent, message.trim_end());
    is_whole(commit) && keys.verifies(PURPOSE, &place.with(sealed.as_bytes()), seal)
}

/// What a commit of the bot's says about the change; `None` when it is of a version that did not say so.
pub(super) fn read(commit: &PublishedCommit) -> Option<Memory> {
    let fingerprint = last(commit, INPUTS);
    let all = |prefix| commit.message.lines().filter_map(move |line| line.strip_prefix(prefix));
    let ids = all(FIXED).chain(all(OPEN)).filter_map(|id| AdvisoryId::new(id.trim_end()).ok());
    Some(Memory {
        fingerprint: fingerprint.unwrap_or_default().to_owned(),
        content: last(commit, CONTENT)?.to_owned(),
        complete: fingerprint.is_some(),
        base_commit: commit.parents.first()?.clone(),
        first_seen: last(commit, FIRST_SEEN)?.parse().ok()?,
        words: last(commit, WORDS)?.to_owned(),
        advisories: ids.collect(),
        loose: all(LOOSE).map(|name| name.trim_end().to_owned()).collect(),
    })
}

fn last<'a>(commit: &'a PublishedCommit, prefix: &str) -> Option<&'a str> {
    commit.message.lines().rev().find_map(|line| line.strip_prefix(prefix)).map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS_OF_COMMIT: &str = "fix(deps): bump a\n\nPatchparty-Advisory: CVE-2024-1\nPatchparty-Route: routine\n";

    fn id(digit: char) -> CommitId {
        CommitId::new(&digit.to_string().repeat(40)).expect("an id")
    }

    fn memory() -> Memory {
        Memory {
            fingerprint: "f".repeat(64),
            content: "c".repeat(64),
            complete: true,
            base_commit: id('a'),
            first_seen: "2026-11-21T02:00:00Z".parse().expect("a time"),
            words: "d".repeat(64),
            advisories: ["CVE-2024-1", "CVE-2024-2"].map(|name| AdvisoryId::new(name).expect("an id")).to_vec(),
            loose: vec!["0123456789abcdef".to_owned()],
        }
    }

    fn place() -> Place {
        let [host, repository, branch, base] =
            ["git.example", "7", "patchparty/routine/main", "main"].map(str::to_owned);
        Place { host, repository, branch, base }
    }

    fn commit(keys: &SealKeys, memory: &Memory) -> PublishedCommit {
        let message = message(WORDS_OF_COMMIT, "7e4", memory, (keys, &place()));
        PublishedCommit { message, tree: "7e4".to_owned(), parents: vec![id('a')] }
    }

    #[test]
    fn what_is_written_is_read() {
        let keys = SealKeys::new(&"k".repeat(32)).expect("strong");
        for keys in [SealKeys::default(), keys] {
            let made = commit(&keys, &memory());
            assert!(is_whole(&made), "{}", made.message);
            assert_eq!(is_sealed(&made, &keys, &place()), !keys.is_empty());
            assert_eq!(read(&made), Some(memory()));
            let blocked = Memory { complete: false, ..memory() };
            let read = read(&commit(&keys, &blocked)).expect("readable");
            assert!(!read.complete && read.fingerprint.is_empty());
        }
    }

    #[test]
    fn a_seal_holds_for_one_message_one_tree_one_parent_and_one_place() {
        let keys = SealKeys::new(&"k".repeat(32)).expect("strong");
        let made = commit(&keys, &memory());
        let elsewhere = Place { repository: "8".to_owned(), ..place() };
        assert!(!is_sealed(&made, &keys, &elsewhere));
        assert!(!is_sealed(&made, &SealKeys::new(&"x".repeat(32)).expect("strong"), &place()));
        for forged in [
            PublishedCommit { message: made.message.replace("2026-11-21", "2036-11-21"), ..made.clone() },
            PublishedCommit { message: made.message.replace("CVE-2024-2", "CVE-2024-3"), ..made.clone() },
            PublishedCommit { tree: "bad".to_owned(), ..made.clone() },
            PublishedCommit {
                message: made.message.replace("Tree: 7e4", "Tree: bad"),
                tree: "bad".to_owned(),
                ..made.clone()
            },
            PublishedCommit { parents: vec![id('b')], ..made.clone() },
            PublishedCommit { parents: vec![id('a'), id('b')], ..made.clone() },
            PublishedCommit { parents: Vec::new(), ..made.clone() },
            PublishedCommit { message: commit(&SealKeys::default(), &memory()).message, ..made.clone() },
        ] {
            assert!(!is_sealed(&forged, &keys, &place()), "{forged:?}");
        }
    }
}
