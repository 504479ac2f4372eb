//! The command line.

pub const NAME: &str = "test";

pub fn main() -> usize {
    crate::pipeline::scan().unwrap_or(0)
}
