//! The straight line: discover → scan → assess → plan → remedy → propose; one file per step.

pub(crate) mod job_summary;
pub(crate) mod pull_request;
pub(crate) mod test_plan;
