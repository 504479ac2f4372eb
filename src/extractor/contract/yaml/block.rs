//! The regular part of YAML that package managers write: block mappings of plain and quoted scalars, lists of scalars,
//! collections on one line and literal text. Whatever else comes is left to the complete reader.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::super::text::first_line;
use super::{DEPTH_LIMIT, Member, Node, Value, repeated};

/// YAML allows a key without `?` in this many characters only.
const KEY_LENGTH_LIMIT: usize = 1024;

/// Reads the documents of a text; `None` when there is anything that a complete reader must judge, also what is wrong.
pub(super) fn read(text: &str) -> Option<Vec<Node<'_>>> {
    // Tabs, other control characters and marks of byte order have rules of their own.
    // All are counted, although one is enough: the compiler makes that one step for many bytes.
    let is_control = |byte: &u8| (*byte < 0x20 && *byte != b'\n' && *byte != b'\r') || *byte == 0x7f;
    if text.as_bytes().iter().filter(|byte| is_control(byte)).count() > 0 || !is_usual(text) {
        return None;
    }
    let mut reader = Reader { rest: text, next_number: 1, next: None };
    reader.advance()?;
    let mut documents = Vec::new();
    while let Some(line) = reader.next {
        if line.indent == 0 && line.content == "---" {
            reader.advance()?;
            // A document with nothing in it is nothing that anyone writes.
            reader.next.filter(|line| line.content != "---")?;
        } else if !documents.is_empty() {
            return None;
        }
        let start = reader.next?;
        if start.indent != 0 || start.content.starts_with('-') {
            return None;
        }
        documents.push(reader.map(0, 0)?);
        reader.next.is_none_or(|line| line.content == "---").then_some(())?;
    }
    Some(documents)
}

/// Whether all characters are ones that YAML has no second thoughts about.
fn is_usual(text: &str) -> bool {
    text.is_ascii()
        || !text.chars().any(|one| matches!(one, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
}

/// A line that is not blank and no comment.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: u32,
    indent: usize,
    /// Without the spaces around it.
    content: &'a str,
}

/// What comes next in a text.
enum Taken<'a> {
    Line(&'a str),
    /// A line that a complete reader must judge.
    Unusual,
    End,
}

struct Reader<'a> {
    /// What follows the next line.
    rest: &'a str,
    /// The number of the first line of `rest`.
    next_number: u32,
    next: Option<Line<'a>>,
}

