//! Settings: what a project's `.npmrc` says about resolution. npm never sees the file; what is known here becomes flags.

use crate::model::repository::RepoPath;
use crate::model::tree::ProjectTree;

/// What each setting may be: anything else is left out.
const KNOWN: [(&str, &[&str]); 4] = [
    ("legacy-peer-deps", &["true", "false"]),
    ("strict-peer-deps", &["true", "false"]),
    ("install-strategy", &["hoisted", "nested", "shallow", "linked"]),
    ("engine-strict", &["true", "false"]),
];

/// Holds what npm is not told: it would hold the engines against the Node.js of this machine.
pub(super) const ENGINE_STRICT: &str = "--engine-strict=true";

/// The settings of the `.npmrc` beside a lockfile, as flags, in a fixed order. Of several lines the last counts.
pub(super) fn beside(lockfile: &RepoPath, tree: &dyn ProjectTree) -> Vec<String> {
    let path = lockfile.sibling(".npmrc").ok();
    let content = path.and_then(|path| tree.read(&path).ok()).unwrap_or_default();
    read(&String::from_utf8_lossy(&content))
}

fn read(text: &str) -> Vec<String> {
    let lines = || text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let said = |name: &str| {
        let values = lines().filter_map(|line| {
            let (key, value) = line.split_once('=').unwrap_or((line, "true"));
            (key.trim().trim_matches(['"', '\'']) == name).then(|| value.trim().trim_matches(['"', '\'']))
        });
        values.last().map(str::to_owned)
    };
    let flag = |(name, values): &(&str, &[&str])| {
        said(name).filter(|value| values.contains(&value.as_str())).map(|value| format!("--{name}={value}"))
    };
    KNOWN.iter().filter_map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_becomes_a_flag() {
        for (text, expected) in [
            ("legacy-peer-deps=true\n", &["--legacy-peer-deps=true"][..]),
            ("  legacy-peer-deps = \"true\"\r\nengine-strict\n", &["--legacy-peer-deps=true", "--engine-strict=true"]),
            ("legacy-peer-deps=true\nlegacy-peer-deps=false", &["--legacy-peer-deps=false"]),
            (
                "; legacy-peer-deps=true\n#strict-peer-deps=true\ninstall-strategy=nested",
                &["--install-strategy=nested"],
            ),
            ("install-strategy=${TOKEN}\nstrict-peer-deps=--git=./evil\ngit=./evil\nregistry=https://x.example/", &[]),
            ("[section]\nlegacy-peer-deps=true", &[]),
            ("", &[]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
