//! Memory: a large file of any list-like format takes less than twenty times its size, and nothing made to burst does.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::bot::Bot;
use crate::support::fixtures;

/// Entries of a file: near the limit of what is read.
const ENTRIES: usize = 40_000;

/// Issue 3: memory stays below this many times the size of a file.
const FACTOR: u64 = 20;

/// The most memory, in bytes, that the binary ever held while it audited a folder; `None` where the system does not say.
fn peak(bot: &Bot, folder: &str) -> Option<u64> {
    let folder = bot.path(folder);
    let advisories = fixtures::advisories("known");
    let mut child = Command::new(env!("CARGO_BIN_EXE_patchparty"))
        .args(["audit", "--offline", "--quiet", "--cache"])
        .arg(bot.path("cache"))
        .arg("--advisories")
        .args([&advisories, &folder])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("the child can be asked").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kibibytes.map(|number| number * 1024));
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

fn entries(item: fn(&mut String, usize)) -> String {
    let mut text = String::new();
    (0..ENTRIES).for_each(|number| item(&mut text, number));
    text
}

/// A file of each format with entries as tools write them.
#[expect(clippy::too_many_lines, reason = "one entry for each format, which is all there is to it")]
fn large_files() -> Vec<(&'static str, String)> {
    const SUM: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let item = |write: fn(&mut String, usize)| entries(write);
    vec![
        (
            "Cargo.lock",
            format!(
                "version = 4\n{}",
                item(|text, n| {
                    let _ = write!(
                        text,
                        "\n[[package]]\nname = \"p{n}\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{SUM}\"\ndependencies = [\n \"p{}\",\n]\n",
                        n / 2
                    );
                })
            ),
        ),
        (
            "package-lock.json",
            format!(
                "{{\"lockfileVersion\": 3, \"packages\": {{{}\"\": {{}}}}}}",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "\"node_modules/p{n}\": {{\"version\": \"1.0.0\", \"resolved\": \"https://registry.example/p{n}/-/p{n}-1.0.0.tgz\", \"integrity\": \"sha512-{SUM}\", \"dependencies\": {{\"p{}\": \"^1\"}}}},",
                        n / 2
                    );
                })
            ),
        ),
        (
            "yarn.lock",
            item(|text, n| {
                let _ = writeln!(
                    text,
                    "p{n}@^1:\n  version \"1.0.0\"\n  resolved \"https://registry.example/p{n}/-/p{n}-1.0.0.tgz#{SUM}\"\n  dependencies:\n    p{} \"^1\"\n",
                    n / 2
                );
            }),
        ),
        (
            "pnpm-lock.yaml",
            format!(
                "lockfileVersion: '9.0'\npackages:\n{}",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "\n  p{n}@1.0.0:\n    resolution: {{integrity: sha512-{SUM}}}\n    engines: {{node: '>=8'}}\n    deprecated: no longer in use, take another one"
                    );
                })
            ),
        ),
        (
            "composer.lock",
            format!(
                "{{\"packages\": [{}{{\"name\": \"a/last\", \"version\": \"1.0.0\"}}]}}",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "{{\"name\": \"a/p{n}\", \"version\": \"1.0.0\", \"source\": {{\"type\": \"git\", \"url\": \"https://git.example/a/p{n}.git\", \"reference\": \"{SUM}\"}}, \"require\": {{\"a/p{}\": \"^1\"}}}},",
                        n / 2
                    );
                })
            ),
        ),
        (
            "poetry.lock",
            format!(
                "{}[metadata]\nlock-version = \"2.0\"\n",
                item(|text, n| {
                    let _ = write!(
                        text,
                        "[[package]]\nname = \"p{n}\"\nversion = \"1.0.0\"\noptional = false\nfiles = [\n    {{file = \"p-1.whl\", hash = \"sha256:{SUM}\"}},\n]\n\n[package.dependencies]\np{} = \">=1\"\n\n",
                        n / 2
                    );
                })
            ),
        ),
        (
            "uv.lock",
            format!(
                "version = 1\n\n{}",
                item(|text, n| {
                    let _ = write!(
                        text,
                        "[[package]]\nname = \"p{n}\"\nversion = \"1.0.0\"\nsource = {{ registry = \"https://registry.example/simple\" }}\ndependencies = [\n    {{ name = \"p{}\" }},\n]\nsdist = {{ url = \"https://files.example/p{n}\", hash = \"sha256:{SUM}\", size = 1 }}\n\n",
                        n / 2
                    );
                })
            ),
        ),
        (
            "pdm.lock",
            format!(
                "[metadata]\nlock_version = \"4.5.0\"\n\n{}",
                item(|text, n| {
                    let _ = write!(
                        text,
                        "[[package]]\nname = \"p{n}\"\nversion = \"1.0.0\"\ngroups = [\"default\"]\ndependencies = [\n    \"p{}>=1\",\n]\nfiles = [\n    {{file = \"p-1.whl\", hash = \"sha256:{SUM}\"}},\n]\n\n",
                        n / 2
                    );
                })
            ),
        ),
        (
            "pylock.toml",
            format!(
                "lock-version = \"1.0\"\ncreated-by = \"x\"\n\n{}",
                item(|text, n| {
                    let _ = write!(
                        text,
                        "[[packages]]\nname = \"p{n}\"\nversion = \"1.0.0\"\nwheels = [{{ url = \"https://files.example/p{n}-1.whl\", hashes = {{ sha256 = \"{SUM}\" }} }}]\n\n"
                    );
                })
            ),
        ),
        (
            "requirements.txt",
            item(|text, n| {
                let _ = write!(
                    text,
                    "p{n}==1.0.0 \\\n    --hash=sha256:{SUM} \\\n    --hash=sha256:{SUM}\n    # via p{}\n",
                    n / 2
                );
            }),
        ),
        (
            "pom.xml",
            format!(
                "<project><artifactId>a</artifactId><dependencies>{}</dependencies></project>",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "        <dependency>\n            <groupId>org.example.g{n}</groupId>\n            <artifactId>p{n}</artifactId>\n            <version>1.0.0</version>\n        </dependency>"
                    );
                })
            ),
        ),
        (
            "mix.lock",
            format!(
                "%{{\n{}}}\n",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "  \"p{n}\": {{:hex, :p{n}, \"1.0.0\", \"{SUM}\", [:mix], [{{:p{}, \"~> 1.0\", [hex: :p{}, repo: \"hexpm\", optional: false]}}], \"hexpm\", \"{SUM}\"}},",
                        n / 2,
                        n / 2
                    );
                })
            ),
        ),
        (
            "bom.json",
            format!(
                "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [{}{{}}]}}",
                item(|text, n| {
                    let _ = writeln!(
                        text,
                        "{{\"bom-ref\": \"r{n}\", \"type\": \"library\", \"name\": \"p{n}\", \"purl\": \"pkg:npm/p{n}@1.0.0\", \"hashes\": [{{\"alg\": \"SHA-256\", \"content\": \"{SUM}\"}}]}},"
                    );
                })
            ),
        ),
        (
            "var/lib/dpkg/status",
            item(|text, n| {
                let _ = writeln!(
                    text,
                    "Package: p{n}\nStatus: install ok installed\nPriority: optional\nMaintainer: Somebody <somebody@mail.example>\nArchitecture: amd64\nVersion: 1.0.0-1\nDepends: p{}, p{} (>= 1)\nDescription: a package\n of many\n",
                    n / 2,
                    n / 3
                );
            }),
        ),
    ]
}

