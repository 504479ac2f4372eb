//! The straight line: discover → scan → assess → plan → remedy → propose; one file per step.

pub(crate) mod assess;
pub(crate) mod audit;
mod coverage;
pub(crate) mod dry_run;
pub(crate) mod expected;
pub(crate) mod fingerprint;
pub(crate) mod job_summary;
mod metered;
pub(crate) mod nearest;
pub(crate) mod night;
pub(crate) mod openings;
pub(crate) mod pages;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod project_kind;
pub(crate) mod propose;
pub(crate) mod pull_request;
pub(crate) mod remedy;
pub(crate) mod resolve;
pub(crate) mod scan;
pub(crate) mod suppress;
pub(crate) mod test_plan;
pub(crate) mod yanked;
