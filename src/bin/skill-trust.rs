//! The program `skills` under a name that no other tool uses.

#[path = "skills/main.rs"]
mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
