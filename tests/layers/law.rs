//! What a law of the house is, and a complaint of who breaks it.

use std::fmt;

/// What holds for a crate's sources.
pub(crate) struct Law {
    /// Folders per layer, from the bottom up.
    pub(crate) layers: &'static [&'static [&'static str]],
    pub(crate) families: &'static [Family],
    pub(crate) doors: &'static [Door],
    pub(crate) allowed: &'static [Allowed],
}

/// A folder of which there can be one more member, with a table of the members in its `mod.rs`.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// Files that are no members, each with what it is.
    pub(crate) parts: &'static [(&'static str, &'static str)],
}

impl Family {
    /// Whether the module is one of the family's own, and no member.
    pub(crate) fn is_part(&self, module: &str) -> bool {
        module == "contract" || self.parts.iter().any(|(part, _)| *part == module)
    }
}

/// Something of another crate that only some folders may name.
pub(crate) struct Door {
    pub(crate) path: &'static str,
    pub(crate) folders: &'static [&'static str],
    pub(crate) way_out: &'static str,
}

/// An exception: modules below `from` may do to modules (or crates) below `to` what the rule forbids.
pub(crate) struct Allowed {
    pub(crate) rule: Rule,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) reason: &'static str,
}

/// What a complaint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Up,
    Sideways,
    Sibling,
    ThroughTable,
    NamedMember,
    Door,
    Unlisted,
    TableDoes,
    NoLayer,
    LayerOrder,
    Orphan,
    FirstLine,
    TooLong,
    EmptyName,
    Unreadable,
}

impl Rule {
    pub(crate) const ALL: &[Self] = &[
        Self::Up,
        Self::Sideways,
        Self::Sibling,
        Self::ThroughTable,
        Self::NamedMember,
        Self::Door,
        Self::Unlisted,
        Self::TableDoes,
        Self::NoLayer,
        Self::LayerOrder,
        Self::Orphan,
        Self::FirstLine,
        Self::TooLong,
        Self::EmptyName,
        Self::Unreadable,
    ];

    /// What nearly always mends it.
    const fn way_out(self) -> &'static str {
        match self {
            Self::Up => "imports point down: move the type to a lower layer, or pass plain data",
            Self::Sideways => {
                "let the layer above pass what is needed, or add it to `allowed` in tests/layers.rs with a reason"
            }
            Self::Sibling => {
                "a member sees `super::contract`, its own sub-folder and lower layers: move what is shared there"
            }
            Self::ThroughTable => "a member does not see `mod.rs`: import from `super::contract`",
            Self::NamedMember => "members are known to their table alone: go through the table or the contract",
            Self::Door => "go through the folder that owns it",
            Self::Unlisted => "add it to the table, or to the family's `parts` in tests/layers.rs with what it is",
            Self::TableDoes => "`mod.rs` of a family lists, it does not do: move this to a file of its own",
            Self::NoLayer => "give it a layer in tests/layers.rs and in the head of src/lib.rs",
            Self::LayerOrder => "list the modules in layer order, so that src/lib.rs reads from the bottom up",
            Self::Orphan => "declare it with `mod`, or delete it",
            Self::FirstLine => "begin with one sentence: `//! What this file is.`",
            Self::TooLong => "split it along its nouns",
            Self::EmptyName => "name it for what it is",
            Self::Unreadable => "make it parse",
        }
    }
}

/// One broken rule.
pub(crate) struct Complaint {
    pub(crate) rule: Rule,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) way_out: &'static str,
}

impl Complaint {
    pub(crate) fn new(rule: Rule, file: &str, line: usize, what: String) -> Self {
        Self { rule, file: file.to_owned(), line, what, way_out: rule.way_out() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {:?}: {}; {}", self.file, self.line, self.rule, self.what, self.way_out)
    }
}
