//! Finds what has no lockfile, and asks a neighbour.

use super::contract::Check;
use super::{CHECKS, branch_tracking};

pub struct Unlocked;

impl Check for Unlocked {}

pub fn neighbour() -> bool {
    !CHECKS.is_empty() && branch_tracking::name().is_empty()
}
