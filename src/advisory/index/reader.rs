//! Reading: opens an index and finds what is in it, every part verified when it is read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use foldhash::HashMap;

use super::block::{self, Block, Place};
use super::compile::{name_hash, package_hash};
use super::layout::{Layout, Section};
use super::storage::Storage;
use super::table::{Directory, Rows};
use super::text::{self, Text};
use super::wire::{Entry, FlawBlock, FlawRecord, Metadata};
use super::{Compiled, IndexError};
use crate::model::advisory::AdvisoryId;
use crate::model::ecosystem::Ecosystem;

/// An index that was opened.
#[derive(Debug)]
pub(in crate::advisory) struct Index {
    pub(super) storage: Storage,
    pub(super) layout: Layout,
    metadata: Metadata,
    /// The numbers that the index knows the ecosystems by.
    ecosystems: HashMap<Ecosystem, u32>,
    pub(super) packages: Directory,
    /// Read when a name is first asked for: most runs ask for none.
    names: OnceLock<Directory>,
}

/// What `verify` read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::advisory) struct Verified {
    /// Packages.
    pub(in crate::advisory) packages: u64,
    /// What records say about packages.
    pub(in crate::advisory) entries: u64,
    /// Records.
    pub(in crate::advisory) records: u64,
}

/// What is known about one package.
#[derive(Debug)]
pub(in crate::advisory) struct Package<'a> {
    index: &'a Index,
    block: Block<'a>,
    place: Place,
    /// How many bytes of the block come after the beginning of the entries.
    from_end: usize,
    end: usize,
}

impl Package<'_> {
    /// What records say about it, by source and name of the record.
    pub(in crate::advisory) fn entries(&self) -> Result<Vec<Entry<'_>>, IndexError> {
        let payload = self.block.payload();
        let entries = payload.len().checked_sub(self.from_end).zip(payload.len().checked_sub(self.end));
        let entries = entries.and_then(|(start, end)| payload.get(start..end));
        let entries = entries.and_then(|bytes| postcard::from_bytes(bytes).ok());
        entries.ok_or_else(|| self.index.layout.damage(Section::Packages, self.place.offset))
    }
}

/// A flaw's block, which its names borrow from.
#[derive(Debug)]
pub(in crate::advisory) struct FlawBytes<'a> {
    index: &'a Index,
    block: Block<'a>,
    place: Place,
}

impl FlawBytes<'_> {
    /// What is in it.
    pub(in crate::advisory) fn decode(&self) -> Result<FlawBlock<'_>, IndexError> {
        postcard::from_bytes(self.block.payload()).map_err(|_| self.damage())
    }

    /// A name of the flaw.
    pub(in crate::advisory) fn name(&self, text: &str) -> Result<AdvisoryId, IndexError> {
        AdvisoryId::new(text).map_err(|_| self.damage())
    }

    /// A record of the flaw by its number.
    pub(in crate::advisory) fn record<'f>(
        &self,
        flaw: &'f FlawBlock<'_>,
        number: u32,
    ) -> Result<&'f FlawRecord, IndexError> {
        let record = usize::try_from(number).ok().and_then(|number| flaw.records.get(number));
        record.ok_or_else(|| self.damage())
    }

    /// The source of a record, and its name there.
    pub(in crate::advisory) fn identity(
        &self,
        flaw: &FlawBlock<'_>,
        record: &FlawRecord,
    ) -> Result<(&str, AdvisoryId), IndexError> {
        let sources = &self.index.metadata.source_names;
        let source = usize::try_from(record.source).ok().and_then(|number| sources.get(number));
        let name = usize::try_from(record.name).ok().and_then(|number| flaw.names.get(number));
        let (source, name) = source.zip(name).ok_or_else(|| self.damage())?;
        Ok((source, self.name(name)?))
    }

    /// The aliases that a record names.
    pub(super) fn aliases<'f>(&self, flaw: &FlawBlock<'f>, record: &FlawRecord) -> Result<Vec<&'f str>, IndexError> {
        let alias = |number: &u32| usize::try_from(*number).ok().and_then(|number| flaw.names.get(number).copied());
        // Their order in the flaw follows from the names alone, so that it is the same in every index.
        record.aliases.iter().map(|number| alias(number).ok_or_else(|| self.damage())).collect()
    }

    /// That it does not hold together.
    pub(in crate::advisory) fn damage(&self) -> IndexError {
        self.index.layout.damage(Section::Flaws, self.place.offset)
    }
}

