//! Configuration: raw as written → valid as used.

pub(crate) mod policy;
