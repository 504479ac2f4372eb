//! Not Rust.

fn half( {
