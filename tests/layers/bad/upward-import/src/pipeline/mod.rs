//! The line.

use crate::cli;

pub fn scan<T>(_: &T) -> bool {
    cli::ask(true)
}
