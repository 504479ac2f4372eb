//! The network.

pub fn fetch() {}
