//! TOML text → a raw struct, with every syntax error, unknown key and wrong type at once.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::complaint::Complaints;
use super::serde_words::{MISSING, explain};
use crate::model::bounded_toml;

/// Reads `text`; `None` when it is no TOML. Parts that do not fit are complained about and left out, so that the rest can
/// be judged in the same go. `elsewhere` may say where an unknown key belongs.
///
/// Serde stops at the first mistake. So the mistake is cut out of the parsed document, and the document is read again.
pub(super) fn read<T: DeserializeOwned>(
    text: &str,
    complaints: &mut Complaints<'_>,
    elsewhere: fn(&str) -> Option<String>,
) -> Option<T> {
    if let Err(error) = bounded_toml::check(text) {
        complaints.add(&(error.offset..error.offset), error.to_string(), "no setting needs that");
        return None;
    }
    let (mut document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let place = error.span().unwrap_or(0..0);
            complaints.add(&place, format!("not TOML: {}", error.message()), "the grammar is at https://toml.io");
        }
        // What is left of a broken document would only give complaints about keys that are not missing.
        return None;
    }
    let mut holes: Vec<Range<usize>> = Vec::new();
    loop {
        let error = match T::deserialize(toml::Deserializer::from(document.clone())) {
            Ok(raw) => return Some(raw),
            Err(error) => error,
        };
        let place = error.span().unwrap_or(0..0);
        // What is missing where something was cut out is not missing in the file.
        if !(error.message().starts_with(MISSING) && holes.contains(&place)) {
            let (message, way_out) = explain(error.message(), elsewhere);
            complaints.add(&place, message, way_out);
        }
        let root = document.span();
        match cut_from_table(document.get_mut(), &root, &place) {
            Some(hole) if !complaints.is_full() => holes.push(hole),
            _ => return None,
        }
    }
}

/// Removes the innermost entry whose key or value stands at `place`; gives the span of what held it.
fn cut_from_table(table: &mut DeTable<'_>, span: &Range<usize>, place: &Range<usize>) -> Option<Range<usize>> {
    if let Some(hole) = table.iter_mut().find_map(|(_, value)| cut_from_value(value, place)) {
        return Some(hole);
    }
    let entry = table.iter().find(|(key, value)| key.span() == *place || value.span() == *place);
    let key = entry.map(|(key, _)| key.clone())?;
    table.remove(&key).map(|_| span.clone())
}

fn cut_from_value(value: &mut Spanned<DeValue<'_>>, place: &Range<usize>) -> Option<Range<usize>> {
    let span = value.span();
    match value.get_mut() {
        DeValue::Table(table) => cut_from_table(table, &span, place),
        DeValue::Array(array) => {
            if let Some(hole) = array.iter_mut().find_map(|element| cut_from_value(element, place)) {
                return Some(hole);
            }
            let position = array.iter().position(|element| element.span() == *place)?;
            let kept =
                std::mem::replace(array, DeArray::new()).into_iter().enumerate().filter(|(at, _)| *at != position);
            *array = kept.map(|(_, element)| element).collect();
            Some(span)
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::raw::Written;
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct House {
        number: u32,
        door: Option<Door>,
        room: Vec<Room>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Door {
        Open,
        Shut,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Room {
        #[expect(dead_code, reason = "only its presence is judged")]
        name: Written<String>,
    }

    fn complaints(text: &str) -> Vec<String> {
        let mut complaints = Complaints::new("house.toml", text);
        read::<House>(text, &mut complaints, |key| (key == "garden").then(|| "it belongs outside".to_owned()));
        match complaints.finish(()) {
            Ok(()) => Vec::new(),
            Err(error) => error.to_string().lines().map(ToOwned::to_owned).collect(),
        }
    }

    #[test]
    fn every_mistake_is_told_in_one_go() {
        let text = "number = \"seven\"\nnumbr = 1\ngarden = 2\ndoor = \"opn\"\n\n\n[[room]]\n\n[[room]]\nsize = 3\n\n[[room]]\nname = 4\n";
        assert_eq!(
            complaints(text),
            [
                "house.toml:1:10: a whole number is expected here, not a text; write for example `10`, without quotes",
                "house.toml:2:1: unknown key `numbr`; did you mean `number`?",
                "house.toml:3:1: unknown key `garden`; it belongs outside",
                "house.toml:4:8: unknown value `opn`; did you mean `open`?",
                "house.toml:7:1: missing key `name`; add `name`",
                "house.toml:10:1: unknown key `size`; known here: name",
                "house.toml:13:8: a text is expected here, not a number; put it in quotes; a length of time needs its unit as well, for example `\"2 days\"`",
            ]
        );
    }

    #[test]
    fn every_syntax_error_has_a_place() {
        let shown = complaints("number = \n[[room]\n");
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].starts_with("house.toml:1:10: not TOML: "), "{shown:?}");
        assert!(shown[1].starts_with("house.toml:2:8: not TOML: "), "{shown:?}");
    }

    #[test]
    fn keys_made_to_confuse_the_messages_are_only_quoted() {
        let shown = complaints("\"x`, expected one of `y\" = 1\n\"a\\nb\" = 1\n");
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown.iter().all(|line| line.contains("unknown key")), "{shown:?}");
    }

    #[test]
    fn a_flood_of_mistakes_ends() {
        let text = (0..5_000).fold(String::new(), |text, number| text + &format!("key-{number} = 1\n"));
        assert_eq!(complaints(&text).len(), 100);
        assert!(!complaints(&format!("number = {}", "[".repeat(100_000))).is_empty());
    }
}
