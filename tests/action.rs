//! The composite action: inputs become arguments, one each, and nothing that a workflow or an advisory says is run.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A step of a workflow: a folder, a program that notes its arguments instead of auditing, and the inputs.
struct Step {
    folder: TempDir,
    inputs: Vec<(String, String)>,
}

struct Done {
    output: Output,
    /// What the program was started with; `None` when it was not started.
    arguments: Option<Vec<String>>,
    outputs: String,
    /// Files that lie in the step's folder and were not there before.
    strays: Vec<String>,
}

const RECORDER: &str = r#"#!/bin/sh
for argument in "$@"; do printf '%s\0' "$argument" >> "$RECORD"; done
[ -z "$REPORT_TEXT" ] || printf '%s' "$REPORT_TEXT" > "$RUNNER_TEMP/patchparty/report.txt"
exit "${FAKE_CODE:-0}"
"#;

impl Step {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("work")).expect("the working folder");
        let program = folder.path().join("fake patchparty");
        fs::write(&program, RECORDER).expect("the program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program that can be started");
        let binary = program.to_string_lossy().into_owned();
        Self { folder, inputs: Vec::new() }.with("BINARY", &binary)
    }

    fn with(mut self, input: &str, value: &str) -> Self {
        self.inputs.push((format!("INPUT_{input}"), value.to_owned()));
        self
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.inputs.push((name.to_owned(), value.to_owned()));
        self
    }

    fn run(self) -> Done {
        let root = self.folder.path();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("action/run.sh");
        let output = Command::new("bash")
            .arg(script)
            .current_dir(root.join("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUNNER_TEMP", root.join("temp"))
            .env("GITHUB_OUTPUT", root.join("output"))
            .env("RECORD", root.join("record"))
            .envs(self.inputs)
            .output()
            .expect("bash starts");
        let recorded = fs::read_to_string(root.join("record")).ok();
        let arguments =
            recorded.map(|text| text.split_terminator('\0').map(|argument| redact(argument, root)).collect());
        let outputs = fs::read_to_string(root.join("output")).unwrap_or_default();
        let list = fs::read_dir(root.join("work")).expect("the working folder");
        let strays = list.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        Done { output, arguments, outputs, strays }
    }
}

fn redact(argument: &str, root: &Path) -> String {
    argument.replace(&*root.to_string_lossy(), "@@")
}

impl Done {
    #[track_caller]
    fn refused(&self, reason: &str) {
        let text = String::from_utf8_lossy(&self.output.stdout);
        assert_eq!(self.output.status.code(), Some(2), "{text}");
        assert_eq!(self.arguments, None, "the program is not started");
        assert!(text.contains(reason), "{text}");
    }
}

/// The inputs that travel as secrets.
const SECRETS: [&str; 2] = ["token", "state-key"];

#[test]
fn secrets_arrive_through_a_pipe_and_stand_in_no_environment() {
    // Notes what it gets, and every environment that it can see on the way up to the test itself.
    const SPY: &str = r#"#!/bin/sh
tr '\0' '\n' >> "$RECORD"
echo "marker ${PATCHPARTY_SECRETS_ON_STDIN-}" >> "$RECORD"
for process in $$ $PPID; do tr '\0' '\n' < "/proc/$process/environ" | sed 's/^/environ /' >> "$RECORD"; done
"#;
    if !Path::new("/proc/self/environ").is_file() {
        eprintln!("skipped: no /proc here");
        return;
    }
    let mut step = Step::new().with("COMMAND", "audit");
    let program = step.folder.path().join("fake patchparty");
    fs::write(&program, SPY).expect("the program");
    for (name, value) in [
        ("PATCHPARTY_TOKEN", "token-canary"),
        ("GITHUB_TOKEN", ""),
        ("PATCHPARTY_STATE_KEY", "key-canary"),
        ("ACTIONS_RUNTIME_TOKEN", "runner-canary"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-canary"),
    ] {
        step = step.environment(name, value);
    }
    let done = step.run();
    assert_eq!(done.output.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.output.stderr));
    let seen = done.arguments.expect("started").join("");
    assert!(seen.starts_with("PATCHPARTY_TOKEN=token-canary\nPATCHPARTY_STATE_KEY=key-canary\nmarker 1\n"), "{seen}");
    assert!(seen.contains("environ INPUT_COMMAND=audit"), "{seen}");
    let environments: Vec<&str> = seen.lines().filter(|line| line.starts_with("environ ")).collect();
    assert!(environments.iter().all(|line| !line.contains("canary")), "{environments:#?}");
}

