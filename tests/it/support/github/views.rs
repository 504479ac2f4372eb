//! Views: the JSON that GitHub's schemas require of users, repositories, commits and labels.

use serde_json::{Value, json};

use super::disk::Disk;
use super::state::{Label, Oddity, Repository, State};

/// A user (`simple-user`).
pub(super) fn user(state: &State, login: &str) -> Value {
    let (id, kind) = state.users.get(login).map_or((1, "User"), |user| (user.id, user.kind));
    let (api, base) = (format!("{}/users/{login}", state.api()), &state.base);
    json!({
        "login": login, "id": id, "node_id": format!("U_{id}"), "type": kind, "site_admin": false,
        "avatar_url": format!("{base}/avatars/{id}"), "gravatar_id": "",
        "url": api, "html_url": format!("{base}/{login}"),
        "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following"),
        "gists_url": format!("{api}/gists"), "starred_url": format!("{api}/starred"),
        "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events"),
        "received_events_url": format!("{api}/received_events"),
    })
}

/// A repository (`full-repository`, without what nobody reads).
pub(super) fn repository(state: &State, repo: &Repository, login: Option<&str>) -> Value {
    let (slug, base) = (repo.slug(), &state.base);
    let mut owner = user(state, &repo.owner);
    if state.organisations.contains(&repo.owner) {
        owner["type"] = json!("Organization");
    }
    let permission = login.and_then(|login| repo.collaborators.get(login)).map_or("none", String::as_str);
    let private = repo.is(Oddity::Private);
    let can_write = matches!(permission, "write" | "admin");
    json!({
        "id": repo.id, "node_id": format!("R_{}", repo.id), "name": repo.name, "full_name": slug, "owner": owner,
        "private": private, "visibility": if private { "private" } else { "public" },
        "html_url": format!("{base}/{slug}"), "url": format!("{}/repos/{slug}", state.api()),
        "clone_url": format!("{base}/{slug}.git"), "git_url": format!("git://127.0.0.1/{slug}.git"),
        "ssh_url": format!("git@127.0.0.1:{slug}.git"),
        "description": null, "fork": false, "archived": repo.is(Oddity::Archived), "disabled": repo.is(Oddity::Disabled),
        "has_issues": !repo.is(Oddity::WithoutIssues), "default_branch": repo.default_branch,
        "size": u8::from(!repo.disk.is_empty()),
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-11-20T12:00:00Z", "pushed_at": "2026-11-20T12:00:00Z",
        "permissions": { "admin": permission == "admin", "push": can_write, "pull": true },
    })
}

/// A label.
pub(super) fn label(state: &State, repo: &Repository, label: &Label) -> Value {
    json!({
        "id": label.id, "node_id": format!("LA_{}", label.id), "name": label.name, "color": label.color,
        "description": label.description, "default": false,
        "url": format!("{}/repos/{}/labels/{}", state.api(), repo.slug(), encode(&label.name)),
    })
}

/// The fields of a commit that git knows.
pub(super) struct CommitFields {
    pub(super) sha: String,
    pub(super) tree: String,
    pub(super) parents: Vec<String>,
    author: Value,
    committer: Value,
    author_email: String,
    committer_email: String,
    message: String,
}

impl CommitFields {
    /// Reads a commit.
    pub(super) fn read(disk: &Disk, revision: &str) -> Option<Self> {
        let sha = disk.resolve(&format!("{revision}^{{commit}}"))?;
        let format = "--format=%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B";
        let shown = disk.git(&["show", "--no-patch", "--no-color", format, &sha]).run();
        let parts: Vec<&str> = shown.splitn(9, '\0').collect();
        let &[tree, parents, name, email, date, committer, committer_email, commit_date, message] = parts.as_slice()
        else {
            return None;
        };
        Some(Self {
            sha,
            tree: tree.to_owned(),
            parents: parents.split_whitespace().map(str::to_owned).collect(),
            author: json!({ "name": name, "email": email, "date": date }),
            committer: json!({ "name": committer, "email": committer_email, "date": commit_date }),
            author_email: email.to_owned(),
            committer_email: committer_email.to_owned(),
            message: message.trim_end().to_owned(),
        })
    }

    /// `git-commit`: as the git database shows it.
    pub(super) fn git_view(&self, state: &State, repo: &Repository) -> Value {
        let api = format!("{}/repos/{}", state.api(), repo.slug());
        let parent = |sha: &String| json!({ "sha": sha, "url": format!("{api}/git/commits/{sha}"), "html_url": format!("{}/commit/{sha}", repo.slug()) });
        json!({
            "sha": self.sha, "node_id": format!("C_{}", self.sha), "url": format!("{api}/git/commits/{}", self.sha),
            "html_url": format!("{}/{}/commit/{}", state.base, repo.slug(), self.sha),
            "author": self.author, "committer": self.committer, "message": self.message,
            "tree": { "sha": self.tree, "url": format!("{api}/git/trees/{}", self.tree) },
            "parents": self.parents.iter().map(parent).collect::<Vec<_>>(),
            "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null },
        })
    }

    /// `commit`: as the commits endpoints show it, with the accounts behind the addresses.
    pub(super) fn view(&self, state: &State, repo: &Repository) -> Value {
        let account = |email: &str| login_of(state, email).map_or(Value::Null, |login| user(state, &login));
        let git = self.git_view(state, repo);
        json!({
            "sha": self.sha, "node_id": git["node_id"], "html_url": git["html_url"],
            "url": format!("{}/repos/{}/commits/{}", state.api(), repo.slug(), self.sha),
            "comments_url": format!("{}/repos/{}/commits/{}/comments", state.api(), repo.slug(), self.sha),
            "commit": git, "author": account(&self.author_email), "committer": account(&self.committer_email),
            "parents": git["parents"],
        })
    }
}

/// The account that a commit's address belongs to: GitHub's own `ID+login@users.noreply…` form is known.
fn login_of(state: &State, email: &str) -> Option<String> {
    let local = email.strip_suffix(NOREPLY)?;
    let login = local.split_once('+').map_or(local, |(_, login)| login);
    state.users.contains_key(login).then(|| login.to_owned())
}

/// The host of addresses that GitHub gives to accounts.
pub(super) const NOREPLY: &str = "@users.noreply.github.com";

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("half a byte is a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Percent-encodes one segment of a path.
pub(super) fn encode(segment: &str) -> String {
    let mut encoded = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex(&[byte]).to_uppercase());
        }
    }
    encoded
}
