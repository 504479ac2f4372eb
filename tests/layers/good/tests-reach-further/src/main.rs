//! The program.

fn main() {
    patchparty::cli::main();
}
