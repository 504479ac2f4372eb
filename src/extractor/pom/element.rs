//! A small XML document as a tree with lines.

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::super::contract::ParseError;
use super::super::contract::text::Lines;
use super::super::contract::xml::next_event;

/// Maven nests about ten levels; configurations of plugins nest as they like.
const DEPTH_LIMIT: usize = 100;

/// In files of this many bytes, or less, there may be any number of elements.
const SMALL: usize = 1024 * 1024;

/// Elements have forty bytes in files that people write; with less than this many the tree would take many times the
/// memory of the file.
const BYTES_PER_ELEMENT: usize = 10;

/// An element. Attributes mean nothing in a pom.xml.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name without a prefix.
    pub(super) name: String,
    /// The line on which it starts, from 1.
    pub(super) line: u32,
    /// The text in it without the elements, trimmed.
    pub(super) text: String,
    /// The elements in it.
    pub(super) children: Vec<Self>,
}

impl Element {
    /// Reads a document. References to entities that are not XML's own are refused: they would have to be expanded.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let lines = Lines::of(text);
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements_left = if text.len() <= SMALL { usize::MAX } else { text.len() / BYTES_PER_ELEMENT };
        loop {
            let (offset, event) = next_event(&mut reader, text, &lines)?;
            let fault = |message: String| ParseError::new(message).at_line(lines.at(offset));
            let closed = match event {
                Event::Start(start) => {
                    if open.len() >= DEPTH_LIMIT {
                        return Err(fault(format!("read it: it nests more than {DEPTH_LIMIT} levels")));
                    }
                    open.push(Self::new(start.local_name().as_ref(), lines.at(offset)));
                    None
                }
                Event::Empty(start) => Some(Self::new(start.local_name().as_ref(), lines.at(offset))),
                Event::End(_) => open.pop(),
                Event::Text(written) => {
                    push(&mut open, &written);
                    None
                }
                Event::CData(written) => {
                    push(&mut open, &written);
                    None
                }
                Event::GeneralRef(reference) => {
                    let entity = format!("&{};", &*reference);
                    let text = quick_xml::escape::unescape(&entity);
                    push(&mut open, &text.map_err(|error| fault(format!("read it as XML: {error}")))?);
                    None
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
            };
            let Some(mut element) = closed else { continue };
            elements_left = elements_left
                .checked_sub(1)
                .ok_or_else(|| fault("read it: it is made of more elements than a project of its size".to_owned()))?;
            let text = std::mem::take(&mut element.text);
            text.trim().clone_into(&mut element.text);
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None if root.is_none() => root = Some(element),
                None => return Err(fault("read it as XML: it has two elements at its top".to_owned())),
            }
        }
        match root {
            Some(root) if open.is_empty() => Ok(root),
            _ => Err(ParseError::new("read it as XML: its end is missing").at_line(lines.at(text.len()))),
        }
    }

    fn new(name: &str, line: u32) -> Self {
        Self { name: name.to_owned(), line, ..Self::default() }
    }

    /// The first element of a name in it.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element of a name in it.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The elements of a name in the first list of another name.
    pub(super) fn all<'a>(&'a self, list: &str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        let items = self.child(list).map(|list| list.children.as_slice()).unwrap_or_default();
        items.iter().filter(move |item| item.name == name)
    }
}

/// Notes a text in the element that is open; what stands around the top element is blank.
fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
