//! OpenSSH signatures: whatever we judge, the real `ssh-keygen` and the real
//! `git` judge too, and both must say the same. Where we are stricter, the
//! test says so and why. Nowhere are we more lenient.

pub(crate) mod bench;
mod certificates;
mod commits;
mod forgeries;
mod lists;
mod security_keys;
mod signatures;
mod statements;
