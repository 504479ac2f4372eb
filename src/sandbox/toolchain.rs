//! The Rust toolchain: the bot's own, found once, so that no project can choose another through rustup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reach::Reach;
use super::runner::{Invocation, Runner};
use super::skeleton::Place;

/// The toolchain that the bot's own environment selects: the folder with `bin` and `lib` in it.
///
/// With its programs in front of `PATH`, `cargo` and `rustc` are the real ones and not rustup's proxies, which would obey a
/// `rust-toolchain.toml` of the project. `None` where there is no Rust. Nothing of a project is near yet.
pub(crate) fn rust_toolchain(runner: &Runner, place: &Place) -> Option<PathBuf> {
    // rustup finds its toolchains by these; both are chosen by whoever runs the bot.
    let rustup_home = std::env::var("RUSTUP_HOME")
        .ok()
        .or_else(|| std::env::var("HOME").ok().map(|user_home| format!("{user_home}/.rustup")));
    let mut env = BTreeMap::new();
    let mut reads = Vec::new();
    if let Some(folder) = rustup_home {
        reads = ["settings.toml", "toolchains"].iter().map(|name| Path::new(&folder).join(name)).collect();
        env.insert("RUSTUP_HOME".to_owned(), folder);
    }
    env.extend(std::env::var("RUSTUP_TOOLCHAIN").ok().map(|name| ("RUSTUP_TOOLCHAIN".to_owned(), name)));
    let invocation = Invocation {
        program: "rustc".to_owned(),
        args: vec!["--print".to_owned(), "sysroot".to_owned()],
        env,
        cwd: place.empty.clone(),
        reach: Reach::Nothing,
    };
    // Without an answer, `cargo` is looked for in PATH like any other program.
    let runner = runner.clone().with_reads(reads);
    let output = runner.run(&invocation, place).ok().filter(super::runner::Output::succeeded)?;
    let toolchain = PathBuf::from(output.stdout.trim());
    (toolchain.is_absolute() && toolchain.join("bin/cargo").is_file()).then_some(toolchain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_cargo_is_found_behind_the_proxies() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        let place = Place { project: root.clone(), empty: root.clone(), home: root.clone(), cache: root };
        let Some(toolchain) = rust_toolchain(&Runner::from_environment(), &place) else {
            panic!("these tests run with a Rust toolchain");
        };
        let programs = toolchain.join("bin");
        assert!(programs.join("rustc").is_file());
        assert!(!programs.join("rustup").exists(), "that is the folder of the proxies");
    }
}
