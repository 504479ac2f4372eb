//! A Composer repository on the same server: a static `packages.json` (<https://getcomposer.org/doc/05-repositories.md>).

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::exchange::Reply;
use super::state::State;
use super::views;

/// One release of a package.
#[derive(Debug, Clone)]
pub(crate) struct ComposerPackage {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) require: Vec<(String, String)>,
}

/// Answers below `/composer/`; `None` for anything but the one file there is.
pub(super) fn answer(state: &State, path: &[&str]) -> Option<Reply> {
    matches!(path, ["packages.json"]).then(|| Reply::json(200, &packages(state)))
}

fn packages(state: &State) -> Value {
    let mut all = json!({});
    for release in &state.composer {
        let id = format!("{}@{}", release.name, release.version);
        // Archives are never fetched by lockfile-only updates; their addresses and references stand in the lock.
        let reference = views::hex(&Sha256::digest(&id)[..20]);
        let require: serde_json::Map<String, Value> =
            release.require.iter().map(|(name, constraint)| (name.clone(), json!(constraint))).collect();
        all[&release.name][&release.version] = json!({
            "name": release.name, "version": release.version, "type": "library", "require": require,
            "dist": {
                "type": "zip", "url": format!("{}/composer/dist/{reference}.zip", state.base),
                "reference": reference, "shasum": "",
            },
        });
    }
    json!({ "packages": all })
}
