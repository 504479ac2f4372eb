//! Who we are: the account whose pull requests and comments are our own.

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::api::Api;
use super::failure::Failure;
use crate::net::secret::Token;

/// The author of something on GitHub. The account of a deleted user is `null`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Author {
    // Some places have an empty object where nobody is known.
    #[serde(default)]
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl Author {
    /// Whether it is this account.
    pub(super) fn is_called(&self, login: &str) -> bool {
        self.login == login
    }
}

/// Ourselves, asked for once.
pub(super) struct Identity {
    graphql_base: String,
    account: OnceCell<Account>,
}

/// What is known about ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Account {
    /// The login that the token belongs to.
    Login(String),
    /// The token is that of an App which GitHub does not let us name.
    SomeApp,
    /// There is no token: nothing is ours.
    Nobody,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Viewer {
    data: Option<ViewerData>,
}

#[derive(Deserialize)]
struct ViewerData {
    viewer: User,
}

impl Identity {
    /// For the API at `url`.
    pub(super) fn new(url: &str) -> Self {
        Self { graphql_base: graphql_base(url), account: OnceCell::new() }
    }

    /// Whether we are the author.
    ///
    /// The login decides, which GitHub vouches for; names and addresses in commits can be forged. `GET /user` is refused
    /// for installation tokens (the one of Actions included), which then learn their login as GraphQL's viewer. Where
    /// even that is refused, an author counts as ours that is a bot: `type` is `Bot` and the login ends in `[bot]`, which
    /// no person can register. Together with what callers check besides (a branch of the same repository under our
    /// prefix), only an App with write access to that repository could pass for us, and an administrator installed it.
    pub(super) async fn is_ours(
        &self,
        api: &Api,
        token: Option<&Token>,
        author: Option<&Author>,
    ) -> Result<bool, Failure> {
        let Some(author) = author else { return Ok(false) };
        let account = self.account.get_or_try_init(|| self.ask(api, token)).await?;
        Ok(account.wrote(author))
    }

    async fn ask(&self, api: &Api, token: Option<&Token>) -> Result<Account, Failure> {
        let Some(token) = token else { return Ok(Account::Nobody) };
        match api.get::<User>("/user").await {
            Ok(user) => return Ok(Account::Login(user.login)),
            // 403: "Resource not accessible by integration".
            Err(failure) if matches!(failure.status(), Some(403 | 404)) => {}
            Err(failure) => return Err(failure),
        }
        let graphql = Api::new(&self.graphql_base, Some(token))?;
        let query = serde_json::json!({ "query": "query { viewer { login } }" });
        match graphql.store::<Viewer>("/graphql", query).await {
            Ok(Viewer { data: Some(data) }) => Ok(Account::Login(data.viewer.login)),
            Ok(Viewer { data: None }) => Ok(Account::SomeApp),
            Err(failure) if failure.status().is_some_and(|status| (400..500).contains(&status)) => Ok(Account::SomeApp),
            Err(failure) => Err(failure),
        }
    }
}

impl Account {
    fn wrote(&self, author: &Author) -> bool {
        match self {
            Self::Login(login) => login.eq_ignore_ascii_case(&author.login),
            Self::SomeApp => author.kind == "Bot" && author.login.ends_with("[bot]"),
            Self::Nobody => false,
        }
    }
}

/// On GitHub Enterprise Server REST lives below `/api/v3` and GraphQL at `/api/graphql`.
fn graphql_base(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix("/v3").filter(|base| base.ends_with("/api")).unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_login_or_an_app_is_ours() {
        let author = |login: &str, kind: &str| Author { login: login.to_owned(), kind: kind.to_owned() };
        let us = Account::Login("Patch-Bot".to_owned());
        assert!(us.wrote(&author("patch-bot", "User")));
        assert!(!us.wrote(&author("patch-bot[bot]", "Bot")));
        assert!(Account::SomeApp.wrote(&author("github-actions[bot]", "Bot")));
        assert!(!Account::SomeApp.wrote(&author("mallory", "Bot")));
        assert!(!Account::SomeApp.wrote(&author("github-actions[bot]", "User")));
        assert!(!Account::Nobody.wrote(&author("github-actions[bot]", "Bot")));
    }

    #[test]
    fn graphql_lives_beside_rest() {
        assert_eq!(graphql_base("https://api.github.com/"), "https://api.github.com");
        assert_eq!(graphql_base("https://git.example/api/v3"), "https://git.example/api");
        assert_eq!(graphql_base("https://git.example/v3"), "https://git.example/v3");
    }
}
