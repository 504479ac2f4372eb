//! Shared files: lockfiles of one project that have a manifest in common are remedied without committing it twice.

use crate::model::remedy::{BlockCause, Blocked, Bump, Remedy, Step};
use crate::model::repository::RepoPath;

/// A remedy without the files that an earlier one leaves the same way. Two lockfiles may share a manifest: when one wants
/// it otherwise than the other, the later one is blocked, because a file can only be committed once.
pub(crate) fn beside(earlier: &[Remedy], mut remedy: Remedy) -> Result<Remedy, Vec<Blocked>> {
    let taken = |path: &RepoPath| earlier.iter().flat_map(|one| &one.changes).find(|change| change.path == *path);
    let clash = remedy.changes.iter().find(|change| taken(&change.path).is_some_and(|it| it.after != change.after));
    if let Some(clash) = clash {
        let explanation = format!("`{}` is shared with another lockfile, which needs it changed otherwise", clash.path);
        let blocked = |bump: Bump| Blocked {
            next_step: format!("update `{}` by hand, or wait until the other change is merged", bump.package),
            ecosystem: bump.ecosystem,
            package: bump.package,
            from: bump.from,
            target: bump.to,
            file: bump.file,
            advisories: bump.fixes,
            cause: BlockCause::Refused,
            chain: Vec::new(),
            chain_left_out: 0,
            explanation: explanation.clone(),
        };
        let wanted = |bump: &Bump| bump.step == Step::Pin || !bump.fixes.is_empty();
        return Err(remedy.bumps.into_iter().filter(wanted).map(blocked).collect());
    }
    remedy.changes.retain(|change| taken(&change.path).is_none());
    Ok(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;
    use crate::model::proposal::FileChange;

    fn remedy(lockfile: &str, after: &str) -> Remedy {
        let path = |text: &str| RepoPath::new(text).unwrap();
        let change = |file: &str, after: &str| FileChange {
            path: path(file),
            before: Vec::new(),
            after: after.as_bytes().to_vec(),
            executable: false,
        };
        let bump = Bump {
            ecosystem: Ecosystem::CratesIo,
            package: "tool".to_owned(),
            file: path(lockfile),
            from: "main".to_owned(),
            to: Some("0a1b".to_owned()),
            step: Step::Pin,
            direct: true,
            path: crate::model::dependency_path::DependencyPath::default(),
            fixes: Vec::new(),
            reason: String::new(),
        };
        let changes = vec![change(lockfile, "lock"), change("shared/Cargo.toml", after)];
        Remedy { bumps: vec![bump], changes, evidence: Vec::new() }
    }

    #[test]
    fn a_shared_file_is_committed_once_or_the_later_remedy_is_blocked() {
        let first = [remedy("a/Cargo.lock", "one")];
        let same = beside(&first, remedy("b/Cargo.lock", "one")).unwrap();
        let paths: Vec<&str> = same.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["b/Cargo.lock"]);
        let blocked = beside(&first, remedy("b/Cargo.lock", "two")).unwrap_err();
        assert_eq!(blocked.len(), 1);
        assert!(blocked[0].explanation.contains("shared/Cargo.toml"), "{}", blocked[0].explanation);
    }
}
