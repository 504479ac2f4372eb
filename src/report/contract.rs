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

/// Untrusted text for a terminal or a log: controls (which could move the cursor or colour the screen), line ends and
/// everything invisible or turning the direction of writing become `\u{fffd}`, and long text is cut.
pub(crate) fn visible(text: &str) -> String {
    /// More does not fit on a screen.
    const LIMIT: usize = 300;
    let mut visible: String = text
        .chars()
        .take(LIMIT)
        .map(|character| if is_invisible(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect();
    if text.chars().nth(LIMIT).is_some() {
        visible.push('…');
    }
    visible
}

/// Controls, line separators, and what is invisible or turns the direction of writing.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
        )
}
