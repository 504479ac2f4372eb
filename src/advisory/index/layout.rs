//! Layout: the header of an index, and where its sections are.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::storage::Storage;
use super::{FORMAT_VERSION, IndexError};

/// As in PNG: a byte above 127 and line ends show a transfer that changes bytes.
const MAGIC: [u8; 8] = *b"\x89PPDB\r\n\x1a";
const SECTIONS: usize = 7;
const SECTION_COUNT: u32 = 7;
/// Magic, version, number of sections, length of the file, the sections, the checksum of all that.
const HEADER_LENGTH: usize = 8 + 4 + 4 + 8 + SECTIONS * 24 + 8;

/// A part of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Counts, sources, ecosystems.
    Metadata,
    /// Where the buckets of `packages` begin.
    PackageDirectory,
    /// What is affected, by package.
    Packages,
    /// Where the buckets of `names` begin.
    NameDirectory,
    /// Flaws by name.
    Names,
    /// Flaws with their records.
    Flaws,
    /// What people read.
    Texts,
}

impl Section {
    /// Every section, in the order of the file.
    pub(super) const ALL: [Self; SECTIONS] = [
        Self::Metadata,
        Self::PackageDirectory,
        Self::Packages,
        Self::NameDirectory,
        Self::Names,
        Self::Flaws,
        Self::Texts,
    ];
}

impl fmt::Display for Section {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Metadata => "metadata",
            Self::PackageDirectory => "package directory",
            Self::Packages => "packages",
            Self::NameDirectory => "name directory",
            Self::Names => "names",
            Self::Flaws => "flaws",
            Self::Texts => "texts",
        })
    }
}

/// Where a section is, and the checksum of all of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) checksum: u64,
}

/// Where all sections are.
#[derive(Debug)]
pub(super) struct Layout([Extent; SECTIONS]);

impl Layout {
    /// Reads and checks the header.
    pub(super) fn read(storage: &Storage) -> Result<Self, IndexError> {
        let header = storage.read(0, HEADER_LENGTH as u64)?;
        let Some(header) = header else {
            let start = storage.read(0, storage.length().min(MAGIC.len() as u64))?.unwrap_or_default();
            return Err(if start.as_ref() == MAGIC { IndexError::DamagedHeader } else { IndexError::NotAnIndex });
        };
        let mut fields = Fields(&header);
        if fields.take::<8>() != Some(MAGIC) {
            return Err(IndexError::NotAnIndex);
        }
        let version = fields.u32().ok_or(IndexError::DamagedHeader)?;
        if version != FORMAT_VERSION {
            return Err(IndexError::OtherVersion(version));
        }
        Self::of_fields(&mut fields, &header, storage.length()).ok_or(IndexError::DamagedHeader)
    }

    fn of_fields(fields: &mut Fields<'_>, header: &[u8], file_length: u64) -> Option<Self> {
        let (checked, checksum) = header.split_last_chunk::<8>()?;
        let is_whole = cfg!(fuzzing) || xxh3_64(checked) == u64::from_le_bytes(*checksum);
        if !is_whole || fields.u32()? != SECTION_COUNT || fields.u64()? != file_length {
            return None;
        }
        let mut extents = [Extent::default(); SECTIONS];
        let mut end = HEADER_LENGTH as u64;
        for extent in &mut extents {
            *extent = Extent { offset: fields.u64()?, length: fields.u64()?, checksum: fields.u64()? };
            if extent.offset != end {
                return None;
            }
            end = end.checked_add(extent.length)?;
        }
        (end == file_length).then_some(Self(extents))
    }

    /// Where a section is.
    pub(super) fn extent(&self, section: Section) -> Extent {
        self.0[section as usize]
    }

    /// All bytes of a section, verified.
    pub(super) fn whole<'a>(&self, storage: &'a Storage, section: Section) -> Result<Cow<'a, [u8]>, IndexError> {
        let extent = self.extent(section);
        // The fuzzer reaches what is behind the checksums.
        let is_whole = |bytes: &[u8]| cfg!(fuzzing) || xxh3_64(bytes) == extent.checksum;
        let bytes = storage.read(extent.offset, extent.length)?.filter(|bytes| is_whole(bytes));
        bytes.ok_or_else(|| self.damage(section, 0))
    }

    /// That something within a section is not as it was written.
    pub(super) fn damage(&self, section: Section, offset: u64) -> IndexError {
        IndexError::Damaged { section, offset: self.extent(section).offset.saturating_add(offset) }
    }
}

/// Fields of a header, from its beginning.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (field, rest) = self.0.split_first_chunk::<LENGTH>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// Writes the header and the sections.
pub(super) fn write(sections: &[Vec<u8>; SECTIONS], sink: &mut dyn Write) -> io::Result<()> {
    let bodies: u64 = sections.iter().map(|section| section.len() as u64).sum();
    let mut header = Vec::with_capacity(HEADER_LENGTH);
    header.extend(MAGIC);
    header.extend(FORMAT_VERSION.to_le_bytes());
    header.extend(SECTION_COUNT.to_le_bytes());
    header.extend((HEADER_LENGTH as u64 + bodies).to_le_bytes());
    let mut offset = HEADER_LENGTH as u64;
    for section in sections {
        header.extend(offset.to_le_bytes());
        header.extend((section.len() as u64).to_le_bytes());
        header.extend(xxh3_64(section).to_le_bytes());
        offset += section.len() as u64;
    }
    let checksum = xxh3_64(&header);
    header.extend(checksum.to_le_bytes());
    sink.write_all(&header)?;
    sections.iter().try_for_each(|section| sink.write_all(section))
}

/// Whether a file says of itself that it is an index, whole or not.
pub(crate) fn is_index(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let file = std::fs::File::open(path);
    file.and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == MAGIC
}
