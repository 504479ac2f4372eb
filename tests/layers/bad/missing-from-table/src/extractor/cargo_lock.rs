//! Reads Cargo.lock.

use super::contract::Extractor;

pub struct CargoLock;

impl Extractor for CargoLock {}