impl Index {
    /// Opens a file.
    pub(in crate::advisory) fn open(path: &Path) -> Result<Self, IndexError> {
        Self::of_storage(Storage::open(path)?)
    }

    /// Opens what was just compiled.
    pub(in crate::advisory) fn of_compiled(compiled: Compiled) -> Result<Self, IndexError> {
        Self::of_bytes(compiled.into_bytes())
    }

    /// Opens bytes.
    pub(in crate::advisory) fn of_bytes(bytes: Vec<u8>) -> Result<Self, IndexError> {
        Self::of_storage(Storage::Memory(bytes))
    }

    fn of_storage(storage: Storage) -> Result<Self, IndexError> {
        let layout = Layout::read(&storage)?;
        let metadata = layout.whole(&storage, Section::Metadata)?;
        let metadata: Metadata = postcard::from_bytes(&metadata).map_err(|_| layout.damage(Section::Metadata, 0))?;
        let packages = directory(&storage, &layout, (Section::PackageDirectory, Section::Packages))?;
        // An ecosystem that is not known here is never asked for.
        let numbers = metadata.ecosystems.iter().zip(0..);
        let ecosystems = numbers.filter_map(|(name, number)| Some((name.parse().ok()?, number))).collect();
        Ok(Self { storage, layout, metadata, ecosystems, packages, names: OnceLock::new() })
    }

    /// All of it, to be written elsewhere.
    pub(in crate::advisory) fn to_compiled(&self) -> Result<Compiled, IndexError> {
        let mut sections = [const { Vec::new() }; Section::ALL.len()];
        for (bytes, section) in sections.iter_mut().zip(Section::ALL) {
            *bytes = self.layout.whole(&self.storage, section)?.into_owned();
        }
        Ok(Compiled { sections })
    }

    /// What the index says about itself.
    pub(in crate::advisory) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How many bytes there are, and how many of them are not what people read.
    pub(in crate::advisory) fn sizes(&self) -> (u64, u64) {
        let all = self.storage.length();
        (all, all - self.layout.extent(Section::Texts).length)
    }

    /// Whether there may be a package with this normalised name; nothing is read for that.
    pub(in crate::advisory) fn may_have_package(&self, ecosystem: Ecosystem, name: &str) -> bool {
        let number = self.ecosystems.get(&ecosystem);
        number.is_some_and(|&number| self.packages.place(package_hash(number, name)).is_some())
    }

