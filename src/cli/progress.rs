//! Progress on a terminal; silence when piped or asked for.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::GlobalOptions;
use super::stream;
use crate::pipeline::night::Progress;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// A line on standard error that says what is going on.
pub(super) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    /// A line that shows only when standard error is a terminal and nobody asked for quiet.
    pub(super) fn new(global: &GlobalOptions) -> Self {
        let visible = !global.quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{spinner} {wide_msg}"));
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// Says what is done now.
    pub(super) fn say(&self, text: &str) {
        self.bar.set_message(printable(text));
    }

    /// Leaves a line on standard error.
    pub(super) fn note(&self, text: &str) {
        let text = printable(text);
        // Where nobody can read it, nothing depends on it.
        self.bar.suspend(|| _ = writeln!(stream::err(), "{text}"));
    }

    /// Clears the line, so that the report stands alone.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ProgressLine {
    fn start(&self, projects: usize) {
        self.bar.set_length(projects as u64);
        self.bar.set_style(style("{spinner} {pos}/{len} projects  {wide_msg}"));
    }

    fn done(&self, project: &str) {
        self.bar.inc(1);
        self.say(project);
    }
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant template")
}

/// A name may not move the cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
