//! The line.
