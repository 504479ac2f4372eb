//! The bot under test: the built binary in a world of its own, with a scrubbed environment and watched tools.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::fixtures;
use super::github::{GitHub, TOKEN};

/// How long one run may take: package managers fetch their indexes over the network.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The night of the first run.
const NOW: &str = "2026-11-21T02:00:00Z";

/// Tools whose environment and arguments are recorded.
const TOOLS: [&str; 5] = ["cargo", "rustc", "npm", "composer", "git"];

/// Where certificates of public authorities usually are; the first that exists is used.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// The bot with a home, a cache and an environment that last over several runs.
pub(crate) struct Bot {
    world: TempDir,
    environment: BTreeMap<String, String>,
    advisories: Vec<PathBuf>,
}

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Talk.
    pub(crate) stderr: String,
}

impl Bot {
    /// A bot that works on the stand-in, with the fixtures' advisories and the bot's token.
    pub(crate) fn new(github: &GitHub) -> Self {
        let bot = Self::without_forge();
        let bundle = format!("{}\n{}", public_authorities(), github.authority_pem());
        let authorities = bot.write("authorities.pem", bundle.as_bytes());
        let mut bot = bot
            .variable("GITHUB_API_URL", &github.api_url())
            .variable("GITHUB_SERVER_URL", github.server_url())
            .variable("PATCHPARTY_TOKEN", TOKEN);
        for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO"] {
            bot = bot.variable(name, &authorities.display().to_string());
        }
        bot
    }

    /// A bot that knows no forge and has no token.
    pub(crate) fn without_forge() -> Self {
        let world = TempDir::new().expect("the temporary folder is writable");
        for folder in ["home", "bin", "watch", "work", "tmp"] {
            fs::create_dir(world.path().join(folder)).expect("the temporary folder is writable");
        }
        let mut bot = Self { world, environment: BTreeMap::new(), advisories: fixtures::sources() };
        bot.watch_tools();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", bot.path("bin").display());
        let (home, scratch) = (bot.path("home").display().to_string(), bot.path("tmp").display().to_string());
        bot = bot
            .variable("TMPDIR", &scratch)
            .variable("PATH", &path)
            .variable("HOME", &home)
            .variable("PATCHPARTY_NOW", NOW)
            .variable("PATCHPARTY_WRITE_PAUSE_MS", "0")
            .variable("NO_COLOR", "1");
        // A stranger's machine may reach registries through a proxy only; loopback never goes through it.
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "SSL_CERT_FILE"] {
            if let Ok(value) = std::env::var(name) {
                bot = bot.variable(name, &value).variable("NO_PROXY", "127.0.0.1,localhost");
            }
        }
        bot
    }

    /// Sets a variable of the bot's environment.
    #[must_use]
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable out of the bot's environment.
    #[must_use]
    pub(crate) fn without_variable(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Sets the clock of the next runs (RFC 3339).
    pub(crate) fn set_now(&mut self, now: &str) {
        self.environment.insert("PATCHPARTY_NOW".to_owned(), now.to_owned());
    }

    /// Adds a folder of advisories for the next runs.
    pub(crate) fn learn(&mut self, advisories: PathBuf) {
        self.advisories.push(advisories);
    }

    /// A path in the bot's world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.path().join(name)
    }

    /// Writes a file into the bot's world. Gives its path.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("the world is a parent")).expect("the world is writable");
        fs::write(&path, content).expect("the world is writable");
        path
    }

    /// Writes a program into the bot's world.
    pub(crate) fn write_program(&self, name: &str, script: &str) {
        make_executable(&self.write(name, script.as_bytes()));
    }

    /// Runs `patchparty <arguments>` with the advisories that it has learned, in the folder `work` of its world.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let mut all: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        for folder in &self.advisories {
            all.extend(["--advisories".to_owned(), folder.display().to_string()]);
        }
        self.run_bare(&all)
    }

    /// Like [`Bot::run`], and the system gives it no more than so much memory.
    pub(crate) fn run_within(&self, mebibytes: u64, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("sh");
        // `ulimit -v` counts KiB; the arguments never become part of the script.
        command.args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &(mebibytes * 1024).to_string()]);
        command.arg(env!("CARGO_BIN_EXE_patchparty")).args(arguments);
        for folder in &self.advisories {
            command.arg("--advisories").arg(folder);
        }
        self.finish(command)
    }

    /// Runs `patchparty <arguments>` with nothing added.
    pub(crate) fn run_bare(&self, arguments: &[String]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patchparty"));
        command.args(arguments);
        self.finish(command)
    }

    fn finish(&self, command: Command) -> Outcome {
        let child = self.spawn(command);
        self.wait_for(child)
    }

    /// Starts `patchparty <arguments>` with the advisories that it has learned, and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patchparty"));
        command.args(arguments);
        for folder in &self.advisories {
            command.arg("--advisories").arg(folder);
        }
        self.spawn(command)
    }

    /// Starts `patchparty <arguments>` with nothing added, and does not wait for it.
    pub(crate) fn start_bare(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patchparty"));
        command.args(arguments);
        self.spawn(command)
    }

    fn spawn(&self, mut command: Command) -> Child {
        let create = |path: &Path| Stdio::from(File::create(path).expect("the world is writable"));
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .stdout(create(&self.path("stdout")))
            .stderr(create(&self.path("stderr")))
            .spawn()
            .expect("the binary was built")
    }

    /// Waits for what was started.
    pub(crate) fn wait_for(&self, mut child: Child) -> Outcome {
        let (stdout, stderr) = (self.path("stdout"), self.path("stderr"));
        let deadline = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().expect("the child can be ended");
                panic!("patchparty did not end within {TIMEOUT:?}:\n{}", read(&stderr));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Outcome { code: status.code(), stdout: read(&stdout), stderr: read(&stderr) }
    }

    /// Runs a tool as the bot would find it, with the bot's whole environment. Gives what it says.
    pub(crate) fn call(&self, tool: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.path("bin").join(tool));
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.path("work"));
        let output = command.output().expect("the tool is installed: the test asked before");
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What the package managers were given: the arguments and the environment of every call, one text.
    pub(crate) fn tool_calls(&self, tool: &str) -> String {
        let name = format!("watch-{tool}");
        let files = walkdir::WalkDir::new(self.world.path()).sort_by_file_name().into_iter().flatten();
        files.filter(|entry| entry.file_name() == name.as_str()).map(|entry| read(entry.path())).collect()
    }

    /// The files of the bot's world whose bytes hold `needle`, without the world itself in their names.
    pub(crate) fn files_with(&self, needle: &str) -> Vec<String> {
        let mut found = Vec::new();
        search(self.world.path(), needle.as_bytes(), &mut found);
        let strip = |path: PathBuf| path.strip_prefix(self.world.path()).unwrap_or(&path).display().to_string();
        let mut names: Vec<String> = found.into_iter().map(strip).collect();
        names.sort();
        names
    }

    /// Puts a script in front of every tool that writes down its arguments and environment and becomes the tool.
    ///
    /// Inside of the sandbox the bot's world is closed: there the record is written to the cache of the package manager,
    /// which is the one place of the bot's that it may write to.
    fn watch_tools(&self) {
        for tool in TOOLS {
            let Some(real) = locate(tool) else { continue };
            let watch = self.path("watch").display().to_string();
            let folder = real.parent().unwrap_or(Path::new("/")).display().to_string();
            // Whoever asks for the toolchain's folder, to pass by rustup's proxies, is led back to the scripts.
            let sysroot = format!("[ \"$*\" = '--print sysroot' ] && echo '{}' && exit\n", self.world.path().display());
            let sysroot = if tool == "rustc" { sysroot } else { String::new() };
            // The real tool's own folder comes first from here on: `cargo` asks for the `rustc` beside it.
            let script = format!(
                "#!/bin/sh\n\
                 record() {{ echo '== arguments'; printf '%s\\n' \"$@\"; echo '== environment'; env; }}\n\
                 for place in '{watch}' \"$CARGO_HOME\" \"$npm_config_cache\" \"$COMPOSER_CACHE_DIR\"; do\n\
                 {{ record \"$@\" >> \"$place/watch-{tool}\"; }} 2> /dev/null && break\n\
                 done\n\
                 {sysroot}PATH='{folder}':\"$PATH\"\nexport PATH\nexec '{}' \"$@\"\n",
                real.display(),
            );
            self.write_program(&format!("bin/{tool}"), &script);
            // The sandbox opens what lies beside `bin`, as the libraries of an installation do: there the real tool is.
            let (name, prefix) = match tool {
                "cargo" => ("lib", real.parent().and_then(Path::parent)),
                "npm" => {
                    ("libexec", real.parent().and_then(Path::parent).filter(|prefix| *prefix != Path::new("/usr")))
                }
                _ => continue,
            };
            if let Some(prefix) = prefix {
                std::os::unix::fs::symlink(prefix, self.path(name)).expect("the world is ours");
            }
        }
    }
}

