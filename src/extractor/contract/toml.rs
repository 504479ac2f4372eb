//! TOML with the places of its values, borrowed from the text.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::Lines;
use super::{ParseError, check_package_count};

/// A table whose keys and values know where they stand.
pub(in crate::extractor) type Table<'a> = DeTable<'a>;

/// A value that knows where it stands.
pub(in crate::extractor) type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a whole document; `header` is what begins an entry (`[[package]]`), and more of them than any project has are
/// refused before the tree is built, which takes ten times the memory of the text.
pub(in crate::extractor) fn parse<'a>(text: &'a str, header: &str) -> Result<Table<'a>, ParseError> {
    check_package_count(text.matches(header).count())?;
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let line = error.span().map(|span| Lines::of(text).at(span.start));
        // The first line says what is wrong, the others show where.
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        ParseError { line, ..ParseError::new(format!("read it as TOML: {message}")) }
    })
}

/// What stands under a key.
pub(in crate::extractor) trait Look<'a> {
    /// The value under a key.
    fn at(&self, key: &str) -> Option<&Value<'a>>;

    /// The text under a key.
    fn text_at<'t>(&'t self, key: &str) -> Option<&'t str>
    where
        'a: 't,
    {
        self.at(key).and_then(text)
    }

    /// The table under a key.
    fn table_at<'t>(&'t self, key: &str) -> Option<&'t Table<'a>>
    where
        'a: 't,
    {
        self.at(key).and_then(|value| value.get_ref().as_table())
    }

    /// The items of the list under a key; none of anything else.
    fn list_at<'t>(&'t self, key: &str) -> &'t [Value<'a>]
    where
        'a: 't,
    {
        self.at(key).map_or(&[], items)
    }

    /// The texts of the list under a key.
    fn texts_at<'t>(&'t self, key: &str) -> impl Iterator<Item = &'t str>
    where
        'a: 't,
    {
        self.list_at(key).iter().filter_map(text)
    }

    /// The tables of the list under a key.
    fn tables_at<'t>(&'t self, key: &str) -> impl Iterator<Item = &'t Table<'a>>
    where
        'a: 't,
    {
        self.list_at(key).iter().filter_map(|value| value.get_ref().as_table())
    }
}

impl<'a> Look<'a> for Table<'a> {
    fn at(&self, key: &str) -> Option<&Value<'a>> {
        self.get(key)
    }
}

/// The text, if it is one.
pub(in crate::extractor) fn text<'t>(value: &'t Value<'_>) -> Option<&'t str> {
    value.get_ref().as_str()
}

/// The items, if it is a list; none of anything else.
pub(in crate::extractor) fn items<'t, 'a>(value: &'t Value<'a>) -> &'t [Value<'a>] {
    match value.get_ref() {
        DeValue::Array(items) => items,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_their_lines() {
        let text = "a = 'x'\n[[package]]\nlist = [\n 'y', 1, {z = true}]\n";
        let table = parse(text, "[[package]]").expect("TOML");
        assert_eq!(table.text_at("a"), Some("x"));
        let package = table.tables_at("package").next().expect("a package");
        assert_eq!(package.texts_at("list").collect::<Vec<_>>(), ["y"]);
        assert_eq!(package.tables_at("list").count(), 1);
        assert_eq!(Lines::of(text).at(package.list_at("list")[0].span().start), 4);
        assert!(table.table_at("a").is_none() && table.list_at("b").is_empty());
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line() {
        for (text, line) in [("a = 1\na = 2", 2), ("a =", 1), ("\n[a\n", 2)] {
            assert_eq!(parse(text, "[[package]]").expect_err(text).line, Some(line), "{text}");
        }
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(parse(&deep, "[[package]]").is_err());
        assert!(parse(&"[[package]]\n".repeat(60_000), "[[package]]").expect_err("many").message.contains("60000"));
    }
}
