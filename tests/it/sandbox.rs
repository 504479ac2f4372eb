//! The sandbox: nothing that is tried from inside succeeds, nobody is left behind, and without walls nothing is started.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::bot::{Bot, missing_tools};
use crate::support::fixtures;
use crate::support::github::GitHub;

/// How long the system may take to show that a killed process is gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// The user and the group `nobody`.
const NOBODY: u32 = 65534;

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_patchparty")
}

/// Whether the kernel has all that this machine's tests are about; else the reason why a test is skipped.
fn kernel_lacks() -> Option<String> {
    let output = Command::new(program()).args(["doctor", "--format", "json"]).output().expect("the binary was built");
    let diagnosis: Value = serde_json::from_slice(&output.stdout).expect("the doctor speaks JSON");
    let gaps = diagnosis["gaps"].as_array().expect("gaps are a list");
    (!gaps.is_empty()).then(|| format!("skipped: {}", Value::from(gaps.clone())))
}

/// `doctor --attack` with what must not be reachable set out: a token, a home with secrets.
fn attacked(world: &Path, binary: &Path, user: Option<u32>, more: &[&str]) -> Output {
    let home = world.join("home");
    fs::create_dir_all(&home).expect("the world is ours");
    fs::write(home.join(".npmrc"), "//registry.example/:_authToken=canary\n").expect("the world is ours");
    let mut command = Command::new(binary);
    command.args(["doctor", "--attack"]).args(more).env_clear();
    command.env("HOME", &home).env("PATH", "/usr/bin:/bin").env("TMPDIR", world.join("tmp"));
    command.env("PATCHPARTY_TOKEN", "ghs_Canary0Token").env("NPM_SECRET", "canary").current_dir("/");
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command.output().expect("the binary was built")
}

/// A world that everyone may write to, with the binary where everyone may start it.
fn open_world() -> (TempDir, PathBuf) {
    let world = TempDir::new().expect("the temporary folder is writable");
    let open = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("the world is ours");
    };
    open(world.path());
    for folder in ["home", "tmp"] {
        fs::create_dir(world.path().join(folder)).expect("the world is ours");
        open(&world.path().join(folder));
    }
    let binary = world.path().join("patchparty");
    fs::copy(program(), &binary).expect("the binary was built");
    (world, binary)
}

fn assert_all_denied(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains("NOT enforced"), "{stdout}");
    assert!(stdout.contains("23 attacks, 0 not enforced here."), "{stdout}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
}

#[test]
fn every_attack_from_inside_is_denied() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    let (world, binary) = open_world();
    assert_all_denied(&attacked(world.path(), &binary, None, &[]));
    assert_eq!(processes_with(&binary.display().to_string()), Vec::<String>::new());
}

#[test]
fn every_attack_from_inside_is_denied_to_a_user_without_rights() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user, and the other test runs as this one");
        return;
    }
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    let (world, binary) = open_world();
    assert_all_denied(&attacked(world.path(), &binary, Some(NOBODY), &[]));
    assert_eq!(processes_with(&binary.display().to_string()), Vec::<String>::new());
}

#[test]
fn without_namespaces_only_another_host_at_the_port_of_the_proxy_can_be_reached() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    let (world, binary) = open_world();
    let output = attacked(world.path(), &binary, None, &["--without-namespaces", "--format", "json"]);
    let diagnosis: Value = serde_json::from_slice(&output.stdout).expect("the doctor speaks JSON");
    let attacks = diagnosis["attacks"].as_array().expect("attacks are a list");
    let open: Vec<&Value> =
        attacks.iter().filter(|attack| attack["denied"] == false).map(|attack| &attack["attack"]).collect();
    assert_eq!(open, ["connect-address"], "{diagnosis:#}");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(processes_with(&binary.display().to_string()), Vec::<String>::new());
}

/// An order for the supervisor, as the runner gives it.
fn order(world: &Path, program: &str, args: &[&str], milliseconds: u64) -> Value {
    let home = world.join("home");
    json!({
        "command": {
            "program": program, "args": args, "cwd": home,
            "env": {"PATH": "/usr/bin:/bin", "HOME": home},
        },
        "grants": {
            "read": ["/etc/ld.so.cache"], "write": [home],
            "execute": ["/bin", "/usr/bin", "/lib", "/lib64", "/usr/lib", "/usr/lib64"],
        },
        "route": null, "required": true, "milliseconds": milliseconds,
    })
}