    /// What is known about a package with this normalised name.
    pub(in crate::advisory) fn package(
        &self,
        ecosystem: Ecosystem,
        name: &str,
    ) -> Result<Option<Package<'_>>, IndexError> {
        let Some(&number) = self.ecosystems.get(&ecosystem) else { return Ok(None) };
        let hash = package_hash(number, name);
        let Some(place) = self.packages.place(hash) else { return Ok(None) };
        let block = self.block(Section::Packages, place)?;
        let damage = || self.layout.damage(Section::Packages, place.offset);
        let payload = block.payload();
        let mut rows = Rows(payload);
        while let Some(value) = rows.next_for(hash).map_err(|_| damage())? {
            let after = rows.0.len();
            let (key, entries) = postcard::take_from_bytes::<(u32, &str)>(value).map_err(|_| damage())?;
            // Names are compared: a hash alone may be that of another package.
            if key == (number, name) {
                let from_end = after + entries.len();
                return Ok(Some(Package { index: self, block, place, from_end, end: after }));
            }
        }
        Ok(None)
    }

    /// Where a section begins.
    #[cfg(test)]
    pub(super) fn layout_of(&self, section: Section) -> u64 {
        self.layout.extent(section).offset
    }

    /// A flaw.
    pub(in crate::advisory) fn flaw(&self, place: Place) -> Result<FlawBytes<'_>, IndexError> {
        Ok(FlawBytes { index: self, block: self.block(Section::Flaws, place)?, place })
    }

    /// What people read of a record.
    pub(in crate::advisory) fn text(&self, place: Place, with_details: bool) -> Result<Text, IndexError> {
        let block = self.block(Section::Texts, place)?;
        text::decode(block.payload(), with_details).ok_or_else(|| self.layout.damage(Section::Texts, place.offset))
    }

    /// Whether some record has this name, be it its own or an alias.
    pub(in crate::advisory) fn knows(&self, name: &str) -> Result<bool, IndexError> {
        let hash = name_hash(name);
        let Some(place) = self.names()?.place(hash) else { return Ok(false) };
        let damage = || self.layout.damage(Section::Names, place.offset);
        let block = self.block(Section::Names, place)?;
        let mut rows = Rows(block.payload());
        while let Some(value) = rows.next_for(hash).map_err(|_| damage())? {
            let flaw: Place = postcard::from_bytes(value).map_err(|_| damage())?;
            if self.flaw(flaw)?.decode()?.names.contains(&name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn names(&self) -> Result<&Directory, IndexError> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let names = directory(&self.storage, &self.layout, (Section::NameDirectory, Section::Names))?;
        Ok(self.names.get_or_init(|| names))
    }

    fn block(&self, section: Section, place: Place) -> Result<Block<'_>, IndexError> {
        block::read(&self.storage, &self.layout, section, place)
    }

    /// Reads and decodes everything: the checksum of every section and of every block, and every record.
    pub(in crate::advisory) fn verify(&self) -> Result<Verified, IndexError> {
        for section in Section::ALL {
            self.layout.whole(&self.storage, section)?;
        }
        let mut verified = Verified::default();
        // Each flaw with how many records it has to have: it is read once, however many entries are about it.
        let mut flaws = BTreeMap::new();
        for place in self.packages.places() {
            self.verify_packages(place, &mut flaws, &mut verified)?;
        }
        for place in self.names()?.places() {
            let damage = || self.layout.damage(Section::Names, place.offset);
            let block = self.block(Section::Names, place)?;
            let mut rows = Rows(block.payload());
            while let Some((_, value)) = rows.next_row().map_err(|_| damage())? {
                let flaw: Place = postcard::from_bytes(value).map_err(|_| damage())?;
                flaws.entry(flaw).or_insert(0);
            }
        }
        for (place, needed) in flaws {
            verified.records += self.verify_flaw(place, needed)?;
        }
        Ok(verified)
    }

    fn verify_packages(
        &self,
        place: Place,
        flaws: &mut BTreeMap<Place, u64>,
        verified: &mut Verified,
    ) -> Result<(), IndexError> {
        let damage = || self.layout.damage(Section::Packages, place.offset);
        let block = self.block(Section::Packages, place)?;
        let mut rows = Rows(block.payload());
        while let Some((_, value)) = rows.next_row().map_err(|_| damage())? {
            let ((ecosystem, name), entries): ((u32, &str), Vec<Entry<'_>>) =
                postcard::from_bytes(value).map_err(|_| damage())?;
            if self.packages.place(package_hash(ecosystem, name)) != Some(place) {
                // It is there, and nobody would find it.
                return Err(damage());
            }
            verified.packages += 1;
            verified.entries += entries.len() as u64;
            for entry in entries {
                let needed = flaws.entry(entry.flaw).or_insert(0);
                *needed = (*needed).max(u64::from(entry.record) + 1);
            }
        }
        Ok(())
    }

    fn verify_flaw(&self, place: Place, needed: u64) -> Result<u64, IndexError> {
        let bytes = self.flaw(place)?;
        let flaw = bytes.decode()?;
        let records = flaw.records.len() as u64;
        if records < needed || flaw.names.is_empty() {
            return Err(bytes.damage());
        }
        for name in &flaw.names {
            bytes.name(name)?;
        }
        for record in &flaw.records {
            bytes.identity(&flaw, record)?;
            bytes.aliases(&flaw, record)?;
            self.text(record.text, true)?;
        }
        Ok(records)
    }
}

/// Reads the directory of a table.
fn directory(
    storage: &Storage,
    layout: &Layout,
    (directory, table): (Section, Section),
) -> Result<Directory, IndexError> {
    let bytes = layout.whole(storage, directory)?;
    Directory::read(&bytes, layout.extent(table).length).ok_or_else(|| layout.damage(directory, 0))
}
