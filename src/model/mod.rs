//! The vocabulary: plain data that every layer speaks and that speaks to nobody.

pub mod advisory;
pub(crate) mod bounded_toml;
pub mod code_names;
pub mod confinement;
pub mod coverage;
pub mod dependency;
pub mod dependency_path;
pub mod doubt;
pub mod ecosystem;
pub mod finding;
pub(crate) mod installed;
pub(crate) mod json_with_comments;
pub mod lockfile;
pub mod nearest;
pub mod project_kind;
pub mod proposal;
pub mod release;
pub mod remedy;
pub mod report;
pub mod repository;
pub mod severity;
pub mod specification;
pub mod text;
pub mod tree;
pub mod unread;
