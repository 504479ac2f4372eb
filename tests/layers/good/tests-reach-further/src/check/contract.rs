//! What a check is.

pub trait Check {}
