//! Measures how much the sandbox adds to each run of a tool: `cargo bench --bench sandbox`.
//!
//! The same invocation by the same runner, inside of the sandbox and with `sandbox = "off"`, in turn, so that both meet the
//! same machine; medians are compared. A tool that is not installed is left out and named. Exit code 1 where the difference
//! exceeds what issue 8 allows.

#![expect(clippy::print_stdout, reason = "a benchmark's numbers are what it prints")]

use std::process::ExitCode;
use std::time::Duration;

use patchparty::measuring::ToolRuns;
use patchparty::model::confinement::Confinement;

/// Tools from one that does nothing to one that takes long to start.
const TOOLS: [(&str, &[&str]); 4] =
    [("true", &[]), ("cargo", &["--version"]), ("npm", &["--version"]), ("composer", &["--version"])];
/// How many pairs of runs each median is taken of.
const RUNS: usize = 41;
/// The most that the sandbox may add to one run.
const LIMIT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    // Who starts tools is its own supervisor, under another name.
    if std::env::args().nth(1).as_deref() == Some("supervise") {
        return patchparty::cli::main();
    }
    let folder = tempfile::tempdir().expect("a scratch folder");
    let inside = ToolRuns::new(Confinement::Required, folder.path()).expect("the walls can be tried");
    let without = ToolRuns::new(Confinement::Off, folder.path()).expect("tools can be started");
    let mut is_within = true;
    println!("median of {RUNS} runs: inside of the sandbox, without it, difference, ratio");
    for (program, arguments) in TOOLS {
        match compared(&inside, &without, program, arguments) {
            Ok([inside, without]) => {
                let difference = inside.saturating_sub(without);
                is_within &= difference <= LIMIT;
                println!(
                    "{program} {}: {:.1} ms, {:.1} ms, {:.1} ms, {:.2}",
                    arguments.join(" "),
                    milliseconds(inside),
                    milliseconds(without),
                    milliseconds(difference),
                    inside.as_secs_f64() / without.as_secs_f64(),
                );
            }
            Err(error) => println!("{program}: skipped, {error}"),
        }
    }
    if is_within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The medians inside and without. The first run of each warms the caches of the system and counts for nothing.
fn compared(
    inside: &ToolRuns,
    without: &ToolRuns,
    program: &str,
    arguments: &[&str],
) -> std::io::Result<[Duration; 2]> {
    let mut taken = [Vec::with_capacity(RUNS), Vec::with_capacity(RUNS)];
    for run in 0..=RUNS {
        for (runs, times) in [inside, without].into_iter().zip(&mut taken) {
            let time = runs.time(program, arguments)?;
            if run > 0 {
                times.push(time);
            }
        }
    }
    Ok(taken.map(|mut times| {
        times.sort_unstable();
        times[RUNS / 2]
    }))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
