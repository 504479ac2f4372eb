//! Pins, without any tool.
