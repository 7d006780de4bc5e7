//! Shell text: read as a shell reads it, and followed without being run.
pub mod escapes;
pub mod expand;
pub mod known;
mod leaves;
pub mod machine;
pub mod power;
pub mod read;
pub mod secrets;
pub mod tools;
pub mod tree;
pub mod value;
mod words;
