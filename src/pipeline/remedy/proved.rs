//! Proved: a tool is used only from the version on whose flags were proved to hold. Older ones pass over some of them
//! without a word.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failure::Failure;
use super::tools::Tools;
use crate::model::remedy::{BlockCause, Evidence};
use crate::sandbox::reach::Reach;
use crate::sandbox::runner::{Invocation, RunError};
use crate::sandbox::skeleton::Skeleton;
use crate::updater::{Proved, UPDATERS, Updater};

/// A version: major, minor and patch.
pub(super) type Version = [u64; 3];

/// The tool's version, or why it is not used. Asked once for each tool and run.
pub(super) fn version(tools: &Tools, updater: &dyn Updater) -> Result<Version, Failure> {
    tools.version_of(updater.id(), || judge(updater, ask(tools, updater)?))
}

/// Whether a package manager can be used here.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    /// Its program.
    pub(crate) tool: &'static str,
    /// Its version, when it is used.
    pub(crate) version: Option<String>,
    /// Why it is not used, when it is not.
    pub(crate) reason: Option<String>,
    /// What to do about it.
    pub(crate) next_step: Option<String>,
}

/// All package managers that make updates.
pub(crate) fn readiness(tools: &Tools) -> Vec<Readiness> {
    let ask = |updater: &&'static dyn Updater| {
        let tool = updater.id();
        match version(tools, *updater) {
            Ok(version) => Readiness { tool, version: Some(told(version)), reason: None, next_step: None },
            Err(failure) => {
                let install = format!("run `{}`", updater.proved().install);
                let next_step =
                    failure.next_step.or_else(|| (failure.cause == BlockCause::ToolMissing).then_some(install));
                Readiness { tool, version: None, reason: Some(failure.explanation), next_step }
            }
        }
    };
    UPDATERS.iter().map(ask).collect()
}

/// What a reader should know of a tool that is newer than all that were tried.
pub(super) fn newer_than_tried(updater: &dyn Updater, version: Version) -> Option<Evidence> {
    let Proved { newest_major, .. } = updater.proved();
    (version[0] > newest_major).then(|| Evidence {
        check: format!("version of `{}`", updater.id()),
        result: format!("{}, which is newer than what was tried: version {newest_major}", told(version)),
    })
}

fn judge(updater: &dyn Updater, version: Version) -> Result<Version, Failure> {
    let Proved { oldest, install, .. } = updater.proved();
    if version >= oldest {
        return Ok(version);
    }
    let (tool, version, oldest) = (updater.id(), told(version), told(oldest));
    let text =
        format!("`{tool}` {version} is too old: what keeps a project's own programs out is proved from {oldest} on");
    Err(Failure::new(BlockCause::ToolTooOld, text).with_next_step(format!("run `{install}` where patchparty runs")))
}

fn told([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// Asks the tool in an empty folder: nothing of a repository is there.
fn ask(tools: &Tools, updater: &dyn Updater) -> Result<Version, Failure> {
    let failed = |text: String| Failure::new(BlockCause::ToolFailed, text);
    let skeleton = Skeleton::new(&tools.scratch, &tools.cache, &BTreeMap::new())
        .map_err(|error| failed(format!("failed to {error}")))?;
    let place = skeleton.place();
    let below = |name: &str| place.home.join(name).display().to_string();
    let invocation = Invocation {
        program: updater.id().to_owned(),
        args: vec!["--version".to_owned()],
        env: BTreeMap::from([
            ("npm_config_userconfig".to_owned(), below("no-user-npmrc")),
            ("npm_config_globalconfig".to_owned(), below("no-global-npmrc")),
            ("COMPOSER_HOME".to_owned(), below("composer")),
            ("COMPOSER_ALLOW_SUPERUSER".to_owned(), "1".to_owned()),
            ("COMPOSER_NO_INTERACTION".to_owned(), "1".to_owned()),
            ("CARGO_HOME".to_owned(), place.cache.join("cargo").display().to_string()),
        ]),
        cwd: place.empty.clone(),
        reach: Reach::Nothing,
    };
    let output = tools.runner.run(&invocation, place).map_err(|error| {
        let failure = failed(format!("failed to {error}"));
        let cause =
            if matches!(error, RunError::NotInstalled { .. }) { BlockCause::ToolMissing } else { failure.cause };
        Failure { cause, next_step: error.hint(), ..failure }
    })?;
    read(&output.stdout).filter(|_| output.succeeded()).ok_or_else(|| {
        tools.log.note(
            "every project",
            &format!("{} --version", updater.id()),
            &format!("{}\n{}", output.stderr, output.stdout),
        );
        failed(format!("`{}` does not tell its version; its own words are in the local log", updater.id()))
    })
}

/// The first word that is a version.
fn read(said: &str) -> Option<Version> {
    said.split_whitespace().find_map(|word| {
        let release = word.split(['-', '+']).next().unwrap_or(word);
        let numbers: Vec<u64> = release.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        numbers.try_into().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_tools_tell_them() {
        for (said, expected) in [
            ("11.19.1\n", Some([11, 19, 1])),
            ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n", Some([1, 95, 0])),
            ("cargo 1.97.0-nightly (x 2026-04-01)\n", Some([1, 97, 0])),
            ("Composer version 2.5.5 2023-03-21 11:50:05\n", Some([2, 5, 5])),
            ("npm: command not found\n", None),
            ("", None),
        ] {
            assert_eq!(read(said), expected, "{said}");
        }
    }

    #[test]
    fn an_older_tool_is_refused_and_a_newer_major_is_told() {
        for updater in UPDATERS {
            let Proved { oldest, newest_major, install } = updater.proved();
            assert_eq!(judge(*updater, oldest).unwrap(), oldest);
            let older =
                if oldest[2] > 0 { [oldest[0], oldest[1], oldest[2] - 1] } else { [oldest[0], oldest[1] - 1, 99] };
            let failure = judge(*updater, older).unwrap_err();
            assert_eq!(failure.cause, BlockCause::ToolTooOld);
            assert!(failure.next_step.unwrap().contains(install));
            assert!(newer_than_tried(*updater, oldest).is_none());
            assert!(newer_than_tried(*updater, [newest_major + 1, 0, 0]).is_some());
        }
    }
}
