//! Only tests see this file.

pub fn name() -> &'static str {
    crate::cli::NAME
}
