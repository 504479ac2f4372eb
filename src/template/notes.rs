//! Notes: the part of a pull request's body that belongs to people.

use crate::model::proposal::NOTES_START as START;

/// Where that part ends.
pub(super) const END: &str = "<!-- patchparty:end of notes -->";

/// Where the notes stand in a body: from the first beginning to the last end, so that nothing in them can cut them short.
fn place(body: &str) -> Option<(usize, usize)> {
    let start = body.find(START)? + START.len();
    let end = start + body[start..].rfind(END)?;
    Some((start, end))
}

/// The new body with the notes of the old one, byte for byte. A template without a place for them gets one at its end.
pub(crate) fn carry_notes(old_body: &str, new_body: &str) -> String {
    let Some(notes) = place(old_body).map(|(start, end)| &old_body[start..end]).filter(|notes| !is_blank(notes)) else {
        return new_body.to_owned();
    };
    match place(new_body) {
        Some((start, end)) => format!("{}{notes}{}", &new_body[..start], &new_body[end..]),
        None => format!("{}\n\n{START}{notes}{END}\n", new_body.trim_end()),
    }
}

/// The body with more in its notes, below what stands there.
pub(crate) fn add_notes(body: &str, added: &str) -> String {
    if is_blank(added) {
        return body.to_owned();
    }
    match place(body) {
        Some((start, end)) => {
            format!("{}{}\n\n{added}\n\n{}", &body[..start], body[start..end].trim_end(), &body[end..])
        }
        None => format!("{}\n\n{START}\n\n{added}\n\n{END}\n", body.trim_end()),
    }
}

/// The body with nothing between the marks.
pub(super) fn without_notes(body: &str) -> String {
    match place(body) {
        Some((start, end)) => format!("{}{}", &body[..start], &body[end..]),
        None => body.to_owned(),
    }
}

fn is_blank(notes: &str) -> bool {
    notes.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(words: &str, notes: &str) -> String {
        format!("# {words}\n\n{START}{notes}{END}\n\nThe end.\n")
    }

    #[test]
    fn notes_are_kept_byte_for_byte_and_the_rest_is_not() {
        let notes = "\r\nWait for the *release*.\r\n\r\n  - [x] asked  \r\n";
        assert_eq!(carry_notes(&body("old", notes), &body("new", "\n\n")), body("new", notes));
        assert_eq!(carry_notes(&body("old", "\r\n \r\n"), &body("new", "\n\n")), body("new", "\n\n"));
        assert_eq!(carry_notes("", &body("new", "\n\n")), body("new", "\n\n"));
        assert_eq!(without_notes(&body("x", notes)), body("x", ""));
    }

    #[test]
    fn a_body_without_a_place_for_notes_gets_one() {
        let carried = carry_notes(&body("old", "\nkept\n"), "# own template\n");
        assert_eq!(carried, format!("# own template\n\n{START}\nkept\n{END}\n"));
        assert_eq!(carry_notes(&carried, "# own template\n"), carried);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_kept(notes in any::<String>()) {
            let carried = carry_notes(&body("old", &notes), &body("new", ""));
            let expected = if is_blank(&notes) { "" } else { notes.as_str() };
            prop_assert_eq!(&carried, &body("new", expected));
            prop_assert_eq!(carry_notes(&carried, &body("new", "")), carried);
        }
    }
}
