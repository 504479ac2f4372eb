//! Failures: what GitHub refuses, and what that means for a caller.

use std::fmt;

use http::HeaderMap;
use serde::Deserialize;

use crate::forge::contract::ForgeError;
use crate::net::cause;

/// Messages are cut to this many characters: an answer may be a whole page of HTML.
const MESSAGE_LIMIT: usize = 500;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// GitHub answered with something else than success.
    #[error("GitHub answered {status}: {problem}")]
    Refused {
        /// The status.
        status: u16,
        /// What GitHub said.
        problem: Problem,
    },
    /// A limit is used up for longer than a run waits.
    #[error("the rate limit is used up for {seconds} s")]
    RateLimited {
        /// For how long.
        seconds: u64,
    },
    /// There was no answer, or one that cannot be read.
    #[error("no usable answer from GitHub")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What GitHub says about a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its message.
    pub(super) message: String,
    /// The single complaints: each `code` (or `message`) with the field it is about.
    pub(super) complaints: Vec<Complaint>,
    /// The permissions that would be accepted (`X-Accepted-GitHub-Permissions`).
    pub(super) permissions: Option<String>,
}

/// One complaint of a 422 answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Complaint {
    /// `missing`, `missing_field`, `invalid`, `already_exists`, `unprocessable` or `custom`.
    code: Option<String>,
    field: Option<String>,
    message: Option<String>,
}

/// The body of a refusal. `errors` is not always a list, and not always one of objects.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

impl Problem {
    /// Reads the body and the headers of a refusal.
    pub(super) fn read(body: &[u8], headers: &HeaderMap) -> Self {
        let permissions = headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
        let permissions = permissions.map(cut);
        let Ok(parsed) = serde_json::from_slice::<Body>(body) else {
            return Self { message: cut(&String::from_utf8_lossy(body)), complaints: Vec::new(), permissions };
        };
        let complaints = match parsed.errors {
            serde_json::Value::Array(items) => items.into_iter().map(Complaint::from_value).collect(),
            serde_json::Value::Null => Vec::new(),
            single => vec![Complaint::from_value(single)],
        };
        Self { message: cut(&parsed.message), complaints, permissions }
    }

    /// Whether the message or a complaint has these words, in any case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.to_string().to_ascii_lowercase().contains(&words.to_ascii_lowercase())
    }

    /// Whether a complaint has this code.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.complaints.iter().any(|complaint| complaint.code.as_deref() == Some(code))
    }
}

impl Complaint {
    fn from_value(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(message) => Self { message: Some(message), ..Self::default() },
            other => serde_json::from_value(other).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.message.is_empty() { "(no message)" } else { &self.message })?;
        for complaint in &self.complaints {
            let said = complaint.message.as_deref().or(complaint.code.as_deref()).unwrap_or("(no reason)");
            match &complaint.field {
                Some(field) => write!(formatter, "; {}: {}", cut(field), cut(said))?,
                None => write!(formatter, "; {}", cut(said))?,
            }
        }
        match &self.permissions {
            Some(permissions) => write!(formatter, "; needs {permissions}"),
            None => Ok(()),
        }
    }
}

/// One line of bounded length: what a server says may end in a terminal.
fn cut(text: &str) -> String {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    line.trim().chars().take(MESSAGE_LIMIT).collect()
}

impl Failure {
    /// A failure below HTTP.
    pub(super) fn transport(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Transport(cause::plain(source))
    }

    /// The status of a refusal.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::RateLimited { .. } | Self::Transport(_) => None,
        }
    }

    /// Whether GitHub refused with this status and these words.
    pub(super) fn says(&self, expected: u16, words: &str) -> bool {
        matches!(self, Self::Refused { status, problem } if *status == expected && problem.says(words))
    }

    /// Whether the request may have been carried out although no good answer came.
    pub(super) fn is_uncertain(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::Transport(_) => true,
            Self::RateLimited { .. } => false,
        }
    }

    /// What it means for the caller of a forge. `what` is a fragment that fits after "failed to".
    pub(super) fn explain(self, what: &str) -> ForgeError {
        let what = what.to_owned();
        match self {
            Self::RateLimited { seconds } => ForgeError::RateLimited { seconds },
            Self::Refused { status, problem } => match status {
                404 => ForgeError::NotFound { what: format!("what is needed to {what}") },
                401 => ForgeError::Forbidden { what, detail: format!("it is not accepted: {problem}") },
                403 if problem.says("archived") || problem.says("repository access blocked") => ForgeError::ReadOnly,
                403 if problem.says("disabled") && !problem.says("resource not accessible") => ForgeError::ReadOnly,
                403 => ForgeError::Forbidden { what, detail: problem.to_string() },
                409 if problem.says("empty") => ForgeError::Empty,
                _ => ForgeError::Other { what, source: Box::new(Self::Refused { status, problem }) },
            },
            Self::Transport(source) => ForgeError::Other { what, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Failure {
        Failure::Refused { status, problem: Problem::read(body.as_bytes(), &HeaderMap::new()) }
    }

    #[test]
    fn refusals_become_what_a_caller_can_do() {
        let explain =
            |status, message: &str| refused(status, &format!("{{\"message\":\"{message}\"}}")).explain("do it");
        assert!(matches!(explain(404, "Not Found"), ForgeError::NotFound { .. }));
        assert!(matches!(explain(401, "Bad credentials"), ForgeError::Forbidden { .. }));
        assert!(matches!(explain(403, "Repository was archived so is read-only."), ForgeError::ReadOnly));
        assert!(matches!(explain(403, "Repository access blocked"), ForgeError::ReadOnly));
        assert!(matches!(explain(403, "This repository has been disabled."), ForgeError::ReadOnly));
        assert!(matches!(explain(403, "Resource not accessible by integration"), ForgeError::Forbidden { .. }));
        assert!(matches!(explain(409, "Git Repository is empty."), ForgeError::Empty));
        assert!(matches!(explain(409, "Conflict"), ForgeError::Other { .. }));
        assert!(matches!(explain(451, "Repository access blocked"), ForgeError::Other { .. }));
        assert!(matches!(explain(500, "Server Error"), ForgeError::Other { .. }));
    }

    #[test]
    fn errors_are_read_in_every_shape() {
        let list = refused(
            422,
            r#"{"message":"Validation Failed","errors":[
            {"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:x."}]}"#,
        );
        assert!(list.says(422, "already exists"));
        let codes =
            Problem::read(br#"{"message":"x","errors":[{"code":"already_exists","field":"name"}]}"#, &HeaderMap::new());
        assert!(codes.has_code("already_exists"));
        assert_eq!(codes.to_string(), "x; name: already_exists");
        for body in [r#"{"errors":"plain"}"#, r#"{"errors":["plain"]}"#, r#"{"errors":{"message":"plain"}}"#] {
            assert!(refused(422, body).says(422, "plain"), "{body}");
        }
        assert!(refused(502, "<html>\u{1b}[31mBad gateway</html>").says(502, "bad gateway"));
        assert!(!refused(502, "\u{1b}[31m").to_string().contains('\u{1b}'));
        let mut headers = HeaderMap::new();
        headers.insert("x-accepted-github-permissions", "contents=write".parse().expect("a value"));
        let forbidden = Problem::read(br#"{"message":"Resource not accessible by integration"}"#, &headers);
        assert!(forbidden.to_string().ends_with("needs contents=write"));
    }
}
