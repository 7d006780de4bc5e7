//! The bodies that the tests run over seeds, for libFuzzer: one function each,
//! so that a target is linked with what it needs and nothing else.

#![allow(dead_code, reason = "some of it makes seeds")]

#[path = "../tests/it/fuzz_seeds/targets/mod.rs"]
mod targets;

macro_rules! bodies {
    ($($room:ident: $($name:ident)+;)+) => { $($(
        /// See the body.
        pub fn $name(data: &[u8]) {
            targets::$room::$name(data);
        }
    )+)+ };
}

bodies! {
    signed: bundle statement predicate envelope git;
    tuf: metadata;
    lists: lists advisory;
    ssh: allowed_signers revoked wire judged;
    texts: card record note permit policy request source claims;
    archives: tar zip;
    x509: chain stamp;
    review: pieces shell look;
    wanted: wanted;
}
