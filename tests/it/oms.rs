//! OMS bundles between our code, the reference and OpenSSL.
//!
//! The reference is `model-signing` 1.1.1, which `scripts/interop-tools` puts
//! into `target/interop/venv`. Without it these tests fail; none is left out.

#![cfg(feature = "provenance")]

pub(crate) mod chains;
mod forgeries;
mod interop;
pub(crate) mod stamps;
pub(crate) mod tools;
