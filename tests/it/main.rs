//! The integration tests: the built binary against a stand-in for GitHub with real git behind it, one file per scenario.

mod support;

mod standin;