impl Outcome {
    /// Fails unless the exit code is the given one, and shows what was said.
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.code, Some(code), "\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}):\n{}", self.stdout))
    }

    /// The report of one project in `--format json`: the object whose `name` it is.
    #[track_caller]
    pub(crate) fn project(&self, name: &str) -> Value {
        let all = self.projects();
        let found = all.into_iter().find(|project| project["name"] == name);
        found.unwrap_or_else(|| panic!("the report has no project {name}:\n{}", self.stdout))
    }

    /// What the report of one project says, in lower case.
    #[track_caller]
    pub(crate) fn explanation(&self, name: &str) -> String {
        self.project(name).to_string().to_lowercase()
    }

    /// The names of the projects that were handled: read without a problem, and not left alone on purpose.
    #[track_caller]
    pub(crate) fn handled(&self) -> Vec<String> {
        let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let handled = |project: &Value| empty(&project["problems"]) && empty(&project["skipped"]);
        let names = self.projects().into_iter().filter(handled);
        names.filter_map(|project| project["name"].as_str().map(str::to_owned)).collect()
    }

    /// What was done with the pull requests of a project, such as `opened` or `unchanged`.
    #[track_caller]
    pub(crate) fn actions(&self, name: &str) -> Vec<String> {
        let project = self.project(name);
        let proposals = project["proposals"].as_array().cloned().unwrap_or_default();
        proposals.iter().filter_map(|proposal| proposal["action"].as_str().map(str::to_owned)).collect()
    }

    /// Every project of the report in `--format json`.
    #[track_caller]
    pub(crate) fn projects(&self) -> Vec<Value> {
        let report = self.json();
        let projects = report["projects"].as_array();
        projects.cloned().unwrap_or_else(|| panic!("the report has no `projects`:\n{}", self.stdout))
    }
}

