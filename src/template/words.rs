//! Words of people in the bot's text: found line by line, so that they can be moved to the notes and nothing is lost.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{notes, state, ticks};
use crate::model::proposal::NOTES_START;

/// The hidden line that tells which lines the bot wrote. It is not sealed: whoever may edit it may edit the words as well.
const START: &str = "<!-- patchparty:words ";
const END: &str = " -->";

/// What every marker of the bot's begins with.
const MARKER: &str = "<!-- patchparty:";

/// Bytes of a line's digest: a person's line passes for one of a few hundred by chance once in ten thousand bodies.
const DIGITS: usize = 3;

type Name = [u8; DIGITS];

/// The name of a line, whatever its boxes and its end; `None` for one that says nothing.
fn name(line: &str) -> Option<Name> {
    let line = ticks::without_ticks(line.trim_end());
    let digest = Sha256::digest(&line);
    (!line.trim().is_empty()).then(|| [digest[0], digest[1], digest[2]])
}

/// The body with the names of the lines of `ours`, the text as the bot made it, in its last line.
pub(crate) fn append(body: &str, ours: &str) -> String {
    let names: BTreeSet<Name> = ours.lines().filter_map(name).collect();
    let names: Vec<u8> = names.into_iter().flatten().collect();
    format!("{}\n\n{START}{}{END}\n", body.trim_end(), STANDARD.encode(names))
}

/// How many characters [`append`] adds at most.
pub(crate) fn length(ours: &str) -> usize {
    ours.lines().count() * DIGITS.next_multiple_of(4) + START.len() + END.len() + 8
}

/// Whether a line is the one that [`append`] writes.
pub(super) fn is_marker(line: &str) -> bool {
    line.starts_with(START)
}

/// The lines of an old body, its notes aside, that are neither in the new one nor written by the bot, in their order, as
/// they may stand in the notes. Empty where there are none.
///
/// In a body whose hidden line is gone, all that is not in the new one counts as a person's.
pub(crate) fn of_people(old_body: &str, new_body: &str) -> String {
    let mut ours: BTreeSet<Name> = new_body.lines().filter_map(name).collect();
    let marker = old_body.lines().rev().find_map(|line| line.trim_end().strip_prefix(START)?.strip_suffix(END));
    let written = marker.and_then(|names| STANDARD.decode(names).ok()).unwrap_or_default();
    ours.extend(written.chunks_exact(DIGITS).map(|chunk| [chunk[0], chunk[1], chunk[2]]));
    let mut lines: Vec<String> = Vec::new();
    // A blank line counts where people's lines stand on both sides.
    let mut blank = false;
    for line in notes::without_notes(old_body).lines().map(str::trim_end) {
        let is_ours = |name| ours.contains(&name) || is_marker(line) || state::is_marker(line) || is_edge(line);
        match name(line) {
            None => blank |= !lines.is_empty(),
            Some(name) if is_ours(name) => blank |= !lines.is_empty(),
            Some(_) => {
                if blank {
                    lines.push(String::new());
                }
                blank = false;
                // A box of ours would be found twice.
                lines.push(line.replace(MARKER, "<!-- was "));
            }
        }
    }
    let fences = lines.iter().filter(|line| line.trim_start().starts_with("```")).count();
    if !fences.is_multiple_of(2) {
        // What follows the notes must not become part of a person's block.
        lines.push("```".to_owned());
    }
    lines.join("\n")
}

/// Whether a line is an edge of the notes, or both with nothing between.
fn is_edge(line: &str) -> bool {
    let rest = line.strip_prefix(NOTES_START).unwrap_or(line);
    rest.strip_prefix(notes::END).unwrap_or(rest).is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::notes::{add_notes, carry_notes};
    use super::*;

    const BODY: &str = "**High**\n\n| a | b |\n\n- [ ] <!-- patchparty:check login --> Sign in\n\n<!-- patchparty:notes -->\n\n<!-- patchparty:end of notes -->\n\nThe end.\n";

    /// What the next run makes of a body.
    fn next(standing: &str, new: &str) -> String {
        append(&add_notes(&carry_notes(standing, new), &of_people(standing, new)), new)
    }

    #[test]
    fn what_people_write_anywhere_is_moved_to_the_notes() {
        let written = append(BODY, BODY);
        let edited = written
            .replace("| a | b |", "| a | b |\n\nWait for *Anna*.\nShe is back on Monday.\n\n> And ask Tom.")
            .replacen("notes -->\n\n", "notes -->\n\nOurs already.\n\n", 1)
            .replacen(
                "- [ ] <!-- patchparty:check login --> Sign in",
                "- [x] <!-- patchparty:check login --> Sign in as admin",
                1,
            );
        let new = BODY.replace("| a | b |", "| c | d |");
        let carried = next(&edited.replace('\n', "\r\n"), &new);
        let notes = carried.split("notes -->").nth(1).expect("notes");
        let words = ["Ours already.", "Wait for *Anna*.\nShe is back on Monday.\n\n> And ask Tom.", "Sign in as admin"];
        for part in words {
            assert!(notes.replace("\r\n", "\n").contains(part), "{part}: {carried}");
        }
        assert!(!notes.contains("patchparty:check") && !carried.contains("| a | b |"), "{carried}");
        assert_eq!(next(&carried, &new), carried, "they are moved once");
    }

    #[test]
    fn an_old_text_of_the_bots_is_nobodys_words() {
        let new = BODY.replace("High", "Low").replace("| a | b |", "| c | d |").replace("The end.", "It ends.");
        assert_eq!(of_people(&append(BODY, BODY), &new), "");
        assert_eq!(of_people(&append(BODY, BODY).replace("[ ]", "[X]").replace('\n', "\r\n"), &new), "");
    }

    #[test]
    fn a_whole_text_that_people_wrote_is_kept_and_its_blocks_end() {
        let own = "We wait.\n\n```sh\nls\n";
        let carried = next(own, BODY);
        assert!(carried.contains("<!-- patchparty:notes -->\n\nWe wait.\n\n```sh\nls\n```\n"), "{carried}");
    }

    proptest! {
        #[test]
        fn no_line_of_people_is_lost(lines in prop::collection::vec("[ -~é]{1,40}", 0..8), place in 0_usize..8) {
            let written = append(BODY, BODY);
            let mut all: Vec<&str> = written.lines().collect();
            let place = place.min(all.len());
            all.splice(place..place, lines.iter().map(String::as_str));
            let carried = next(&all.join("\n"), BODY);
            for line in lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()) {
                prop_assert!(carried.lines().any(|kept| kept.trim_end() == line), "{line:?} in {carried}");
            }
        }
    }
}
