//! Updaters: move one package to one exact version. To add one: write `updater/<name>.rs`, then its two lines below.
