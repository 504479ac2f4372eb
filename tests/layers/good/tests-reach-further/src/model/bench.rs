//! Only tests see this file.

use crate::pipeline::scan;

pub fn run() {
    scan();
}
