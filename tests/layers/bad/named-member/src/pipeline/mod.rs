//! The line, which knows one member by its module and one by a re-export.

use crate::forge::GitHub;
use crate::forge::github::connect;

pub fn discover() -> GitHub {
    connect()
}
