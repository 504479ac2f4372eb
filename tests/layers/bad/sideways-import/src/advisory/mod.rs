//! Advisories.

mod database;

pub use database::AdvisoryDatabase;
