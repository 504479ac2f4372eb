//! Storage: the bytes of an index, in memory or in a file that is read piece by piece.

use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::IndexError;

/// The bytes of an index.
#[derive(Debug)]
pub(super) enum Storage {
    /// All of them.
    Memory(Vec<u8>),
    /// A file with its length when it was opened. It is never mapped: one that is cut off later gives an error of
    /// reading, not a signal.
    File(File, u64),
}

/// Smaller files are read at once: a look-up is then no call of the system, and few look-ups make one at all.
const SMALL: u64 = 128 << 10;

impl Storage {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, IndexError> {
        let file = File::open(path).map_err(IndexError::Unreadable)?;
        let metadata = file.metadata().map_err(IndexError::Unreadable)?;
        if !metadata.is_file() {
            return Err(IndexError::NotAnIndex);
        }
        let storage = Self::File(file, metadata.len());
        if metadata.len() > SMALL {
            return Ok(storage);
        }
        let bytes = storage.read(0, metadata.len())?.map(Cow::into_owned);
        Ok(bytes.map_or(storage, Self::Memory))
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    /// Some of the bytes; `None` when there are not as many. No more than the storage holds is ever allocated.
    pub(super) fn read(&self, offset: u64, length: u64) -> Result<Option<Cow<'_, [u8]>>, IndexError> {
        let Some(end) = offset.checked_add(length).filter(|end| *end <= self.length()) else { return Ok(None) };
        match self {
            Self::Memory(bytes) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                Ok(range.and_then(|(start, end)| bytes.get(start..end)).map(Cow::Borrowed))
            }
            Self::File(file, _) => {
                let Ok(length) = usize::try_from(length) else { return Ok(None) };
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset).map_err(IndexError::Unreadable)?;
                Ok(Some(Cow::Owned(bytes)))
            }
        }
    }
}
