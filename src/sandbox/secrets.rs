//! Secrets: taken out of the process's environment, by starting afresh without them, before anything else happens.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The secrets that patchparty itself has a use for; every other one is only left behind.
const USED: [&str; 3] = ["PATCHPARTY_TOKEN", "GITHUB_TOKEN", "PATCHPARTY_STATE_KEY"];

/// What the name of a variable with a secret has in it: those of GitHub's runner (`ACTIONS_RUNTIME_TOKEN`,
/// `ACTIONS_ID_TOKEN_REQUEST_URL`), of package managers (`NPM_TOKEN`, `COMPOSER_AUTH`) and of clouds
/// (`AWS_SECRET_ACCESS_KEY`). Nothing that patchparty reads besides is called so.
const SECRET_WORDS: [&str; 8] =
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "COMPOSER_AUTH", "PRIVATE_KEY", "ACCESS_KEY"];

/// The endings of such names.
const SECRET_ENDINGS: [&str; 3] = ["_KEY", "_PAT", "_AUTH"];

/// Tells the second life that its standard input is the pipe with what the first one knew.
#[cfg(target_os = "linux")]
const HANDED_OVER: &str = "PATCHPARTY_SECRETS_ON_STDIN";

/// What a pipe takes before anybody reads from it: 64 KiB on Linux (pipe(7)). More would make the first life wait for ever.
#[cfg(target_os = "linux")]
const PIPE_CAPACITY: usize = 65_536;

/// The secrets of the environment, by the names of their variables.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, Zeroizing<String>>);

impl Secrets {
    /// Takes the secrets out of the environment. Call it before anything else, while there is one thread.
    ///
    /// The kernel shows the environment that a process was started with to everybody with the same user, and to root in any
    /// case (`/proc/PID/environ`), whatever the process does to its variables later. So where there is a secret, this does
    /// not return the first time: the program is started once more in the same process, without secrets in its environment,
    /// and finds those that it uses in a pipe that only it can read, and only once. Then the process is made undumpable:
    /// no core file, and without root nobody reads its memory.
    ///
    /// Standard input is empty afterwards. Where it cannot be done (no `/proc`, another system than Linux) the secrets are
    /// read where they are.
    pub(crate) fn take() -> Self {
        #[cfg(target_os = "linux")]
        return linux::take();
        #[cfg(not(target_os = "linux"))]
        Self::of_environment()
    }

    /// The secret of a variable, where it is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    fn of_environment() -> Self {
        let read = |name: &str| Some((name.to_owned(), Zeroizing::new(std::env::var(name).ok()?)));
        Self(USED.into_iter().filter_map(read).collect())
    }
}

/// Whether a variable with this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let named = SECRET_WORDS.iter().any(|word| name.contains(word))
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending));
    // A path to a socket, which nothing here uses, but which is no secret either.
    named && name != "SSH_AUTH_SOCK"
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsString;
    use std::io::Write as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    use zeroize::Zeroizing;

    use super::{HANDED_OVER, PIPE_CAPACITY, Secrets, USED, is_secret};

    pub(super) fn take() -> Secrets {
        let secrets = if std::env::var_os(HANDED_OVER).is_some() {
            handed_over().unwrap_or_default()
        } else if std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(is_secret)) {
            let secrets = Secrets::of_environment();
            // It only comes back with a reason why it could not be done; then nothing is worse than it was.
            let _reason = start_afresh(&secrets);
            secrets
        } else {
            Secrets::default()
        };
        if !secrets.0.is_empty() {
            // Refused only by a kernel that does not know it.
            let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        }
        secrets
    }

    /// Becomes the same program again, with the same arguments, without secrets in its environment.
    fn start_afresh(secrets: &Secrets) -> std::io::Error {
        match prepare(secrets) {
            Ok(mut command) => command.exec(),
            Err(error) => error,
        }
    }

    fn prepare(secrets: &Secrets) -> std::io::Result<Command> {
        let mut message = Zeroizing::new(Vec::new());
        for (name, value) in &secrets.0 {
            for part in [name.as_bytes(), b"=", value.as_bytes(), b"\0"] {
                message.extend_from_slice(part);
            }
        }
        if message.len() > PIPE_CAPACITY {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let (reader, mut writer) = std::io::pipe()?;
        writer.write_all(&message)?;
        let mut arguments = std::env::args_os();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg0(arguments.next().unwrap_or_else(|| OsString::from("patchparty"))).args(arguments);
        let kept = std::env::vars_os().filter(|(name, _)| !name.to_str().is_some_and(is_secret));
        command.env_clear().envs(kept).env(HANDED_OVER, "1").stdin(reader);
        Ok(command)
    }

    /// Empties the pipe and puts it away, so that no process started later holds it.
    fn handed_over() -> std::io::Result<Secrets> {
        let mut message = Zeroizing::new(vec![0; PIPE_CAPACITY + 1]);
        let mut length = 0;
        // Not through `std::io::stdin`, whose buffer would keep a copy.
        loop {
            match rustix::io::read(rustix::stdio::stdin(), &mut message[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        let text = std::str::from_utf8(&message[..length]).unwrap_or_default();
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        let used = pairs.filter(|(name, _)| USED.contains(name));
        Ok(Secrets(used.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_with_secrets_are_known_by_their_names() {
        for name in USED.into_iter().chain([
            "ACTIONS_RUNTIME_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "PATCHPARTY_PRIVATE_KEY",
            "INPUT_TOKEN",
            "GH_TOKEN",
            "CARGO_REGISTRIES_MIRROR_TOKEN",
            "npm_config__auth",
            "COMPOSER_AUTH",
            "AWS_SECRET_ACCESS_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ]) {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "CARGO_HTTP_CAINFO",
            "HTTPS_PROXY",
            "NO_COLOR",
            "GITHUB_API_URL",
            "GITHUB_SERVER_URL",
            "GITHUB_ACTIONS",
            "GITHUB_OUTPUT",
            "GITHUB_STEP_SUMMARY",
            "PATCHPARTY_NOW",
            "PATCHPARTY_WRITE_PAUSE_MS",
            "npm_config_registry",
            "RUST_LOG",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
