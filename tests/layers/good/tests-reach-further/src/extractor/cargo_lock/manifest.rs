//! Its own sub-folder.

use super::super::contract::json::DEPTH;
use crate::model::dependency::Dependency;

pub fn read() -> [Dependency; DEPTH] {
    [const { Dependency }; DEPTH]
}
