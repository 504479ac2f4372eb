//! Git, which may use the network.

use crate::net::fetch;

pub fn mirror() {
    fetch();
}
