//! Lockfiles of Cargo.

use super::Format;

pub(super) const FORMATS: &[Format] = &[Format {
    folder: "cargo",
    name: "Cargo.lock",
    count: |text| text.lines().filter(|line| matches!(line.trim_end(), "[[package]]" | "[root]")).count(),
    refused: &[],
    has_names_on_lines: true,
}];
