//! The command line.

pub fn ask(answer: bool) -> bool {
    answer
}
