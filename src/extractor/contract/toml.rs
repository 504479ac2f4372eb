//! TOML with the places of its values, borrowed from the text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::Lines;
use super::{ParseError, check_package_count};
use crate::model::bounded_toml;

/// Pieces of a document are read one after the other: the tree that `toml` builds of a piece takes thirty times its bytes.
const PIECE: usize = 256 * 1024;

/// Documents up to this size may hold anything.
const SMALL: usize = 2 * 1024 * 1024;

/// What the signs of a document stand for in the tree of `toml` and in what it is read from, in bytes.
const READ_COST: Cost = Cost { table: 1300, list: 400, value: 150, word: 40 };

/// The same in the tree that is kept.
const KEPT_COST: Cost = Cost { table: 130, list: 64, value: 64, word: 0 };

/// How many times the size of a large document its tree may take; lockfiles that package managers write are far below.
const COST_LIMIT: usize = 14;

/// A value and where it stands.
#[derive(Debug)]
pub(in crate::extractor) struct Value<'a> {
    /// The offset of its first byte.
    pub(in crate::extractor) offset: usize,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Text(Cow<'a, str>),
    /// As it is written.
    Integer(Box<str>),
    List(Box<[Value<'a>]>),
    Table(Table<'a>),
    /// What no lockfile is asked for: truth, times, fractions.
    Other,
}

/// Keys with their values, sorted by key.
#[derive(Debug)]
pub(in crate::extractor) struct Table<'a>(Box<[(Cow<'a, str>, Value<'a>)]>);

impl<'a> Table<'a> {
    /// The keys with their values.
    pub(in crate::extractor) fn members<'t>(&'t self) -> impl Iterator<Item = (&'t str, &'t Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Whether it has a key.
    pub(in crate::extractor) fn has(&self, key: &str) -> bool {
        self.at(key).is_some()
    }

    /// The same without the spare room of a tree that grows, `shift` bytes further behind.
    fn of(table: DeTable<'a>, shift: usize) -> Self {
        Self(table.into_iter().map(|(key, value)| (key.into_inner(), Value::of(value, shift))).collect())
    }
}

impl<'a> Value<'a> {
    /// The table, if it is one.
    pub(in crate::extractor) fn as_table(&self) -> Option<&Table<'a>> {
        match &self.form {
            Form::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The digits, if it is a whole number.
    pub(in crate::extractor) fn integer(&self) -> Option<&str> {
        match &self.form {
            Form::Integer(digits) => Some(digits),
            _ => None,
        }
    }

    fn of(value: Spanned<DeValue<'a>>, shift: usize) -> Self {
        let offset = value.span().start.saturating_add(shift);
        let form = match value.into_inner() {
            DeValue::String(text) => Form::Text(text),
            DeValue::Integer(number) => Form::Integer(number.as_str().into()),
            DeValue::Array(items) => Form::List(items.into_iter().map(|item| Self::of(item, shift)).collect()),
            DeValue::Table(table) => Form::Table(Table::of(table, shift)),
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => Form::Other,
        };
        Self { offset, form }
    }
}

/// Reads a whole document; `header` is what begins an entry (`[[package]]`), and more of them than any project has are
/// refused before the tree is built.
pub(in crate::extractor) fn parse<'a>(text: &'a str, header: &str) -> Result<Table<'a>, ParseError> {
    check_package_count(text.matches(header).count())?;
    check_cost(text, KEPT_COST, text.len())?;
    let pieces = pieces(text, header);
    match read_pieces(&pieces, text, header.trim_matches(['[', ']'])) {
        Some(Ok(table)) => Ok(table),
        // A line in a long text may look like a header; only all of it together says what is wrong.
        None => read_whole(text, 0, text),
        Some(Err(error)) => match check_cost(text, READ_COST, text.len()) {
            Ok(()) => read_whole(text, 0, text),
            Err(_) => Err(error),
        },
    }
}

/// The document cut at headers, each piece with its offset. What is in front of the first is a piece of its own.
fn pieces<'a>(text: &'a str, header: &str) -> Vec<(usize, &'a str)> {
    let is_start = |&place: &usize| place == 0 || text.as_bytes().get(place - 1) == Some(&b'\n');
    let mut pieces = Vec::new();
    let mut start = 0;
    for place in text.match_indices(header).map(|(place, _)| place).filter(is_start) {
        if pieces.is_empty() || place - start >= PIECE {
            pieces.push((start, text.get(start..place).unwrap_or_default()));
            start = place;
        }
    }
    pieces.push((start, text.get(start..).unwrap_or_default()));
    pieces
}

/// Reads pieces by themselves; `None` when only the whole document has a meaning.
fn read_pieces<'a>(pieces: &[(usize, &'a str)], text: &str, key: &str) -> Option<Result<Table<'a>, ParseError>> {
    if pieces.len() < 3 {
        return None;
    }
    let mut root: BTreeMap<Cow<'a, str>, Value<'a>> = BTreeMap::new();
    let mut entries: Vec<Value<'a>> = Vec::new();
    let mut first = 0;
    for (position, &(shift, piece)) in pieces.iter().enumerate() {
        let table = match read_whole(piece, shift, text) {
            Ok(table) => table,
            Err(error) => return Some(Err(error)),
        };
        for (name, value) in table.0 {
            match value.form {
                Form::List(items) if name == key && position > 0 => {
                    if entries.is_empty() {
                        first = value.offset;
                    }
                    entries.extend(items);
                }
                _ if name == key || root.contains_key(&name) => return None,
                _ => drop(root.insert(name, value)),
            }
        }
    }
    root.insert(key.to_owned().into(), Value { offset: first, form: Form::List(entries.into()) });
    Some(Ok(Table(root.into_iter().collect())))
}