/// The real program: the first on the path. For Rust the toolchain's own, because rustup's proxies on the path want the
/// home that the bot does not have.
fn locate(tool: &str) -> Option<PathBuf> {
    if matches!(tool, "cargo" | "rustc") {
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from(env!("CARGO")), PathBuf::from);
        return Some(cargo.with_file_name(tool)).filter(|program| program.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|program| program.is_file())
}

/// Why a test that needs these tools is skipped here; `None` when all are installed. Where `PATCHPARTY_REQUIRE_TOOLS` is
/// set, as in CI, a missing tool is a failure.
pub(crate) fn missing_tools(tools: &[&str]) -> Option<String> {
    let missing: Vec<&str> = tools.iter().copied().filter(|tool| locate(tool).is_none()).collect();
    let required = std::env::var_os("PATCHPARTY_REQUIRE_TOOLS").is_some();
    assert!(missing.is_empty() || !required, "these tools are needed here: {}", missing.join(", "));
    (!missing.is_empty()).then(|| format!("skipped: {} not installed", missing.join(", ")))
}

fn public_authorities() -> String {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut candidates = named.into_iter().chain(BUNDLES.iter().map(PathBuf::from));
    candidates.find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}

fn read(path: &Path) -> String {
    // A file that was never written is an empty one here: the tool was not called.
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the world is ours");
}

fn search(folder: &Path, needle: &[u8], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            search(&path, needle, found);
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle)) {
            found.push(path);
        }
    }
}
