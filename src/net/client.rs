//! The one HTTP client: rustls with ring, the system's certificates, bounded waiting.

use std::sync::Once;
use std::time::Duration;

/// How long a connection may take to stand, and how long a read may stay silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What servers are told about us.
pub(crate) const USER_AGENT: &str = concat!("patchparty/", env!("CARGO_PKG_VERSION"));

/// Installs the one TLS provider; reqwest without a built-in provider panics otherwise.
pub(crate) fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for asynchronous code.
pub(crate) fn asynchronous() -> reqwest::Result<reqwest::Client> {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
}

/// A client for blocking code. It must not be used on an asynchronous thread.
pub(crate) fn blocking() -> reqwest::Result<reqwest::blocking::Client> {
    install_tls();
    reqwest::blocking::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(READ_TIMEOUT)
        .build()
}