/// Reads a piece that begins `shift` bytes behind the beginning of the document.
fn read_whole<'a>(piece: &'a str, shift: usize, text: &str) -> Result<Table<'a>, ParseError> {
    check_cost(piece, READ_COST, text.len())?;
    bounded_toml::check(piece).map_err(|error| {
        let line = Lines::of(text).at(error.offset.saturating_add(shift));
        ParseError::new(format!("read it as TOML: {error}")).at_line(line)
    })?;
    match DeTable::parse(piece) {
        Ok(table) => Ok(Table::of(table.into_inner(), shift)),
        Err(error) => {
            let line = error.span().map(|span| Lines::of(text).at(span.start.saturating_add(shift)));
            // The first line says what is wrong, the others show where.
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            Err(ParseError { line, ..ParseError::new(format!("read it as TOML: {message}")) })
        }
    }
}

/// Refuses a large document whose tree, in whatever way it is read as a whole, would take many times its memory.
pub(in crate::extractor) fn check_density(text: &str) -> Result<(), ParseError> {
    check_cost(text, READ_COST, text.len())
}

/// What signs cost.
#[derive(Clone, Copy)]
struct Cost {
    /// An opening brace.
    table: usize,
    /// An opening bracket.
    list: usize,
    /// An equals sign or a comma.
    value: usize,
    /// The end of a line, or a dot.
    word: usize,
}

/// Refuses a text whose tree would take many times the memory of a document of `size` bytes.
fn check_cost(text: &str, cost: Cost, size: usize) -> Result<(), ParseError> {
    if text.len() <= SMALL {
        return Ok(());
    }
    let sum: usize = text
        .bytes()
        .map(|byte| match byte {
            b'{' => cost.table,
            b'[' => cost.list,
            b'=' | b',' => cost.value,
            b'\n' | b'.' => cost.word,
            _ => 0,
        })
        .sum();
    if sum <= size.saturating_mul(COST_LIMIT) {
        return Ok(());
    }
    Err(ParseError::new("read it: it is made of more values than a lockfile of its size"))
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
        self.at(key).and_then(Value::as_table)
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
        self.list_at(key).iter().filter_map(Value::as_table)
    }
}

impl<'a> Look<'a> for Table<'a> {
    fn at(&self, key: &str) -> Option<&Value<'a>> {
        let position = self.0.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        self.0.get(position).map(|(_, value)| value)
    }
}

