//! The line, which knows families by their tables.

use anyhow::Result;

use crate::extractor::EXTRACTORS;

pub fn scan() -> Result<usize> {
    crate::git::mirror();
    Ok(EXTRACTORS.len())
}
