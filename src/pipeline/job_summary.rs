//! The job summary: the report as Markdown for `GITHUB_STEP_SUMMARY`.

use crate::model::report::Report;
use crate::report::StepSummary;
use crate::template::{TemplateError, Templates};

/// Words the summary of a run.
pub(crate) fn job_summary(report: &Report, templates: &Templates) -> Result<String, TemplateError> {
    templates.render("summary", &StepSummary::from(report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_is_summed_up() {
        let templates = Templates::built_in().expect("valid");
        insta::assert_snapshot!("job_summary", job_summary(&sample::report(), &templates).expect("renders"));
    }

    #[test]
    fn nothing_read_is_not_clean() {
        let templates = Templates::built_in().expect("valid");
        let report = Report { sources: Vec::new(), projects: Vec::new(), remarks: Vec::new() };
        let summary = job_summary(&report, &templates).expect("renders");
        assert!(summary.contains("This is not a clean result"), "{summary}");
    }
}
