//! Who requires whom, for formats that list it by name.

use crate::model::dependency::Dependency;

/// Notes for each edge (position of the parent, position of the child) that the parent requires the child. Edges may come
/// in any order and more than once; those of a dependency to itself, or to a position that does not exist, are left out.
pub(in crate::extractor) fn link(dependencies: &mut [Dependency], edges: impl IntoIterator<Item = (usize, usize)>) {
    let count = dependencies.len();
    for (parent, child) in edges {
        if parent != child
            && parent < count
            && let Some(dependency) = dependencies.get_mut(child)
        {
            dependency.parents.push(parent);
        }
    }
    for dependency in dependencies {
        dependency.parents.sort_unstable();
        dependency.parents.dedup();
    }
}

/// Takes what nothing requires for direct, where the format does not say what the project itself asks for.
pub(in crate::extractor) fn roots_are_direct(dependencies: &mut [Dependency]) {
    for dependency in dependencies {
        dependency.direct = dependency.parents.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ecosystem::Ecosystem;

    #[test]
    fn edges_are_sorted_and_noted_once() {
        let mut dependencies: Vec<_> =
            ["a", "b", "c"].map(|name| Dependency::new(Ecosystem::PyPi, name, "1", 1)).into_iter().collect();
        link(&mut dependencies, [(2, 1), (0, 1), (2, 1), (1, 1), (7, 1), (0, 9)]);
        assert_eq!(dependencies[1].parents, [0, 2]);
        roots_are_direct(&mut dependencies);
        assert_eq!(dependencies.iter().map(|it| it.direct).collect::<Vec<_>>(), [true, false, true]);
    }
}
