//! One test program, so that it links once.

mod checker;
mod pty;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
}
