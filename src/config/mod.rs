//! Configuration: raw as written → valid as used. A new setting is a field in `raw.rs` (with its `///` text, which becomes
//! the schema's), a line in `validate.rs`, a field in `policy.rs` and a line in `project.rs`'s test of what narrows.

mod builtin;
pub(crate) mod complaint;
mod document;
mod ignore;
mod load;
mod plan;
pub(crate) mod policy;
mod project;
mod raw;
#[cfg(test)]
mod samples;
mod schema;
mod serde_words;
mod validate;
mod value;

pub(crate) use load::{check_project, is_of_a_project, load, parse};
pub(crate) use project::narrow;
pub(crate) use schema::schema;
