//! What the tests of updaters share: commands as text.

use super::contract::{Action, Attempt};
use crate::sandbox::skeleton::Place;

/// The first two commands as text: program, arguments, folder and environment.
pub(super) fn invocations(attempts: Vec<Attempt>) -> String {
    let actions = attempts.into_iter().flat_map(|attempt| attempt.actions);
    let lines = actions.filter_map(|action| match action {
        Action::Run(run) => {
            let env: Vec<String> = run.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("{} {}\n  in {}\n  {}", run.program, run.args.join(" "), run.cwd.display(), env.join(" ")))
        }
        Action::Write(..) => None,
    });
    lines.take(2).collect::<Vec<_>>().join("\n")
}

/// Where the commands of a test would run.
pub(super) fn place() -> Place {
    let folder = |name: &str| std::path::Path::new("/scratch").join(name);
    Place { project: folder("project"), empty: folder("empty"), home: folder("home"), cache: "/cache".into() }
}