/// Gives the order, with or without namespaces, and the answer's ending.
fn obey(order: &Value, more: &[&str]) -> Value {
    let mut child = Command::new(program())
        .arg("supervise")
        .args(more)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut lifeline = child.stdin.take().expect("it was asked for");
    lifeline.write_all(format!("{order}\n").as_bytes()).expect("the supervisor listens");
    let mut answer = String::new();
    child.stdout.take().expect("it was asked for").read_to_string(&mut answer).expect("the supervisor answers");
    child.wait().expect("it is our child");
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("no answer ({error}): {answer}"));
    answer["ending"].clone()
}

#[test]
fn a_tool_that_hangs_is_killed_with_whatever_it_has_cut_loose() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    for more in [&[][..], &["--without-namespaces"]] {
        let (world, _) = open_world();
        let mark = format!("{}{}", std::process::id(), more.len());
        // The survivor sits in a session of its own, and its parent has ended.
        let script = format!("(setsid sleep 77{mark} & ) ; touch \"$HOME/begun\"; exec sleep 88{mark}");
        let ending = obey(&order(world.path(), "/bin/sh", &["-c", &script], 1_500), more);
        assert_eq!(ending, "timed-out");
        assert!(world.path().join("home/begun").exists());
        assert_eq!(processes_with(&mark), Vec::<String>::new());
    }
}

#[test]
fn output_is_capped_inside_of_the_sandbox_too() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    let (world, _) = open_world();
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2; exit 7";
    let ending = obey(&order(world.path(), "/bin/sh", &["-c", script], 60_000), &[]);
    let ended = &ending["ended"];
    let length = ended["stdout"].as_str().map(str::len);
    assert_eq!((&ended["status"], length, &ended["stderr"]), (&json!(7), Some(1024 * 1024), &json!("end\n")));
}

#[test]
fn nobody_is_left_when_patchparty_is_killed() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    for more in [&[][..], &["--without-namespaces"]] {
        let (world, _) = open_world();
        let mark = format!("{}{}", std::process::id(), more.len());
        let script = format!("(setsid sleep 55{mark} & ) ; touch \"$HOME/begun\"; exec sleep 66{mark}");
        let order = order(world.path(), "/bin/sh", &["-c", &script], 600_000);
        let mut child = Command::new(program());
        child.arg("supervise").args(more).env_clear().stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = child.spawn().expect("the binary was built");
        let mut lifeline = child.stdin.take().expect("it was asked for");
        lifeline.write_all(format!("{order}\n").as_bytes()).expect("the supervisor listens");
        until(|| world.path().join("home/begun").exists(), "the tool runs");
        // What the kernel does with the pipes of a process that is killed.
        drop(lifeline);
        until(|| processes_with(&mark).is_empty(), "everybody has ended");
        child.wait().expect("it is our child");
    }
}

#[test]
fn nobody_is_left_when_the_supervisor_is_killed() {
    if let Some(reason) = kernel_lacks() {
        eprintln!("{reason}");
        return;
    }
    let (world, _) = open_world();
    let mark = format!("{}0", std::process::id());
    let script = format!("(setsid sleep 33{mark} & ) ; touch \"$HOME/begun\"; exec sleep 44{mark}");
    let order = order(world.path(), "/bin/sh", &["-c", &script], 600_000);
    let mut child = Command::new(program());
    child.arg("supervise").env_clear().stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = child.spawn().expect("the binary was built");
    let mut lifeline = child.stdin.take().expect("it was asked for");
    lifeline.write_all(format!("{order}\n").as_bytes()).expect("the supervisor listens");
    until(|| world.path().join("home/begun").exists(), "the tool runs");
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    until(|| processes_with(&mark).is_empty(), "everybody has ended");
}

/// Runs something in a thread whose children see a kernel without Landlock.
fn without_landlock<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
    thread::scope(|scope| {
        let confined = scope.spawn(|| {
            let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
            let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into_iter().collect();
            let architecture = std::env::consts::ARCH.try_into().expect("the sandbox knows this architecture");
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, unknown, architecture).expect("one rule");
            let filter: BpfProgram = filter.try_into().expect("one rule");
            apply_filter(&filter).expect("the kernel has seccomp");
            work()
        });
        confined.join().expect("the work is done")
    })
}