/// Files that fit more into a byte than any tool writes.
fn bursting_files() -> Vec<(&'static str, String)> {
    let many = |unit: &str| unit.repeat(4 * 1024 * 1024 / unit.len());
    vec![
        ("Dockerfile", format!("ARG A={}\nFROM {}\n", "x".repeat(60_000), many("$A"))),
        ("Containerfile", format!("ARG A={}\nFROM ${{A//x/{}}}\n", "x".repeat(60_000), many("y"))),
        ("composer.lock", format!("{{\"packages\": [{}{{}}]}}", many("{},"))),
        ("pnpm-lock.yaml", format!("lockfileVersion: '9.0'\nx: [{}a]\n", many("a,"))),
        ("uv.lock", format!("version = 1\nx = [{}1]\n", many("1,"))),
    ]
}

#[test]
fn memory_stays_below_twenty_times_the_size_of_a_file() {
    let bot = Bot::without_forge();
    bot.write("warm/requirements.txt", b"a==1\n");
    // The first audit compiles the advisories.
    peak(&bot, "warm");
    let Some(base) = peak(&bot, "warm") else {
        eprintln!("skipped: the system does not say how much memory a process took");
        return;
    };
    for (number, (name, content)) in large_files().into_iter().chain(bursting_files()).enumerate() {
        let folder = format!("large/{number}");
        bot.write(&format!("{folder}/{name}"), content.as_bytes());
        let taken = peak(&bot, &folder).expect("it said so before").saturating_sub(base);
        let size = content.len() as u64;
        assert!(taken < FACTOR * size, "{name}: {taken} bytes for {size}, {} times as many", taken / size);
        eprintln!("{name}: {} times {} KiB", taken / size, size / 1024);
    }
}
