//! What all sources are compiled into.

pub struct AdvisoryDatabase;
