//! Signed statements about a digest: reviews by people, attestations by
//! verifiers.

#![cfg(feature = "provenance")]

mod attacks;
mod attestations;
mod bytes;
mod interop;
mod page;
mod yard;
