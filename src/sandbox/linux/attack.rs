//! Attack: tries everything that a package manager must not be able to do, from inside of the walls.

mod network;
mod processes;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::limits;
use crate::sandbox::attack::{Attack, Said, Targets};

/// The program, as a part of its own attacks: what the first argument asks for.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["grow", file] => grow(Path::new(file)),
        ["leave", file] => processes::leave(Path::new(file)),
        ["stay", file] => processes::stay(Path::new(file)),
        ["wait"] => processes::wait_for_end(),
        [targets] => attack(targets),
        _ => Err(io::Error::other("these arguments make no attack")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Tries one after the other, and says of each what came of it before the next one begins.
fn attack(targets: &str) -> io::Result<()> {
    let targets: Targets = serde_json::from_str(targets)?;
    for attack in &targets.attacks {
        let result = one(*attack, &targets).map_err(|error| error.to_string());
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &Said { attack: *attack, result })?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}

fn one(attack: Attack, targets: &Targets) -> io::Result<String> {
    match attack {
        Attack::ReadSecret => fs::read_to_string(&targets.secret),
        Attack::ReadHome => read_home(targets.home.as_deref()),
        Attack::WriteOutside => write_new(&targets.outside),
        Attack::WritePrograms => write_new(&targets.programs),
        Attack::RunWritten => run_written(&targets.scratch),
        Attack::GrowFile => again(&["grow", &targets.scratch.join("grown").to_string_lossy()]),
        Attack::ReadProcess => processes::read(targets.process),
        Attack::ListProcesses => processes::list(),
        Attack::FindToken => find_token(),
        Attack::ConnectPort => network::connect(targets.tcp),
        Attack::ConnectAddress => network::connect_elsewhere(),
        Attack::Listen => network::listen(),
        Attack::SendDatagram => network::send(targets.udp),
        Attack::ConnectOtherwise => network::connect_otherwise(targets.tcp),
        Attack::OpenRaw => network::open_raw(),
        Attack::ConnectUnix => network::connect_unix(&targets.unix),
        Attack::ConnectAbstract => network::connect_abstract(&targets.hidden),
        Attack::Attach => processes::attach(targets.process),
        Attack::Mount => processes::mount(&targets.scratch),
        Attack::MakeNamespace => processes::make_namespace(),
        Attack::SignalOutside => processes::kill(targets.process),
        Attack::Outlive => again(&["leave", &targets.scratch.join("alive").to_string_lossy()]),
        Attack::SignalSupervisor => processes::kill_parent(),
    }
}

/// The first of several ways that works; else the word about the last one.
fn first<const COUNT: usize>(ways: [&dyn Fn() -> io::Result<String>; COUNT]) -> io::Result<String> {
    let mut result = Err(io::Error::other("nothing was tried"));
    for way in ways {
        result = way();
        if result.is_ok() {
            break;
        }
    }
    result
}

/// This program once more, with other arguments.
fn again(arguments: &[&str]) -> io::Result<String> {
    let status = Command::new(std::env::current_exe()?)
        .arg("attack")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(format!("`{}` ran to its end", arguments[0]))
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

fn read_home(home: Option<&Path>) -> io::Result<String> {
    let home = home.ok_or_else(|| io::Error::other("there is no home folder"))?;
    first([&|| fs::read_to_string(home.join(".npmrc")), &|| {
        fs::read_dir(home).map(|entries| format!("{} files", entries.count()))
    }])
}

fn write_new(folder: &Path) -> io::Result<String> {
    let file = folder.join(".patchparty-attack");
    fs::write(&file, "written from inside")?;
    // It is to leave nothing where it succeeds.
    let _ = fs::remove_file(&file);
    Ok(format!("wrote `{}`", file.display()))
}

fn run_written(scratch: &Path) -> io::Result<String> {
    let file = scratch.join("written");
    fs::write(&file, "#!/bin/sh\nexit 0\n")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Command::new(&file).stdin(Stdio::null()).status().map(|status| status.to_string())
}

/// The signal that comes with the limit ends the process.
fn grow(file: &Path) -> io::Result<()> {
    fs::File::create(file)?.set_len(limits::FILE_SIZE + 1)
}

fn find_token() -> io::Result<String> {
    let named = |name: &str| ["TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.to_uppercase().contains(word));
    let found = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).find(|name| named(name));
    found.ok_or_else(|| io::Error::other("there is none"))
}
