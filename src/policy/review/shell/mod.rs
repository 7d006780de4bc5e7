//! Shell text: read as a shell reads it, and followed without being run.
mod braced;
mod compound;
mod cursor;
pub mod escapes;
pub mod expand;
pub mod known;
pub mod machine;
pub mod read;
mod redirects;
pub mod tools;
pub mod tree;
pub mod value;
mod words;

#[cfg(test)]
mod tests;
