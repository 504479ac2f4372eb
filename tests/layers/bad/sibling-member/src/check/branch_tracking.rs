//! Finds what follows a branch.

mod branch;

use super::contract::Check;
use branch::BRANCH;

pub struct BranchTracking;

impl Check for BranchTracking {}

pub fn name() -> &'static str {
    BRANCH
}
