//! Git, which has no business with versions.

use crate::version::compare;

pub fn newest() -> bool {
    compare()
}
