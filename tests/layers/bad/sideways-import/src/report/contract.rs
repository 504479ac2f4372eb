//! What a report is.

pub fn write() -> bool {
    true
}
