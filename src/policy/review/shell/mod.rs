//! Shell text: read as a shell reads it, and followed without being run.
mod braced;
mod braces;
pub(super) mod budget;
mod call;
mod compound;
mod cursor;
pub mod escapes;
pub mod expand;
mod files;
pub mod known;
pub mod machine;
mod net;
mod others;
pub mod power;
pub mod read;
mod redirects;
mod run;
pub mod secrets;
pub mod tools;
pub mod tree;
pub mod value;
mod words;

#[cfg(test)]
mod tests;
