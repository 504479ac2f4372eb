//! The environment of the process, read once and passed down.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;

use super::exit::Failure;
use crate::net::seal::{SealKeys, WeakKey};
use crate::net::secret::{Redactor, Token};
use crate::sandbox::secrets::Secrets;

/// The variable with the keys of the bot's memory.
const STATE_KEY: &str = "PATCHPARTY_STATE_KEY";

/// Everything that patchparty takes from its environment.
#[derive(Clone)]
pub(super) struct Environment {
    /// Access to the forge.
    pub(super) token: Option<Token>,
    /// The keys of the bot's memory.
    state_keys: Result<SealKeys, WeakKey>,
    /// The forge's API.
    pub(super) api_url: String,
    /// The forge's server, for clones and actions.
    pub(super) server_url: String,
    /// The user's cache folder for patchparty.
    pub(super) cache: Option<PathBuf>,
    /// Whether GitHub Actions runs us.
    pub(super) in_actions: bool,
    /// Where a step of GitHub Actions writes its outputs.
    pub(super) output_file: Option<PathBuf>,
    /// Where a step of GitHub Actions writes its summary.
    pub(super) summary_file: Option<PathBuf>,
    fixed_now: Option<String>,
}

impl Environment {
    /// Reads the process's environment, from which the secrets have been taken.
    pub(super) fn of_process(secrets: &Secrets) -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let token = secrets.get("PATCHPARTY_TOKEN").or_else(|| secrets.get("GITHUB_TOKEN"));
        Self {
            token: token.and_then(Token::new),
            state_keys: SealKeys::new(secrets.get(STATE_KEY).unwrap_or_default()),
            api_url: text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
            server_url: text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned()),
            cache: path("XDG_CACHE_HOME")
                .or_else(|| path("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("patchparty")),
            in_actions: text("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            output_file: path("GITHUB_OUTPUT"),
            summary_file: path("GITHUB_STEP_SUMMARY"),
            fixed_now: text("PATCHPARTY_NOW"),
        }
    }

    /// What takes secrets out of every text that leaves the program.
    pub(super) fn redactor(&self) -> Redactor {
        let keys: Vec<Token> = self.state_keys.iter().flat_map(SealKeys::secrets).collect();
        Redactor::new(self.token.iter().chain(&keys))
    }

    /// The keys of the bot's memory; a weak one is a mistake in the configuration.
    pub(super) fn state_keys(&self) -> Result<SealKeys, Failure> {
        let hint = format!("set {STATE_KEY} to what `openssl rand -hex 32` prints, or to nothing");
        self.state_keys.clone().map_err(|error| Failure::with_hint(error, hint))
    }

    /// The token, for an address on the forge's own server only.
    pub(super) fn token_for(&self, address: &str) -> Option<&Token> {
        let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
        (origin(address)? == origin(&self.server_url)?).then_some(self.token.as_ref()).flatten()
    }

    /// The time of this run: the clock's, or `PATCHPARTY_NOW` where a test fixes it.
    pub(super) fn now(&self) -> anyhow::Result<Timestamp> {
        match &self.fixed_now {
            None => Ok(Timestamp::now()),
            Some(text) => text.parse().with_context(|| format!("read PATCHPARTY_NOW `{text}` as an RFC 3339 time")),
        }
    }

    /// The same environment with the forge's server replaced by a folder and without any secret.
    pub(super) fn for_demo(&self, server: &Path) -> Self {
        Self {
            server_url: server.display().to_string(),
            token: None,
            state_keys: Ok(SealKeys::default()),
            ..self.clone()
        }
    }

    /// Where the demo keeps what package managers download: the user's cache, else a folder that vanishes with it.
    pub(super) fn demo_cache(&self, temporary: &Path) -> PathBuf {
        self.cache.clone().unwrap_or_else(|| temporary.join("cache")).join("demo")
    }

    /// The cache folder: the one asked for, else the user's.
    pub(super) fn cache_folder(&self, asked: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
        asked
            .cloned()
            .or_else(|| self.cache.clone())
            .context("find a cache folder: set --cache, XDG_CACHE_HOME or HOME")
    }
}
