//! Ticked boxes survive: when a body is written again, what people have checked stays checked.

use std::collections::BTreeSet;

const START: &str = "<!-- patchparty:check ";
const END: &str = " -->";

/// A line of a body that is a box of ours.
struct TickBox<'a> {
    id: &'a str,
    ticked: bool,
    /// Where the space or the `x` between the brackets stands in the line.
    mark: usize,
}

/// An open box with its hidden name, which must be of lower-case letters, digits and `-` to be found again.
pub(super) fn open_box(id: &str) -> String {
    let plain: String = id.chars().filter(|character| is_plain(*character)).collect();
    format!("- [ ] {START}{plain}{END}")
}

fn is_plain(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
}

/// The new body with the boxes ticked that are ticked in the old one; all else of the old body is dropped.
pub(crate) fn carry_ticks(old_body: &str, new_body: &str) -> String {
    let ticked: BTreeSet<&str> =
        old_body.lines().filter_map(tick_box).filter(|tick_box| tick_box.ticked).map(|tick_box| tick_box.id).collect();
    let mut body = String::with_capacity(new_body.len());
    for line in new_body.split_inclusive('\n') {
        match tick_box(line).filter(|tick_box| !tick_box.ticked && ticked.contains(tick_box.id)) {
            Some(tick_box) => {
                body.push_str(&line[..tick_box.mark]);
                body.push('x');
                body.push_str(&line[tick_box.mark + 1..]);
            }
            None => body.push_str(line),
        }
    }
    body
}

/// The body with every box of ours open.
pub(super) fn without_ticks(body: &str) -> String {
    let mut open = String::with_capacity(body.len());
    for line in body.split_inclusive('\n') {
        match tick_box(line).filter(|tick_box| tick_box.ticked) {
            Some(tick_box) => {
                open.push_str(&line[..tick_box.mark]);
                open.push(' ');
                open.push_str(&line[tick_box.mark + 1..]);
            }
            None => open.push_str(line),
        }
    }
    open
}

/// Reads `- [ ] <!-- patchparty:check ID --> …`, as the templates write it and as editors leave it.
fn tick_box(line: &str) -> Option<TickBox<'_>> {
    let item = line.trim_start_matches([' ', '\t']);
    let item = item.strip_prefix(['-', '*', '+'])?.trim_start_matches(' ').strip_prefix('[')?;
    let mark = line.len() - item.len();
    let (ticked, rest) = match item.as_bytes() {
        [b' ', b']', ..] => (false, &item[2..]),
        [b'x' | b'X', b']', ..] => (true, &item[2..]),
        _ => return None,
    };
    let (id, _) = rest.trim_start_matches(' ').strip_prefix(START)?.split_once(END)?;
    (!id.is_empty() && id.chars().all(is_plain)).then_some(TickBox { id, ticked, mark })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: &str = "# Plan\n\n- [ ] <!-- patchparty:check backup --> Take a backup\n- [ ] <!-- patchparty:check login --> Sign in\n";

    #[test]
    fn ticked_boxes_survive() {
        let old = "people's words\r\n* [X] <!-- patchparty:check login --> Sign in as admin\r\n- [x] <!-- patchparty:check gone --> Old\r\n- [ ] <!-- patchparty:check backup --> Take a backup";
        let expected = NEW.replace("[ ] <!-- patchparty:check login", "[x] <!-- patchparty:check login");
        assert_eq!(carry_ticks(old, NEW), expected);
        assert_eq!(carry_ticks(&expected, NEW), expected);
    }

    #[test]
    fn only_boxes_of_ours_count() {
        for old in [
            "[x] <!-- patchparty:check login -->",
            "- [x] patchparty:check login",
            "- [y] <!-- patchparty:check login -->",
            "- x [x] <!-- patchparty:check login -->",
            "- [x] <!-- patchparty:check Login -->",
            "> - [x] <!-- patchparty:check login -->",
        ] {
            assert_eq!(carry_ticks(old, NEW), NEW, "{old}");
        }
    }

    fn body(boxes: &[(String, bool)]) -> String {
        boxes.iter().fold(String::new(), |body, (id, ticked)| {
            let mark = if *ticked { 'x' } else { ' ' };
            format!("{body}text\n- [{mark}] <!-- patchparty:check {id} --> do {id}\n")
        })
    }

    proptest! {
        #[test]
        fn exactly_the_common_ticked_boxes_are_ticked(
            old in proptest::collection::vec(("[a-e]{1,2}", any::<bool>()), 0..12),
            new in proptest::collection::btree_set("[a-e]{1,2}", 0..12),
        ) {
            let ticked: BTreeSet<&String> = old.iter().filter(|(_, ticked)| *ticked).map(|(id, _)| id).collect();
            let fresh: Vec<(String, bool)> = new.iter().map(|id| (id.clone(), false)).collect();
            let expected: Vec<(String, bool)> = new.iter().map(|id| (id.clone(), ticked.contains(id))).collect();
            let carried = carry_ticks(&body(&old), &body(&fresh));
            prop_assert_eq!(&carried, &body(&expected));
            prop_assert_eq!(carry_ticks(&carried, &body(&fresh)), carried);
        }

        #[test]
        fn an_untouched_body_stays_as_it_is(old in any::<String>(), new in any::<String>()) {
            prop_assert_eq!(carry_ticks(&old, &new), new);
        }
    }
}
