//! The Rust toolchain: the bot's own, found once, so that no project can choose another through rustup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reach::Reach;
use super::runner::{Invocation, Runner};

/// The folder with the programs of the toolchain that the bot's own environment selects.
///
/// With it in front of `PATH`, `cargo` and `rustc` are the real programs and not rustup's proxies, which would obey a
/// `rust-toolchain.toml` of the project. `None` where there is no Rust.
pub(crate) fn rust_programs(runner: &Runner, empty: &Path, home: &Path) -> Option<PathBuf> {
    // rustup finds its toolchains by these; both are chosen by whoever runs the bot.
    let rustup_home = std::env::var("RUSTUP_HOME")
        .ok()
        .or_else(|| std::env::var("HOME").ok().map(|user_home| format!("{user_home}/.rustup")));
    let mut env = BTreeMap::new();
    env.extend(rustup_home.map(|folder| ("RUSTUP_HOME".to_owned(), folder)));
    env.extend(std::env::var("RUSTUP_TOOLCHAIN").ok().map(|name| ("RUSTUP_TOOLCHAIN".to_owned(), name)));
    let invocation = Invocation {
        program: "rustc".to_owned(),
        args: vec!["--print".to_owned(), "sysroot".to_owned()],
        env,
        cwd: empty.to_path_buf(),
        reach: Reach::Nothing,
    };
    // Without an answer, `cargo` is looked for in PATH like any other program.
    let output = runner.run(&invocation, home).ok().filter(super::runner::Output::succeeded)?;
    let programs = PathBuf::from(output.stdout.trim()).join("bin");
    programs.join("cargo").is_file().then_some(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_cargo_is_found_behind_the_proxies() {
        let folder = tempfile::tempdir().unwrap();
        let Some(programs) = rust_programs(&Runner::from_environment(), folder.path(), folder.path()) else {
            panic!("these tests run with a Rust toolchain");
        };
        assert!(programs.join("rustc").is_file() || programs.join("cargo").is_file());
        assert!(!programs.join("rustup").exists(), "that is the folder of the proxies");
    }
}
