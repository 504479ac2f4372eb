//! A folder that nobody has placed.
