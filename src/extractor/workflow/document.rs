//! The parts of a workflow or an action that bring something from elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::Spanned;

/// A workflow or an action.
#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    jobs: Option<BTreeMap<String, Option<Job>>>,
    #[serde(default)]
    runs: Option<Runs>,
}

/// A job of a workflow.
#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    uses: Option<Spanned<String>>,
    #[serde(default)]
    steps: Option<Vec<Option<Step>>>,
    #[serde(default)]
    container: Option<Spanned<TextOr<Container>>>,
    #[serde(default)]
    services: Option<TextOr<BTreeMap<String, Option<Container>>>>,
}

/// The `runs` of an action.
#[derive(Deserialize)]
struct Runs {
    #[serde(default)]
    steps: Option<Vec<Option<Step>>>,
    /// `docker://…`, or the path of a Dockerfile.
    #[serde(default)]
    image: Option<Spanned<String>>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    uses: Option<Spanned<String>>,
}

/// A container of a job, or one of its services.
#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: Option<Spanned<String>>,
}

/// Text (an image, or an expression), or a mapping.
enum TextOr<T> {
    Text(String),
    Map(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text or a mapping")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(TextOr::Text(String::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Map)
            }
        }

        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

impl Document {
    fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().flat_map(BTreeMap::values).flatten()
    }

    /// Every `uses:`.
    pub(super) fn uses(&self) -> Vec<&Spanned<String>> {
        let steps = self.jobs().map(|job| &job.steps).chain(self.runs.iter().map(|runs| &runs.steps));
        let steps = steps.flatten().flatten().flatten().filter_map(|step| step.uses.as_ref());
        self.jobs().filter_map(|job| job.uses.as_ref()).chain(steps).collect()
    }

    /// Every image that is named by itself.
    pub(super) fn images(&self) -> Vec<Spanned<String>> {
        let mut images = Vec::new();
        for job in self.jobs() {
            match job.container.as_ref().map(|container| (container, &container.value)) {
                Some((place, TextOr::Text(image))) => {
                    images.push(Spanned::new(image.clone(), place.referenced, place.defined));
                }
                Some((_, TextOr::Map(container))) => images.extend(container.image.clone()),
                None => {}
            }
            if let Some(TextOr::Map(services)) = &job.services {
                images.extend(services.values().flatten().filter_map(|service| service.image.clone()));
            }
        }
        let action = self.runs.as_ref().and_then(|runs| runs.image.clone());
        images.extend(action.filter(|image| image.value.trim_start().starts_with("docker://")));
        images
    }
}
