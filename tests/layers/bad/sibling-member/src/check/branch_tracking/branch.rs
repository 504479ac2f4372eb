//! Its own sub-folder, from which a neighbour is as far as from the member itself.

use super::super::contract::Check;
use super::super::unlocked::Unlocked;

pub const BRANCH: &str = "main";

pub fn other() -> Box<dyn Check> {
    Box::new(Unlocked)
}
