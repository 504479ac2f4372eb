//! Grants: which files of this machine a package manager needs, and none of its user's.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::order::Grants;

/// Programs and libraries of the system. `/usr` itself is not named: it may hold folders of people or services.
const PROGRAMS: [&str; 22] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/libx32",
    "/usr/share",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/libexec",
    "/usr/local/share",
    // Whose packages are readable by everyone by design.
    "/nix/store",
    "/gnu/store",
];

/// What of `/etc` libraries and runtimes read. Never all of it, and no folder with private keys.
const SETTINGS: [&str; 21] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/php",
    "/etc/php.d",
    "/etc/php.ini",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
];

/// Variables that name certificates.
const CERTIFICATES: [&str; 4] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO"];

/// How many interpreters are followed: a script of a script's interpreter is odd enough.
const INTERPRETER_DEPTH: u8 = 3;
/// A first line that names an interpreter is at most so long (`BINPRM_BUF_SIZE` of Linux).
const FIRST_LINE: usize = 256;

/// Collects grants, and refuses what would open a user's folder.
pub(super) struct Collector {
    grants: Grants,
    /// Folders that are never granted, nor anything that they lie in.
    guarded: Vec<PathBuf>,
}

impl Collector {
    /// Begins with the system. `home` is the folder of whoever runs the bot.
    pub(super) fn new(home: Option<&Path>) -> Self {
        let home = home.filter(|home| home.is_absolute());
        let real = home.and_then(|home| home.canonicalize().ok());
        let guarded = home.map(Path::to_path_buf).into_iter().chain(real).collect();
        let mut collector = Self { grants: Grants::default(), guarded };
        for folder in PROGRAMS {
            collector.execute(Path::new(folder));
        }
        for file in SETTINGS {
            collector.read(Path::new(file));
        }
        collector
    }

    /// What was collected.
    pub(super) fn finish(self) -> Grants {
        self.grants
    }

    /// A folder that may be written to, but nothing be started in.
    pub(super) fn write(&mut self, folder: &Path) {
        if let Some(folder) = self.judge(folder) {
            self.grants.write.insert(folder);
        }
    }

    /// A file or folder that may be read.
    pub(super) fn read(&mut self, path: &Path) {
        if let Some(path) = self.judge(path) {
            self.grants.read.insert(path);
        }
    }

    /// A file or folder that may be read, and what is a program in it be started.
    pub(super) fn read_and_start(&mut self, path: &Path) {
        self.execute(path);
    }

    /// The folders of an installation that programs and their libraries are in; not what else lies beside them.
    pub(super) fn installation(&mut self, root: &Path) {
        for folder in ["bin", "lib", "lib64", "libexec"] {
            self.execute(&root.join(folder));
        }
    }

    /// The certificates that an environment names.
    pub(super) fn certificates(&mut self, environment: &BTreeMap<String, OsString>) {
        for name in CERTIFICATES {
            if let Some(path) = environment.get(name) {
                self.read(Path::new(path));
            }
        }
    }

    /// A program, the libraries beside it, and the interpreter that its first line names, which is looked up in `path`.
    pub(super) fn program(&mut self, program: &Path, path: &OsStr) {
        let mut program = program.to_path_buf();
        for _ in 0..INTERPRETER_DEPTH {
            let Ok(file) = program.canonicalize() else { return };
            self.execute(&file);
            // Found as `prefix/bin/npm`, which may be a link into `prefix/lib`: where it was found counts as well.
            for place in [&program, &file] {
                let folder = place.parent().filter(|folder| folder.file_name() == Some(OsStr::new("bin")));
                if let Some(prefix) = folder.and_then(Path::parent) {
                    for libraries in ["lib", "lib64", "libexec"] {
                        self.execute(&prefix.join(libraries));
                    }
                }
            }
            let Some(next) = interpreter(&file, path) else { return };
            program = next;
        }
    }

    fn execute(&mut self, path: &Path) {
        if let Some(path) = self.judge(path) {
            self.grants.execute.insert(path);
        }
    }

    /// The real path of what exists and may be granted: neither the root nor a folder that a guarded one lies in.
    fn judge(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        let opens = self.guarded.iter().any(|guarded| guarded.starts_with(&real));
        (!opens && real.parent().is_some()).then_some(real)
    }
}

/// The program that a script's first line names: directly, or for `env` to look up.
fn interpreter(script: &Path, path: &OsStr) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(script).ok()?.take(FIRST_LINE as u64).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
    let program = Path::new(words.next()?);
    if program.file_name() != Some(OsStr::new("env")) {
        return Some(program.to_path_buf());
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_home_and_what_it_lies_in_are_never_granted() {
        let world = tempfile::tempdir().unwrap();
        let home = world.path().join("people/anna");
        for folder in ["bin", "lib", "share", "secrets"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        fs::write(home.join("bin/npm"), "#!/usr/bin/env -S node --x\n").unwrap();
        fs::write(home.join("bin/node"), "\x7fELF").unwrap();
        let mut collector = Collector::new(Some(&home));
        let path = home.join("bin").into_os_string();
        collector.program(&home.join("bin/npm"), &path);
        for folder in [world.path(), &home, &home.join("..").join("anna"), Path::new("/")] {
            collector.read(folder);
            collector.write(folder);
            collector.execute(folder);
        }
        let grants = collector.finish();
        let home = home.canonicalize().unwrap();
        let below = |path: &&PathBuf| path.starts_with(world.path().canonicalize().unwrap());
        let granted: Vec<_> = grants.execute.iter().filter(below).map(|it| it.strip_prefix(&home).unwrap()).collect();
        assert_eq!(granted, [Path::new("bin/node"), Path::new("bin/npm"), Path::new("lib")]);
        assert!(grants.write.is_empty() && !grants.read.iter().any(|path| below(&path)));
        assert!(!grants.read.contains(Path::new("/")) && !grants.execute.contains(Path::new("/")));
    }

    #[test]
    fn a_home_in_the_system_closes_the_folder_around_it() {
        let grants = Collector::new(Some(Path::new("/usr/lib/someone"))).finish();
        assert!(!grants.execute.iter().any(|path| Path::new("/usr/lib/someone").starts_with(path)));
        assert!(grants.execute.contains(&Path::new("/usr/bin").canonicalize().unwrap()));
    }
}
