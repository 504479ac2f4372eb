//! Everything that found no place.
