//! All evidence about one folder, before all verifiers: keys and signatures by
//! the real `ssh-keygen`, certificates by the real `openssl`, trust roots as
//! their targets would be read.

mod attacks;
mod keys;
mod scene;
mod stamps;
mod table;
