// What this folder is, said too quietly.

mod broken;
mod endless;
mod utils;