const CONFIG: [&str; 2] = ["--config", "policy.toml"];

fn night(bot: &Bot, policy: &str) -> crate::support::bot::Outcome {
    bot.write("work/policy.toml", policy.as_bytes());
    bot.run(&[&["run", "--org", "acme", "--format", "json"][..], &CONFIG].concat())
}

#[test]
fn required_starts_nothing_where_the_kernel_lacks_a_wall_and_says_what() {
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github);
    let night = without_landlock(|| night(&bot, "sandbox = \"required\"\n"));
    let blocked = night.project("acme/ledger")["blocked"].clone();
    let first = &blocked[0];
    assert_eq!(first["cause"], "unconfined", "{blocked:#}");
    let told = first.to_string();
    for words in ["the kernel has no Landlock", "version 3 is needed", "patchparty doctor", "best-effort"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!bot.tool_calls("cargo").contains("== arguments\nupdate"), "Cargo was started");
    assert!(night.project("acme/ledger")["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
    github.finish();
}

#[test]
fn best_effort_goes_on_where_the_kernel_lacks_a_wall_and_tells_it_everywhere() {
    if let Some(reason) = missing_tools(&["cargo"]) {
        eprintln!("{reason}");
        return;
    }
    let github = GitHub::start();
    github.repository("acme", "ledger").files(fixtures::project("cargo")).commit();
    let bot = Bot::new(&github);
    let (first, second, demo) = without_landlock(|| {
        let first = night(&bot, "sandbox = \"best-effort\"\n");
        let second = bot.run(&[&["run", "--org", "acme"][..], &CONFIG].concat());
        (first, second, bot.run_bare(&["demo", "--out", "demo"].map(str::to_owned)))
    });
    assert_eq!(first.actions("acme/ledger"), ["opened"], "{}", first.explanation("acme/ledger"));
    let remarks = first.json()["remarks"].clone();
    let told = |words: &str| {
        remarks.as_array().is_some_and(|all| {
            all.iter()
                .any(|one| one["place"] == "sandbox" && one["message"].as_str().is_some_and(|it| it.contains(words)))
        })
    };
    assert!(told("a package manager could open any file of this user: the kernel has no Landlock"), "{remarks:#}");
    for terminal in [second.expect_code(0), demo.expect_code(0)] {
        let text = terminal.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("a package manager could open any file of this user"), "{}", terminal.stdout);
    }
    assert!(bot.path("work/demo/index.html").is_file());
    github.finish();
}

#[test]
fn the_doctor_names_what_a_run_would_lack() {
    let world = TempDir::new().expect("the temporary folder is writable");
    let file = world.path().join("file");
    fs::write(&file, "").expect("the world is ours");
    let mut command = Command::new(program());
    command.args(["doctor", "--format", "json", "--cache"]).arg(file.join("cache"));
    command.env_clear().env("PATH", world.path()).env("GITHUB_TOKEN", "ghs_Canary0Token");
    let output = command.output().expect("the binary was built");
    let diagnosis: Value = serde_json::from_slice(&output.stdout).expect("the doctor speaks JSON");
    for manager in diagnosis["package_managers"].as_array().expect("package managers are a list") {
        assert_eq!(manager["version"], Value::Null, "{diagnosis:#}");
        assert!(manager["reason"].as_str().is_some_and(|reason| reason.contains("not installed")), "{diagnosis:#}");
        assert!(manager["next_step"].as_str().is_some_and(|step| step.starts_with("install `")), "{diagnosis:#}");
    }
    assert!(
        diagnosis["cache_problem"].as_str().is_some_and(|it| it.contains("nothing can be written")),
        "{diagnosis:#}"
    );
    assert_eq!((&diagnosis["has_token"], &diagnosis["has_state_key"]), (&Value::from(true), &Value::from(false)));
    assert!(!diagnosis.to_string().contains("Canary"), "{diagnosis:#}");
}

#[test]
fn the_doctor_names_what_the_kernel_lacks() {
    let output = without_landlock(|| Command::new(program()).arg("doctor").output().expect("the binary was built"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{stdout}");
    assert!(stdout.contains("Landlock: no\n") && stdout.contains("open any file of this user"), "{stdout}");
}

/// The command lines of processes that hold the text.
fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("Linux has it").flatten() {
        // A process that has ended meanwhile, or a zombie, has no command line.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

fn until(condition: impl Fn() -> bool, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
