//! The part of HCL that Terraform writes into its lock
//! (<https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md>): blocks with labels, and attributes that are text or lists
//! of text. No expression has a meaning in this file, and Terraform refuses all of them there.

use std::iter::Peekable;
use std::str::CharIndices;

/// More labels or attributes have no meaning in a lock, and each takes more memory than text.
const FEW: usize = 16;

/// A block: `provider "registry.example/a/b" { … }`.
pub(super) struct Block {
    /// Its type.
    pub(super) kind: String,
    /// What stands between the type and the brace.
    pub(super) labels: Vec<String>,
    /// The offset of its type.
    pub(super) offset: usize,
    /// Its attributes in order.
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute: `name = "text"` or `name = ["text", …]`.
pub(super) struct Attribute {
    /// Its name.
    pub(super) name: String,
    /// The offset of its name.
    pub(super) offset: usize,
    /// Its text; `None` for a list.
    pub(super) text: Option<String>,
}

/// Where a text is not what it should be, and what was expected there.
pub(super) struct Fault {
    /// The offset.
    pub(super) offset: usize,
    /// What was expected.
    pub(super) expected: &'static str,
}

enum Token {
    Word(String),
    Text(String),
    Sign(char),
    Newline,
}

/// Reads all blocks.
pub(super) fn read(text: &str) -> Result<Vec<Block>, Fault> {
    let mut reader = Reader { characters: text.char_indices().peekable(), end: text.len() };
    let mut blocks = Vec::new();
    while let Some((offset, token)) = reader.skip_newlines()? {
        let Token::Word(kind) = token else { return Err(Fault { offset, expected: "a block" }) };
        let mut block = Block { kind, labels: Vec::new(), offset, attributes: Vec::new() };
        loop {
            match reader.token()? {
                Some((_, Token::Text(label) | Token::Word(label))) if block.labels.len() < FEW => {
                    block.labels.push(label);
                }
                Some((_, Token::Sign('{'))) => break,
                other => return Err(reader.fault(other, "`{`")),
            }
        }
        loop {
            match reader.skip_newlines()? {
                Some((_, Token::Sign('}'))) => break,
                Some((offset, Token::Word(name))) if block.attributes.len() < FEW => {
                    block.attributes.push(reader.attribute(name, offset)?);
                }
                other => return Err(reader.fault(other, "an attribute or `}`")),
            }
        }
        blocks.push(block);
    }
    Ok(blocks)
}

struct Reader<'a> {
    characters: Peekable<CharIndices<'a>>,
    end: usize,
}

impl Reader<'_> {
    fn fault(&self, found: Option<(usize, Token)>, expected: &'static str) -> Fault {
        Fault { offset: found.map_or(self.end, |(offset, _)| offset), expected }
    }

    fn attribute(&mut self, name: String, offset: usize) -> Result<Attribute, Fault> {
        match self.token()? {
            Some((_, Token::Sign('='))) => {}
            other => return Err(self.fault(other, "`=`")),
        }
        let text = match self.token()? {
            Some((_, Token::Text(text))) => Some(text),
            Some((_, Token::Sign('['))) => {
                loop {
                    match self.skip_newlines()? {
                        Some((_, Token::Sign(']'))) => break,
                        Some((_, Token::Text(_) | Token::Sign(','))) => {}
                        other => return Err(self.fault(other, "text or `]`")),
                    }
                }
                None
            }
            other => return Err(self.fault(other, "text or a list of text")),
        };
        match self.token()? {
            None | Some((_, Token::Newline)) => Ok(Attribute { name, offset, text }),
            other => Err(self.fault(other, "the end of the line")),
        }
    }

    fn skip_newlines(&mut self) -> Result<Option<(usize, Token)>, Fault> {
        loop {
            match self.token()? {
                Some((_, Token::Newline)) => {}
                other => return Ok(other),
            }
        }
    }

    fn token(&mut self) -> Result<Option<(usize, Token)>, Fault> {
        while let Some((offset, character)) = self.characters.next() {
            let token = match character {
                '\n' => Token::Newline,
                ' ' | '\t' | '\r' => continue,
                '#' => {
                    self.skip_line();
                    continue;
                }
                '/' => {
                    match self.characters.next() {
                        Some((_, '/')) => self.skip_line(),
                        Some((_, '*')) => self.skip_comment(offset)?,
                        _ => return Err(Fault { offset, expected: "a comment" }),
                    }
                    continue;
                }
                '"' => Token::Text(self.string(offset)?),
                first if first.is_alphabetic() || first == '_' => Token::Word(self.word(first)),
                sign => Token::Sign(sign),
            };
            return Ok(Some((offset, token)));
        }
        Ok(None)
    }

    /// To the end of the line, which itself stays.
    fn skip_line(&mut self) {
        while self.characters.next_if(|(_, character)| *character != '\n').is_some() {}
    }

    fn skip_comment(&mut self, offset: usize) -> Result<(), Fault> {
        let mut before = ' ';
        for (_, character) in self.characters.by_ref() {
            if before == '*' && character == '/' {
                return Ok(());
            }
            before = character;
        }
        Err(Fault { offset, expected: "the end of a comment" })
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some((_, next)) =
            self.characters.next_if(|(_, next)| next.is_alphanumeric() || matches!(next, '_' | '-'))
        {
            word.push(next);
        }
        word
    }

    fn string(&mut self, offset: usize) -> Result<String, Fault> {
        let mut text = String::new();
        while let Some((at, character)) = self.characters.next() {
            match character {
                '"' => return Ok(text),
                '\n' => return Err(Fault { offset: at, expected: "the end of a text" }),
                '\\' => match self.characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, plain @ ('"' | '\\'))) => text.push(plain),
                    _ => return Err(Fault { offset: at, expected: "an escaped character" }),
                },
                '$' | '%' if self.characters.peek().is_some_and(|(_, next)| *next == '{') => {
                    return Err(Fault { offset: at, expected: "text without a template" });
                }
                plain => text.push(plain),
            }
        }
        Err(Fault { offset, expected: "the end of a text" })
    }
}
