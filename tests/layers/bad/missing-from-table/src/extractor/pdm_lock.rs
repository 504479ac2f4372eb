//! Reads pdm.lock, and is not even compiled.
