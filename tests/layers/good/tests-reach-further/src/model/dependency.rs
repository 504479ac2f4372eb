//! A dependency.

pub struct Dependency;

/// A text that looks like an import.
pub const TEXT: &str = "use crate::cli::main;";

#[cfg(all(test, unix))]
mod tests {
    use crate::extractor::EXTRACTORS;

    #[test]
    fn tests_may_use_what_stands_above() {
        assert_eq!(EXTRACTORS.len(), crate::cli::main());
    }
}
