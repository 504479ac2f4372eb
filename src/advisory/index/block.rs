//! Blocks: pieces of a section, each with its own checksum.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::IndexError;
use super::layout::{Layout, Section};
use super::storage::Storage;

/// Half of XXH3: a flaw has a block of its own, and four bytes more for each would be a tenth of it.
const CHECKSUM_LENGTH: usize = 4;

/// Where a block is in its section, its checksum included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(in crate::advisory) struct Place {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A block that was read and is what was written.
#[derive(Debug)]
pub(super) struct Block<'a>(Cow<'a, [u8]>);

impl Block<'_> {
    /// What is in it.
    pub(super) fn payload(&self) -> &[u8] {
        self.0.get(CHECKSUM_LENGTH..).unwrap_or_default()
    }
}

/// Of a block at another place or in another section the checksum is another one, so that none is taken for it.
fn checksum(section: Section, offset: u64, payload: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let seed = offset ^ ((section as u64 + 1) << 56);
    let [a, b, c, d, ..] = xxh3_64_with_seed(payload, seed).to_le_bytes();
    [a, b, c, d]
}

/// Appends a block to its section.
pub(super) fn append(section: Section, bytes: &mut Vec<u8>, payload: &[u8]) -> Place {
    let offset = bytes.len() as u64;
    bytes.extend(checksum(section, offset, payload));
    bytes.extend(payload);
    Place { offset, length: (CHECKSUM_LENGTH + payload.len()) as u64 }
}

/// Reads a block.
pub(super) fn read<'a>(
    storage: &'a Storage,
    layout: &Layout,
    section: Section,
    place: Place,
) -> Result<Block<'a>, IndexError> {
    let damage = || layout.damage(section, place.offset);
    let extent = layout.extent(section);
    let is_within = place.offset.checked_add(place.length).is_some_and(|end| end <= extent.length);
    if !is_within {
        return Err(damage());
    }
    // Within the section, and that is within the file.
    let bytes = storage.read(extent.offset + place.offset, place.length)?.ok_or_else(damage)?;
    let is_whole = bytes
        .split_first_chunk::<CHECKSUM_LENGTH>()
        // The fuzzer reaches what is behind the checksums.
        .is_some_and(|(sum, payload)| cfg!(fuzzing) || *sum == checksum(section, place.offset, payload));
    if is_whole { Ok(Block(bytes)) } else { Err(damage()) }
}
