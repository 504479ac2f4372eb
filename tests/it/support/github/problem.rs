//! Problems: GitHub's complaints, with the documented statuses and wordings.

use serde_json::{Value, json};

use super::exchange::Reply;

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// A complaint that is only a sentence.
pub(super) fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "message": text, "documentation_url": DOCUMENTATION, "status": status.to_string() }))
}

/// 401: the token is not known.
pub(super) fn bad_credentials() -> Reply {
    message(401, "Bad credentials")
}

/// 404: it does not exist, or the token may not know that it does.
pub(super) fn not_found() -> Reply {
    message(404, "Not Found")
}

/// 403: the repository is archived.
pub(super) fn archived() -> Reply {
    message(403, "Repository was archived so is read-only.")
}

/// 403: the repository is disabled.
pub(super) fn disabled() -> Reply {
    message(403, "Repository access blocked: it has been disabled.")
}

/// 403: the token may read and not write.
pub(super) fn read_only_token() -> Reply {
    message(403, "Resource not accessible by personal access token")
        .with_header("x-accepted-github-permissions", "contents=write; pull_requests=write")
}

/// 403: an App's installation token asks for something that only people have.
pub(super) fn not_for_integrations() -> Reply {
    message(403, "Resource not accessible by integration")
}

/// 409: the repository has no commits; of every git endpoint.
pub(super) fn empty_repository() -> Reply {
    message(409, "Git Repository is empty.")
}

/// 410: the repository has no issues.
pub(super) fn issues_disabled() -> Reply {
    message(410, "Issues are disabled for this repo")
}

/// 403: the secondary rate limit, with the seconds to wait.
pub(super) fn secondary_limit(seconds: u64) -> Reply {
    message(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
        .with_header("retry-after", seconds.to_string())
}

/// 502: a page of HTML from the load balancer.
pub(super) fn bad_gateway() -> Reply {
    let body = b"<html><head><title>502 Bad Gateway</title></head></html>".to_vec();
    Reply { status: 502, headers: vec![("content-type".to_owned(), "text/html".to_owned())], body }
}

/// 422 with a sentence alone, as the git database answers.
pub(super) fn unprocessable(text: &str) -> Reply {
    message(422, text)
}

/// 422 with one entry in `errors`.
pub(super) fn validation(error: &Value) -> Reply {
    let body = json!({
        "message": "Validation Failed", "errors": [error], "documentation_url": DOCUMENTATION, "status": "422",
    });
    Reply::json(422, &body)
}

/// 422 `custom`: an error with a sentence of its own.
pub(super) fn custom(resource: &str, field: Option<&str>, text: &str) -> Reply {
    let mut error = json!({ "resource": resource, "code": "custom", "message": text });
    if let Some(field) = field {
        error["field"] = json!(field);
    }
    validation(&error)
}

/// 422 with a code and a field.
pub(super) fn field(resource: &str, field: &str, code: &str) -> Reply {
    validation(&json!({ "resource": resource, "field": field, "code": code }))
}
