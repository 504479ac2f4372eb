//! Expected: hosts that the policy names are no surprise in a lockfile.

use crate::model::doubt::Doubt;
use crate::model::lockfile::Lockfile;
use crate::net::address::Authority;

/// The port of an address that names none.
const DEFAULT_PORT: u16 = 443;

/// Takes back the doubts about hosts that the operator allows by name.
pub(crate) fn expect(lockfiles: &mut [Lockfile], allowed: &[Authority]) {
    if allowed.is_empty() {
        return;
    }
    let is_expected = |doubt: &Doubt| {
        let Doubt::Host { host, .. } = doubt else { return false };
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().unwrap_or(DEFAULT_PORT)),
            None => (host.as_str(), DEFAULT_PORT),
        };
        allowed.iter().any(|authority| authority.admits(name, port))
    };
    let has_any = |lockfile: &Lockfile| lockfile.dependencies.iter().any(|it| it.doubts.iter().any(is_expected));
    if !lockfiles.iter().any(has_any) {
        return;
    }
    Lockfile::each_content(lockfiles, |content| {
        for dependency in &mut content.dependencies {
            dependency.doubts.retain(|doubt| !is_expected(doubt));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dependency::Dependency;
    use crate::model::ecosystem::Ecosystem;
    use crate::model::repository::RepoPath;

    #[test]
    fn what_the_policy_names_is_expected_and_nothing_else() {
        let from = |host: &str| Doubt::Host { host: host.to_owned(), usual: "registry.example".to_owned() };
        let mut dependency = Dependency::new(Ecosystem::Npm, "a", "1.0.0", 1);
        dependency.doubts =
            vec![from("own.example"), from("own.example:8443"), from("other.example"), Doubt::NoChecksum];
        let path = RepoPath::new("package-lock.json").expect("a plain path");
        let mut lockfiles = [Lockfile::new(path, "package-lock", vec![dependency])];
        expect(&mut lockfiles, &["own.example:443".parse().expect("a host")]);
        let left = [from("own.example:8443"), from("other.example"), Doubt::NoChecksum];
        assert_eq!(lockfiles[0].dependencies[0].doubts, left);
        expect(&mut lockfiles, &["own.example".parse().expect("a host"), "other.example".parse().expect("a host")]);
        assert_eq!(lockfiles[0].dependencies[0].doubts, [Doubt::NoChecksum]);
    }
}
