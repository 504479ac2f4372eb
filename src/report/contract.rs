//! What a report is.

use std::io::{self, Write};

use crate::model::report::Report;

/// What the reader asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReportOptions {
    /// List every dependency of every file.
    pub(crate) dependencies: bool,
    /// Use colours.
    pub(crate) colours: bool,
    /// The width of the terminal in columns; `None` when piped.
    pub(crate) width: Option<u16>,
}

/// One form of report. Pure but for the sink.
pub(crate) trait Reporter: Sync {
    /// Its name on the command line.
    fn id(&self) -> &'static str;

    /// Writes the report. The same report gives the same bytes.
    fn write(&self, report: &Report, options: ReportOptions, sink: &mut dyn Write) -> io::Result<()>;
}
