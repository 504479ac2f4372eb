//! Reads yarn.lock, but nobody asks it to.

pub const COUNT: usize = 1;
