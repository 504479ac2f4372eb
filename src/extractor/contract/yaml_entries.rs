//! A map in YAML whose entries keep their order and their lines.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

/// Keys with their places, and values, in file order.
pub(in crate::extractor) struct Entries<V>(pub(in crate::extractor) Vec<(Spanned<String>, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::super::typed_yaml::{line, read};
    use super::*;

    #[test]
    fn entries_keep_order_and_lines() {
        let entries: Entries<u8> = read("b: 1\n\n\"a\": 2\n").expect("YAML");
        let found: Vec<_> = entries.0.iter().map(|(key, value)| (key.value.as_str(), line(key), *value)).collect();
        assert_eq!(found, [("b", 1, 1), ("a", 3, 2)]);
        assert!(read::<Entries<u8>>("a: 1\na: 2\n").is_err());
    }
}
