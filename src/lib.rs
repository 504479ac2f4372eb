//! patchparty: from an organisation's repositories to pull requests a reviewer can merge.
//!
//! A pull request is the product of a straight line: files → dependencies → findings → remedies → proposals. Each step
//! takes plain data and gives plain data. The layers, from the bottom up (`tests/layers.rs` enforces them):
//!
//! - L0 [`model`]: the vocabulary.
//! - L1 `config`, `git`, `net`, `sandbox`, [`version`]: what touches the world, one small type each.
//! - L2 [`extractor`], [`advisory`], `registry`, `check`, `updater`, `forge`, `report`, `template`: the families.
//! - L3 `pipeline`: knows every family and no member.
//! - L4 [`cli`]: wires, and does nothing else.

pub mod model;

pub(crate) mod config;
pub(crate) mod git;
pub(crate) mod net;
pub(crate) mod sandbox;
pub mod version;

pub mod advisory;
pub(crate) mod check;
pub mod extractor;
pub(crate) mod forge;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod template;
pub(crate) mod updater;

pub(crate) mod pipeline;

pub mod cli;

#[cfg(any(fuzzing, test))]
pub mod fuzzing;
#[doc(hidden)]
pub mod measuring;
