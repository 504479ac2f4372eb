//! Advisory sources: what is known about the flaws of packages. To add one: write `advisory/<name>.rs`, then its two
//! lines below.

mod database;

pub use database::AdvisoryDatabase;
