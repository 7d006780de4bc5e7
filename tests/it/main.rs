//! One test program, so that it links once.

mod pty;

mod support {
    //! What the tests stand on.
    pub(crate) mod pty;
}
