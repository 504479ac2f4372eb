//! `patchparty templates`: tries templates before a night does; and how every command gets its templates.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::args::{TemplatesCommand, TemplatesOptions};
use super::exit::{Failure, Outcome};
use super::output;
use super::stream::{self, Form};
use crate::template::Templates;

/// The hint where a template is refused.
const HINT: &str =
    "docs/templates.md says what a folder of templates holds, templates/samples.json what each template is given";

/// Runs the command.
pub(super) fn templates(options: &TemplatesOptions) -> Result<Outcome, Failure> {
    let TemplatesCommand::Check { folder } = &options.command;
    load(folder.as_deref())?;
    let subject =
        folder.as_ref().map_or_else(|| "built-in templates".to_owned(), |folder| folder.display().to_string());
    let text: String = output::wrapped(&format!("{subject}: no complaints")).collect();
    output::unless_closed(write!(stream::out(Form::Words), "{text}"))?;
    Ok(Outcome::Clean)
}

/// The built-in templates, or those of a folder on top of them, each tried against sample data.
pub(super) fn load(folder: Option<&Path>) -> Result<Templates, Failure> {
    let templates = match folder {
        Some(folder) => Templates::with_overrides(folder),
        None => Templates::built_in(),
    };
    let templates = templates.context("read the templates").map_err(|error| Failure::with_hint(error, HINT))?;
    let complaints = templates.complaints();
    if complaints.is_empty() {
        return Ok(templates);
    }
    // Each begins its own line with its place, so that editors can jump there.
    let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    Err(Failure::with_hint(anyhow::anyhow!("accept the templates:\n{}", complaints.join("\n")), HINT))
}
