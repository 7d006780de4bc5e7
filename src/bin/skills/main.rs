//! The program.

#[allow(dead_code)]
mod prompt;
#[allow(dead_code)]
mod render;

fn main() {}
