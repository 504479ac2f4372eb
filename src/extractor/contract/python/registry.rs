//! Which of the registries that a lock names are not the ecosystem's own.

use std::collections::HashMap;

use super::git::without_credentials;
use super::manifest::Manifest;
use crate::model::dependency::{Dependency, Origin};

/// Writes the registry of each dependency where it is not the ecosystem's own.
///
/// These formats write the address of every package's registry, also that of the ecosystem's own, which may be any mirror.
/// So the one that most packages come from counts as that, unless the project names it itself.
pub(in crate::extractor) fn set_registries(
    dependencies: &mut [Dependency],
    registries: &[Option<&str>],
    manifest: Option<&Manifest>,
) {
    let is_named: HashMap<&str, bool> = registries
        .iter()
        .flatten()
        .map(|&url| (url, manifest.is_some_and(|manifest| manifest.names_registry(url))))
        .collect();
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for (position, url) in registries.iter().enumerate() {
        if let Some(url) = url.filter(|url| is_named.get(url) == Some(&false)) {
            counts.entry(url).or_insert((0, usize::MAX - position)).0 += 1;
        }
    }
    // The first of equals.
    let own = counts.into_iter().max_by_key(|(_, rank)| *rank).map(|(url, _)| url);
    for (dependency, url) in dependencies.iter_mut().zip(registries) {
        if let (Origin::Registry { url: written }, Some(url)) = (&mut dependency.origin, *url) {
            *written = (Some(url) != own).then(|| without_credentials(url));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;

    #[test]
    fn the_registry_of_most_packages_is_the_ecosystems_own() {
        let shown = |manifest: Option<&str>, registries: &[Option<&str>]| {
            let manifest = manifest.and_then(Manifest::parse);
            let mut list: Vec<_> = registries.iter().map(|_| Dependency::new(Ecosystem::PyPi, "a", "1", 1)).collect();
            set_registries(&mut list, registries, manifest.as_ref());
            list.into_iter()
                .map(|it| match it.origin {
                    Origin::Registry { url } => url,
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        let (a, b) = (Some("https://a.example"), Some("https://u:p@b.example"));
        let foreign = |text: &str| Some(text.to_owned());
        assert_eq!(shown(None, &[a, b, b, None]), [foreign("https://a.example"), None, None, None]);
        assert_eq!(shown(None, &[a, b]), [None, foreign("https://b.example")]);
        let manifest = "[[tool.uv.index]]\nurl = 'https://a.example/'";
        assert_eq!(
            shown(Some(manifest), &[a, a, b]),
            [foreign("https://a.example"), foreign("https://a.example"), None]
        );
        assert_eq!(shown(None, &[None]), [None]);
    }
}