#[test]
fn an_audit_without_inputs_writes_a_json_report() {
    let done = Step::new().with("COMMAND", "audit").run();
    let expected = ["audit", "--format=json", "--output=@@/temp/patchparty/report.json", "--color=never", "--"];
    assert_eq!(done.arguments.expect("started"), expected);
    assert_eq!(done.output.status.code(), Some(0));
    assert_eq!(done.outputs, "exit-code=0\n");
}

#[test]
fn every_input_of_an_audit_arrives() {
    let done = Step::new()
        .with("COMMAND", "audit")
        .with("FORMAT", "json")
        .with("REPORT", "out.json")
        .with("ADVISORIES", "one\r\n\n  \ntwo words\n")
        .with("OFFLINE", "true")
        .with("CACHE", "cache")
        .with("CONFIG", "policy.toml")
        .with("FAIL_ON", "high")
        .with("DENY_WARNINGS", "true")
        .with("YANKED", "true")
        .with("DEPENDENCIES", "false")
        .with("PATHS", "shop\nhttps://forge.example/a/b.git")
        .run();
    let expected = [
        "audit",
        "--format=json",
        "--output=out.json",
        "--color=never",
        "--advisories=one",
        "--advisories=two words",
        "--offline",
        "--cache=cache",
        "--config=policy.toml",
        "--fail-on=high",
        "--deny-warnings",
        "--yanked",
        "--",
        "shop",
        "https://forge.example/a/b.git",
    ];
    assert_eq!(done.arguments.expect("started"), expected);
}

#[test]
fn every_input_of_a_run_arrives() {
    let done = Step::new()
        .with("COMMAND", "run")
        .with("REPORT", "out.json")
        .with("ORG", "acme")
        .with("REPOS", "acme/one\nacme/two")
        .with("LOCAL", "folder")
        .with("DRY_RUN", "true")
        .with("OUT", "results")
        .with("TEMPLATES", "wording")
        .with("JOBS", "2")
        .run();
    let expected = [
        "run",
        "--format=json",
        "--output=out.json",
        "--color=never",
        "--org=acme",
        "--repo=acme/one",
        "--repo=acme/two",
        "--local=folder",
        "--dry-run",
        "--out=results",
        "--templates=wording",
        "--jobs=2",
    ];
    assert_eq!(done.arguments.expect("started"), expected);
}

#[test]
fn hostile_inputs_are_arguments_and_nothing_else() {
    let hostile = "$(touch pwned) `touch pwned`; touch pwned && touch pwned | tee pwned > pwned * ~ \"'\\ ${IFS}touch";
    let done = Step::new()
        .with("COMMAND", "run")
        .with("REPORT", hostile)
        .with("ORG", hostile)
        .with("REPOS", &format!("{hostile}\n--dry-run\n-q"))
        .with("LOCAL", "first\nsecond")
        .with("OUT", "--config=evil.toml")
        .with("JOBS", "a[$(touch pwned)]")
        .with("ADVISORIES", hostile)
        .run();
    let expected = [
        "run".to_owned(),
        "--format=json".to_owned(),
        format!("--output={hostile}"),
        "--color=never".to_owned(),
        format!("--advisories={hostile}"),
        format!("--org={hostile}"),
        format!("--repo={hostile}"),
        "--repo=--dry-run".to_owned(),
        "--repo=-q".to_owned(),
        "--local=first\nsecond".to_owned(),
        "--out=--config=evil.toml".to_owned(),
        "--jobs=a[$(touch pwned)]".to_owned(),
    ];
    assert_eq!(done.arguments.expect("started"), expected);
    assert_eq!(done.strays, Vec::<String>::new());
}

#[test]
fn a_path_that_looks_like_an_option_stays_a_path() {
    let done = Step::new().with("COMMAND", "audit").with("REPORT", "r").with("PATHS", "--offline\n-v").run();
    let arguments = done.arguments.expect("started");
    assert_eq!(arguments[4..], ["--", "--offline", "-v"]);
}

