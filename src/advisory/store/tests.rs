//! What a user of the store sees: sources from folders and over HTTP, their ages, and what is not good enough.
use super::*;
