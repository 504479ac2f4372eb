//! Reads Cargo.lock.

mod manifest;

use super::contract::{Extractor, json};
use crate::model::dependency::Dependency;

pub struct CargoLock;

impl Extractor for CargoLock {}

pub fn extract() -> [Dependency; json::DEPTH] {
    manifest::read()
}

#[cfg(test)]
mod tests {
    use super::super::testing::name;

    #[test]
    fn a_test_has_a_name() {
        assert_eq!(name(), "test");
    }
}
