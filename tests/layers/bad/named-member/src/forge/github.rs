//! One forge.

pub struct GitHub;

pub fn connect() -> GitHub {
    GitHub
}
