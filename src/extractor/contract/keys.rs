//! Keys: whether a mapping has one twice. Which value counts then is anyone's guess.

use foldhash::{HashSet, HashSetExt as _};

/// Mappings of fewer members are searched one by one.
const FEW: usize = 12;

/// The position of the first key that stood before already.
pub(in crate::extractor) fn repeated<'k>(keys: impl ExactSizeIterator<Item = &'k str> + Clone) -> Option<usize> {
    if keys.len() < FEW {
        let mut numbered = keys.clone().enumerate();
        return numbered
            .find(|(position, key)| keys.clone().take(*position).any(|before| before == *key))
            .map(|(position, _)| position);
    }
    let mut seen = HashSet::with_capacity(keys.len());
    keys.into_iter().position(|key| !seen.insert(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_repetition_is_found_among_few_and_many() {
        for length in [2, 5, FEW - 1, FEW, 100] {
            let mut keys: Vec<String> = (0..length).map(|number| number.to_string()).collect();
            let position = |keys: &[String]| repeated(keys.iter().map(String::as_str));
            assert_eq!(position(&keys), None);
            keys.push("0".to_owned());
            keys.push("1".to_owned());
            assert_eq!(position(&keys), Some(length));
        }
        assert_eq!(repeated(std::iter::empty()), None);
    }
}