/// The text, if it is one.
pub(in crate::extractor) fn text<'t>(value: &'t Value<'_>) -> Option<&'t str> {
    match &value.form {
        Form::Text(text) => Some(text),
        _ => None,
    }
}

/// The items, if it is a list; none of anything else.
pub(in crate::extractor) fn items<'t, 'a>(value: &'t Value<'a>) -> &'t [Value<'a>] {
    match &value.form {
        Form::List(items) => items,
        _ => &[],
    }
}

/// A package as Python's lockfiles list it: a table with a name.
pub(in crate::extractor) struct NamedTable<'t> {
    /// The name.
    pub(in crate::extractor) name: &'t str,
    /// The line of the name, from 1.
    pub(in crate::extractor) line: u32,
    /// All of it.
    pub(in crate::extractor) table: &'t Table<'t>,
}

impl<'t> NamedTable<'t> {
    /// Takes an entry of the list; one that is no table, or has no name, is an error at its place.
    pub(in crate::extractor) fn read(entry: &'t Value<'t>, lines: &Lines) -> Result<Self, ParseError> {
        let fault = |message: &str| ParseError::new(message).at_line(lines.at(entry.offset));
        let table = entry.as_table().ok_or_else(|| fault("find a table for each package"))?;
        let name = table.at("name").and_then(|name| Some((text(name)?, lines.at(name.offset))));
        let (name, line) = name.ok_or_else(|| fault("find the name of a package"))?;
        Ok(Self { name, line, table })
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
        assert_eq!(Lines::of(text).at(package.list_at("list")[0].offset), 4);
        assert!(table.table_at("a").is_none() && table.list_at("b").is_empty());
    }

    #[test]
    fn large_documents_are_read_in_pieces() {
        let entry = |number: usize| format!("[[package]]\nname = \"p{number}\"\n[package.more]\nx = [{number}]\n\n");
        let text = format!("version = 1\n{}[metadata]\na = 'b'\n", (0..20_000).map(entry).collect::<String>());
        let pieces = pieces(&text, "[[package]]");
        assert!(pieces.len() > 3, "{}", pieces.len());
        let root = parse(&text, "[[package]]").expect("TOML");
        let whole = read_whole(&text, 0, &text).expect("TOML");
        assert_eq!(
            format!("{:?}", root.at("package")),
            format!("{:?}", whole.at("package")).replacen(
                &format!("offset: {}", whole.at("package").expect("a list").offset),
                &format!("offset: {}", root.at("package").expect("a list").offset),
                1
            )
        );
        assert_eq!(root.table_at("metadata").and_then(|metadata| metadata.text_at("a")), Some("b"));
        assert_eq!(root.at("version").and_then(Value::integer), Some("1"));
        // What only the whole tells.
        let long = text.replace("'b'", &format!("\"\"\"{}\"\"\"", entry(7).repeat(10_000)));
        assert_eq!(parse(&long, "[[package]]").expect("TOML").list_at("package").len(), 20_000);
        for (end, line) in [("[metadata]\n", 100_004), ("version = 2\nversion = 3\n", 100_005), ("x", 100_004)] {
            assert_eq!(parse(&format!("{text}{end}"), "[[package]]").expect_err(end).line, Some(line), "{end}");
        }
    }

    #[test]
    fn what_would_take_many_times_its_size_is_refused() {
        for (unit, end) in [("1,", "]"), ("[],", "]"), ("{},", "]"), ("{a=1},", "]")] {
            let text = format!("a = [{}{end}", unit.repeat(3 * 1024 * 1024 / unit.len()));
            assert!(parse(&text, "[[package]]").expect_err(unit).message.contains("more values"), "{unit}");
        }
        for unit in ["#\n", "a."] {
            let text = format!("{}a = 1\n", unit.repeat(3 * 1024 * 1024 / unit.len()));
            assert!(parse(&text, "[[package]]").expect_err(unit).message.contains("more values"), "{unit}");
        }
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
