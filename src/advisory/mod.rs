//! Advisory sources: what is known about the flaws of packages. To add one: write `advisory/<name>.rs`, then its two
//! lines below.

mod bounds;
mod contract;
mod database;
mod epss;
mod friends_of_php;
mod index;
mod kev;
mod osv;
mod ranges;
mod ruby_sec;
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
    &ruby_sec::RubySec,
    &kev::Kev,
    &epss::Epss,
    &osv::Osv,
];

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod hostile_tests;
