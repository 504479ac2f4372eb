//! Tables: from the hash of a key to values, in buckets that are read one by one.

use super::block::{self, Place};
use super::layout::Section;

/// A bucket holds two or three packages: reading one costs about what asking the system to read costs.
const BUCKET_TARGET: usize = 256;
/// The directory of a table is read when an index is opened: 2 MiB at most.
const BUCKETS_LIMIT: usize = 1 << 18;
/// The bits of a slot of the directory that are the offset of a bucket. Those above are its signature.
const OFFSET_BITS: u32 = 40;

/// A table that is being made.
#[derive(Default)]
pub(super) struct TableBuilder {
    rows: Vec<(u64, Vec<u8>)>,
}

impl TableBuilder {
    /// Adds a value.
    pub(super) fn insert(&mut self, hash: u64, value: Vec<u8>) {
        self.rows.push((hash, value));
    }

    /// The directory and the buckets.
    pub(super) fn finish(mut self, section: Section) -> (Vec<u8>, Vec<u8>) {
        self.rows.sort_unstable();
        let size: usize = self.rows.iter().map(|(_, value)| value.len() + 5).sum();
        let buckets = (size / BUCKET_TARGET).clamp(1, BUCKETS_LIMIT);
        let mut directory = Vec::with_capacity((buckets + 1) * 8);
        let mut body = Vec::with_capacity(size + buckets * 8);
        let mut rows = self.rows.iter().peekable();
        for bucket in 0..buckets {
            let offset = body.len() as u64;
            let mut signature = 0;
            let mut payload = Vec::new();
            // Rows stand in the order of their hashes, and buckets hold ranges of these.
            while let Some((hash, value)) = rows.next_if(|(hash, _)| bucket_of(*hash, buckets) == bucket) {
                signature |= signature_of(*hash);
                payload.extend(fragment(*hash));
                payload = postcard::to_extend(value.as_slice(), payload).expect("bytes go into memory");
            }
            if !payload.is_empty() {
                block::append(section, &mut body, &payload);
            }
            directory.extend((signature | offset).to_le_bytes());
        }
        let end = body.len() as u64;
        assert!(end < 1 << OFFSET_BITS, "a table of a tebibyte is no table of advisories");
        directory.extend(end.to_le_bytes());
        (directory, body)
    }
}

/// The bit that a hash sets in the signature of its bucket: most names that a table does not have are missed there, and
/// nothing is read for them.
fn signature_of(hash: u64) -> u64 {
    let bits = u64::from(u64::BITS - OFFSET_BITS);
    1 << (u64::from(OFFSET_BITS) + (hash & u64::from(u32::MAX)) % bits)
}

fn bucket_of(hash: u64, buckets: usize) -> usize {
    let product = u128::from(hash) * buckets as u128;
    usize::try_from(product >> 64).unwrap_or(usize::MAX)
}

/// The part of the hash that its bucket does not tell.
fn fragment(hash: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = hash.to_le_bytes();
    [a, b, c, d]
}

/// Where the buckets of a table are.
#[derive(Debug)]
pub(super) struct Directory {
    /// The beginnings of the buckets below their signatures, and the end of the last.
    slots: Vec<u64>,
}

fn offset_of(slot: u64) -> u64 {
    slot & ((1 << OFFSET_BITS) - 1)
}

impl Directory {
    /// Reads a directory; `None` when it does not fit a section of `length` bytes.
    pub(super) fn read(bytes: &[u8], length: u64) -> Option<Self> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        let slots: Vec<u64> = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
        let is_sound = rest.is_empty()
            && slots.len() >= 2
            && slots.first().is_some_and(|first| offset_of(*first) == 0)
            && slots.last() == Some(&length)
            && slots.is_sorted_by_key(|slot| offset_of(*slot));
        is_sound.then_some(Self { slots })
    }

    /// The bucket that may have a hash; `None` when none has it.
    pub(super) fn place(&self, hash: u64) -> Option<Place> {
        let bucket = bucket_of(hash, self.slots.len() - 1);
        let may_have = self.slots.get(bucket).is_some_and(|slot| slot & signature_of(hash) != 0);
        if may_have { self.place_of(bucket) } else { None }
    }

    /// Every bucket that is not empty.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.slots.len() - 1).filter_map(|bucket| self.place_of(bucket))
    }

    fn place_of(&self, bucket: usize) -> Option<Place> {
        let (start, end) = (offset_of(*self.slots.get(bucket)?), offset_of(*self.slots.get(bucket + 1)?));
        (end > start).then(|| Place { offset: start, length: end - start })
    }
}

/// The values of a bucket with their fragments; an error ends it.
pub(super) struct Rows<'a>(pub(super) &'a [u8]);

/// A fragment and a value.
pub(super) type Row<'a> = ([u8; 4], &'a [u8]);

/// That a bucket does not hold rows.
pub(super) struct NoRow;

impl<'a> Rows<'a> {
    /// The next value that may belong to the hash.
    pub(super) fn next_for(&mut self, hash: u64) -> Result<Option<&'a [u8]>, NoRow> {
        let wanted = fragment(hash);
        while let Some((found, value)) = self.next_row()? {
            if found == wanted {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The next value.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'a>>, NoRow> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (fragment, rest) = self.0.split_first_chunk::<4>().ok_or(NoRow)?;
        let (value, rest) = postcard::take_from_bytes::<&[u8]>(rest).map_err(|_| NoRow)?;
        self.0 = rest;
        Ok(Some((*fragment, value)))
    }
}
