//! Versions.

pub fn compare() -> bool {
    true
}
