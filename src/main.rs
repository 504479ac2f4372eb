//! The `patchparty` program: everything is in the library.

fn main() -> std::process::ExitCode {
    patchparty::cli::main()
}
