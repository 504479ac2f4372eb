//! The compiled index: every advisory in one file that is opened without reading it all.
//!
//! A file is a header with the places of seven sections, which follow each other without a gap:
//!
//! 1. `metadata`: counts, the sources with their status and the digest of their content, the ecosystems.
//! 2. `package directory` and 3. `packages`: a hash table from an ecosystem and a normalised name to what is affected.
//! 4. `name directory` and 5. `names`: a hash table from every name of a flaw to the flaw.
//! 6. `flaws`: the names of each flaw and its records.
//! 7. `texts`: what people read, of each record, the long text compressed.
//!
//! Everything that is read is covered by a checksum that is verified when it is read, and every place is held against
//! the length of its section: a damaged file is an error, never another answer. The same advisories give the same bytes.

mod block;
mod compile;
mod content;
mod flaws;
mod layout;
mod reader;
mod storage;
mod table;
mod text;
mod wire;

pub(super) use block::Place;
pub(super) use compile::{Compilation, Compiled};
pub(super) use content::{Contents, Rating};
pub(crate) use layout::is_index;
pub(super) use reader::{FlawBytes, Index, Verified};
pub(super) use text::Text;
pub(super) use wire::{Entry, FlawBlock, FlawRecord, Metadata, SourceSummary};

pub use layout::Section;

/// The version of the format and of what is left out at compile time; a file of another version is refused. Raise it
/// whenever the bytes of the same advisories change, or the order of versions that explicit versions are dropped by.
pub const FORMAT_VERSION: u32 = 4;

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file cannot be read.
    #[error("read the index")]
    Unreadable(#[source] std::io::Error),
    /// It is something else.
    #[error("read the index: it is not a compiled advisory index")]
    NotAnIndex,
    /// Another version of patchparty wrote it.
    #[error("read the index: it has format version {0}, this patchparty reads version {FORMAT_VERSION}")]
    OtherVersion(u32),
    /// The header does not fit the file.
    #[error("read the index: its header is damaged, or the file is cut off")]
    DamagedHeader,
    /// A part is not what was written.
    #[error("read the index: section `{section}` is damaged at byte {offset} of the file")]
    Damaged {
        /// The section.
        section: Section,
        /// Where in the file the damaged part begins.
        offset: u64,
    },
}

#[cfg(test)]
mod tests;