impl<'a> Reader<'a> {
    /// Takes one line of text.
    fn take_line(&mut self) -> Taken<'a> {
        if self.rest.is_empty() {
            return Taken::End;
        }
        let (line, rest) = first_line(self.rest);
        self.rest = rest;
        self.next_number = self.next_number.saturating_add(1);
        // A lone carriage return ends a line, too.
        if memchr(b'\r', line.as_bytes()).is_some() { Taken::Unusual } else { Taken::Line(line) }
    }

    /// Goes to the next line that says something.
    fn advance(&mut self) -> Option<()> {
        loop {
            let number = self.next_number;
            let line = match self.take_line() {
                Taken::Line(line) => line,
                Taken::Unusual => return None,
                Taken::End => {
                    self.next = None;
                    return Some(());
                }
            };
            let content = line.trim_start_matches(' ');
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            self.next =
                Some(Line { number, indent: line.len() - content.len(), content: content.trim_end_matches(' ') });
            return Some(());
        }
    }

    /// Reads the mapping whose keys stand at `indent`.
    fn map(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        if depth >= DEPTH_LIMIT {
            return None;
        }
        let start = self.next?.number;
        let mut members = Vec::new();
        while let Some(line) = self.next.filter(|line| line.indent >= indent) {
            if line.content == "---" && line.indent == 0 {
                break;
            }
            if line.indent != indent {
                return None;
            }
            let (key, rest) = key(line.content)?;
            let value = if rest.is_empty() { self.below(line, depth)? } else { self.beside(line, rest)? };
            members.push(Member { line: line.number, key, value });
        }
        if repeated(&members).is_some() {
            return None;
        }
        Some(Node { line: start, value: Value::Map(members) })
    }

    /// Reads what stands below a key.
    fn below(&mut self, key: Line<'a>, depth: usize) -> Option<Node<'a>> {
        self.advance()?;
        match self.next {
            Some(line) if line.indent >= key.indent && is_item(line.content) => self.list(line.indent),
            Some(line) if line.indent > key.indent => self.map(line.indent, depth + 1),
            _ => Some(Node { line: key.number, value: Value::Text(Cow::Borrowed("")) }),
        }
    }

    /// Reads a list of scalars.
    fn list(&mut self, indent: usize) -> Option<Node<'a>> {
        let start = self.next?.number;
        let mut items = Vec::new();
        while let Some(line) = self.next.filter(|line| line.indent == indent && is_item(line.content)) {
            let content = line.content.strip_prefix("- ")?.trim_start_matches(' ');
            items.push(Node { line: line.number, value: Value::Text(scalar(content)?) });
            self.advance()?;
        }
        // More indented, it is a part of the last item.
        self.next.is_none_or(|line| line.indent <= indent).then_some(())?;
        Some(Node { line: start, value: Value::List(items) })
    }

    /// Reads what stands on the line of its key.
    fn beside(&mut self, key: Line<'a>, rest: &'a str) -> Option<Node<'a>> {
        let value = match rest.as_bytes().first()? {
            b'|' | b'>' => return self.literal(key, rest),
            b'{' | b'[' => {
                let mut flow = Flow { rest, line: key.number };
                let node = flow.node(0)?;
                flow.rest.is_empty().then_some(())?;
                node.value
            }
            _ => Value::Text(scalar(rest)?),
        };
        self.advance()?;
        // More indented, it is a part of the value.
        self.next.is_none_or(|line| line.indent <= key.indent).then_some(())?;
        Some(Node { line: key.number, value })
    }

    /// Reads literal text, and folded text of one line.
    fn literal(&mut self, key: Line<'a>, style: &str) -> Option<Node<'a>> {
        let mut text = String::new();
        let mut indent = None;
        // Empty lines count when more text follows.
        let (mut count, mut empty) = (0_usize, 0_usize);
        let start = self.next_number;
        loop {
            let (rest, number) = (self.rest, self.next_number);
            let line = match self.take_line() {
                Taken::Line(line) => line,
                Taken::Unusual => return None,
                Taken::End => break,
            };
            let content = line.trim_start_matches(' ');
            let own = line.len() - content.len();
            if content.is_empty() {
                // Before the first line, spaces may decide how deep the text stands.
                indent.is_some_and(|indent| own <= indent).then_some(())?;
                empty += 1;
                continue;
            }
            if own <= key.indent {
                (self.rest, self.next_number) = (rest, number);
                break;
            }
            let indent = *indent.get_or_insert(own);
            if own < indent {
                return None;
            }
            text.extend(std::iter::repeat_n('\n', empty + usize::from(count > 0)));
            text.push_str(line.get(indent..)?);
            (count, empty) = (count + 1, 0);
        }
        match style {
            _ if count == 0 => return None,
            "|-" => {}
            "|" => text.push('\n'),
            ">-" if count == 1 && !text.starts_with(['\n', ' ']) => {}
            _ => return None,
        }
        self.advance()?;
        Some(Node { line: start, value: Value::Text(Cow::Owned(text)) })
    }
}

fn is_item(content: &str) -> bool {
    content.starts_with("- ") || content == "-"
}

/// Splits a line into its key and what follows the colon.
fn key(content: &str) -> Option<(Cow<'_, str>, &str)> {
    let (key, rest) = match content.as_bytes().first()? {
        b'"' | b'\'' => {
            let (key, rest) = quoted(content)?;
            (key, rest.strip_prefix(':')?)
        }
        _ => {
            let end = colon(content)?;
            (Cow::Borrowed(plain(content.get(..end)?)?), content.get(end + 1..)?)
        }
    };
    if key.len() > KEY_LENGTH_LIMIT / 2 || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    Some((key, rest.trim_start_matches(' ')))
}

