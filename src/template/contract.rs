//! What a template is.

use std::path::PathBuf;

/// Where the text goes, which decides how values are made inert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Markdown of a forge.
    Markdown,
    /// A page for a browser.
    Html,
    /// A title or a commit message: plain text, where nothing can be escaped.
    Plain,
}

/// A template that is part of the program.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    /// The file's path below `templates/`, without `.hbs`.
    pub(crate) name: &'static str,
    /// Where its text goes. Partials are of the surface of those that use them.
    pub(crate) surface: Surface,
    /// Its text.
    pub(crate) text: &'static str,
}

/// Why a text could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateError {
    /// A file of the organisation's folder cannot be read.
    #[error("read template `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the organisation's folder replaces nothing.
    #[error("use template `{name}`: there is no built-in template of that name (expected one of {known})")]
    Unknown {
        /// The file's name.
        name: String,
        /// What could be replaced.
        known: String,
    },
    /// It could abort or flood the program, or leave text unescaped.
    #[error("accept template `{name}`: {complaint}")]
    Refused {
        /// The template.
        name: String,
        /// What is wrong with it.
        complaint: String,
    },
    /// It is not valid Handlebars.
    #[error("parse template `{name}`")]
    Syntax {
        /// The template.
        name: String,
        /// Where and why.
        #[source]
        source: Box<handlebars::TemplateError>,
    },
    /// It asks for a variable that does not exist, or its text is too long.
    #[error("render template `{name}`")]
    Render {
        /// The template.
        name: String,
        /// Where and why.
        #[source]
        source: Box<handlebars::RenderError>,
    },
    /// It does not fit what it is given.
    #[error("{name}.hbs:{line}: {complaint}")]
    Unfit {
        /// The template or partial in which the mistake stands.
        name: String,
        /// The line, from 1; 0 where none can be told.
        line: usize,
        /// What is wrong.
        complaint: String,
    },
    /// The operating system gave no thread to render on.
    #[error("start a thread for templates")]
    Thread(#[source] std::io::Error),
}