#[test]
fn what_is_no_command_and_no_boolean_is_refused() {
    Step::new().run().refused("neither audit nor run");
    Step::new().with("COMMAND", "audit --offline").run().refused("neither audit nor run");
    Step::new().with("COMMAND", "demo").run().refused("neither audit nor run");
    Step::new().with("COMMAND", "audit").with("OFFLINE", "true; touch pwned").run().refused("neither true nor false");
}

#[test]
fn inputs_of_the_other_command_are_refused() {
    Step::new().with("COMMAND", "audit").with("ORG", "acme").run().refused("belongs to the command run");
    Step::new().with("COMMAND", "audit").with("DRY_RUN", "true").run().refused("belongs to the command run");
    Step::new().with("COMMAND", "run").with("FAIL_ON", "low").run().refused("belongs to the command audit");
    let done = Step::new().with("COMMAND", "audit").with("DRY_RUN", "false").run();
    assert!(done.arguments.is_some(), "the default of another command's input is no mistake");
}

#[test]
fn the_exit_code_is_an_output_and_the_steps_own() {
    for code in [0, 1, 2, 3, 4] {
        let done = Step::new().with("COMMAND", "audit").environment("FAKE_CODE", &code.to_string()).run();
        assert_eq!(done.output.status.code(), Some(code));
        assert_eq!(done.outputs, format!("exit-code={code}\n"));
    }
}

#[test]
fn a_report_in_the_log_gives_the_runner_no_commands() {
    let evil = "summary\n::add-mask::a\n::error::you have been had\n::stop-commands::guess\n::guess::\n";
    let done = Step::new().with("COMMAND", "audit").with("FORMAT", "human").environment("REPORT_TEXT", evil).run();
    let text = String::from_utf8(done.output.stdout).expect("text");
    let (first, rest) = text.split_once('\n').expect("a first line");
    let seal = first.strip_prefix("::stop-commands::").expect("commands stop first");
    assert!(seal.len() == 32 && seal.chars().all(|digit| digit.is_ascii_hexdigit()), "{seal}");
    assert_eq!(rest, format!("{evil}\n::{seal}::\n"));
    let again = Step::new().with("COMMAND", "audit").with("FORMAT", "human").environment("REPORT_TEXT", evil).run();
    assert!(
        !String::from_utf8_lossy(&again.output.stdout).contains(seal),
        "the seal cannot be guessed from another run"
    );
}

#[test]
fn action_yml_hands_over_every_input_that_the_script_reads_and_no_other() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let action = fs::read_to_string(root.join("action.yml")).expect("action.yml");
    let (inputs, rest) = action.split_once("\noutputs:").expect("inputs before outputs");
    let steps = rest.split_once("\nruns:").expect("steps last").1;
    let is_key = |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':');
    let mut declared: Vec<String> = inputs
        .lines()
        .skip_while(|line| *line != "inputs:")
        .filter(is_key)
        .map(|line| line.trim().trim_end_matches(':').to_owned())
        .collect();
    declared.sort();
    let mut handed: Vec<String> = steps
        .lines()
        .filter_map(|line| line.split_once("${{ inputs."))
        .map(|(name, value)| {
            let input = value.trim_end_matches(" }}").to_owned();
            let variable = format!("INPUT_{}:", input.to_uppercase().replace('-', "_"));
            let is_secret = SECRETS.contains(&input.as_str());
            assert!(is_secret || name.trim() == variable, "{input} travels as {}", name.trim());
            input
        })
        .collect();
    handed.sort();
    assert_eq!(declared, handed);
    let script = fs::read_to_string(root.join("action/run.sh")).expect("the script");
    for input in declared.iter().filter(|input| !SECRETS.contains(&input.as_str())) {
        let name = input.to_uppercase().replace('-', "_");
        let is_read = script.lines().any(|line| {
            let line = line.trim();
            !line.starts_with("only ")
                && line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
        });
        assert!(is_read, "nothing reads the input {input}");
    }
    assert!(!steps.lines().any(|line| line.trim_start().starts_with("run:") && line.contains("${{")));
}
