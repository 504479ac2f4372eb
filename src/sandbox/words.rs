//! Words: what all package managers say alike, whoever wrote their network code.

/// Whether messages say that something did not answer, in the words of curl, libuv and PHP.
pub(crate) fn say_unreachable(messages: &str) -> bool {
    [
        "Could not resolve host",
        "Could not connect",
        "Couldn't connect",
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "EHOSTUNREACH",
        "getaddrinfo",
        "curl error",
        "spurious network error",
        "could not be downloaded",
        "network access is disabled",
        "Network disabled",
        "ENOTCACHED",
        "attempting to make an HTTP request, but --offline was specified",
    ]
    .iter()
    .any(|words| messages.contains(words))
}