/// The first colon that ends a key.
fn colon(content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    memchr_iter(b':', bytes).find(|at| bytes.get(at + 1).is_none_or(|next| *next == b' '))
}

/// A scalar that fills the rest of a line.
fn scalar(content: &str) -> Option<Cow<'_, str>> {
    match content.as_bytes().first()? {
        b'"' | b'\'' => quoted(content).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| text),
        _ if colon(content).is_some() => None,
        _ => plain(content).map(Cow::Borrowed),
    }
}

/// A plain scalar; `None` for what begins with a sign that means something, holds a comment, or stands for nothing.
fn plain(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => true,
        b'-' | b'?' | b':' => bytes.get(1).is_none_or(|next| *next == b' '),
        b'~' => bytes.len() == 1,
        b'.' => text == "...",
        _ => false,
    };
    let mut hashes = memchr_iter(b'#', bytes);
    let has_comment = hashes.any(|at| at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b' '));
    (!sign && !has_comment && !text.starts_with("---") && !text.ends_with(' ')).then_some(text)
}

/// A quoted scalar without escapes, and what follows it.
fn quoted(content: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = content.get(1..)?;
    if content.starts_with('"') {
        let end = memchr(b'"', inner.as_bytes())?;
        let (text, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
        return (!text.contains('\\')).then_some((Cow::Borrowed(text), rest));
    }
    let mut end = 0;
    let mut doubled = false;
    loop {
        end += memchr(b'\'', inner.get(end..)?.as_bytes())?;
        if inner.as_bytes().get(end + 1) != Some(&b'\'') {
            break;
        }
        doubled = true;
        end += 2;
    }
    let (text, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
    Some((if doubled { Cow::Owned(text.replace("''", "'")) } else { Cow::Borrowed(text) }, rest))
}

/// A collection on one line.
struct Flow<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Flow<'a> {
    fn take(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start_matches(' ');
        let found = rest.strip_prefix(sign);
        self.rest = found.unwrap_or(rest).trim_start_matches(' ');
        found.is_some()
    }

    fn node(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth >= DEPTH_LIMIT / 2 {
            return None;
        }
        let value = if self.take('{') {
            let mut members = Vec::new();
            while !self.take('}') {
                let key = self.scalar()?;
                // `a:b` is one word.
                self.rest.starts_with(": ").then_some(())?;
                self.take(':');
                let value = self.node(depth + 1)?;
                members.push(Member { line: self.line, key, value });
                self.separate('}')?;
            }
            repeated(&members).is_none().then_some(())?;
            Value::Map(members)
        } else if self.take('[') {
            let mut items = Vec::new();
            while !self.take(']') {
                items.push(self.node(depth + 1)?);
                self.separate(']')?;
            }
            Value::List(items)
        } else {
            Value::Text(self.scalar()?)
        };
        Some(Node { line: self.line, value })
    }

    /// Steps over a comma, which nothing but another value follows; the end may come instead.
    fn separate(&mut self, end: char) -> Option<()> {
        if self.take(',') {
            return (!self.rest.starts_with(end)).then_some(());
        }
        self.rest.starts_with(end).then_some(())
    }

    fn scalar(&mut self) -> Option<Cow<'a, str>> {
        if self.rest.starts_with(['"', '\'']) {
            let (text, rest) = quoted(self.rest)?;
            self.rest = rest;
            // YAML allows `"a":b` here, and nobody writes it.
            rest.starts_with([',', '}', ']', ' ', ':']).then_some(())?;
            return Some(text);
        }
        let is_sign = |byte| matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
        let sign = self.rest.bytes().position(is_sign)?;
        // No further than the sign: the rest of the line would be searched for each of its words.
        let before = self.rest.get(..sign)?.as_bytes();
        let mut colons = memchr_iter(b':', before);
        let end = colons.find(|at| before.get(at + 1) == Some(&b' ')).unwrap_or(sign);
        let text = self.rest.get(..end)?.trim_end_matches(' ');
        self.rest = self.rest.get(end..)?;
        // A colon at the end of a word has another meaning here.
        (!text.ends_with(':')).then_some(())?;
        plain(text).map(Cow::Borrowed)
    }
}
