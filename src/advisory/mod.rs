//! Advisory sources: what is known about the flaws of packages. To add one: write `advisory/<name>.rs`, then its two
//! lines below.

mod bounds;
mod contract;
mod database;
mod friends_of_php;
mod index;
mod osv;
mod ranges;
mod rustsec;
pub(crate) mod store;

use contract::Source;

pub use database::{AdvisoryDatabase, FlawMatch, IndexSize, RecordHead};
pub use index::{FORMAT_VERSION, IndexError, Section};
pub use store::advisories_in;

static SOURCES: &[&dyn Source] = &[
    // In the order in which a location's format is guessed: the most particular layout first.
    &rustsec::RustSec,
    &friends_of_php::FriendsOfPhp,
    &osv::Osv,
];
