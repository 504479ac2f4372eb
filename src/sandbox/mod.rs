//! The sandbox: the only place that starts a process of an ecosystem.
