//! The straight line: discover → scan → assess → plan → remedy → propose; one file per step.

pub(crate) mod remedy;
