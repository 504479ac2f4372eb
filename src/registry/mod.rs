//! Registries: which releases of a package can be had. To add one: write `registry/<name>.rs`, then its two lines below.
