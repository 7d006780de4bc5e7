//! What the fuzzers try, tried here over the seeds and what lies right beside
//! them, so that a target that no longer compiles or an invariant that breaks
//! shows without a fuzzer. `scripts/fuzz` runs the same bodies for long.
//!
//! The certificates in `fuzz_seeds/der` are by `openssl`, with keys that were
//! thrown away: P-256, SHA-256, 36500 days; root and `between` with `CA:TRUE`
//! and keyCertSign, `leaf` (by `between`) with digitalSignature, `stamper` (by
//! the root) with that and timeStamping alone; `token` by `openssl ts -reply`
//! over `stamped` and a newline, as in `tests/it/oms/stamps.rs`.

mod seeds;
mod targets;

use skill_trust::policy::provenance::dsse;
use targets::{TARGETS, body};

/// Runs a body, and says on what it broke.
fn tried(target: &str, input: &[u8]) {
    let run = std::panic::catch_unwind(|| body(target)(input));
    assert!(run.is_ok(), "{target}, in base64: {}", dsse::encode(input));
}

/// Up to `most` places of an input, spread evenly.
fn places(input: &[u8], most: usize) -> impl Iterator<Item = usize> {
    (0..input.len()).step_by(input.len().div_ceil(most).max(1))
}

#[test]
fn every_target_holds_on_its_seeds() {
    for (target, _) in TARGETS {
        let all = seeds::of(target);
        assert!(!all.is_empty(), "{target}");
        all.iter().for_each(|seed| tried(target, seed));
    }
}

#[test]
fn every_target_holds_beside_its_seeds() {
    for (target, _) in TARGETS {
        for seed in seeds::of(target) {
            for at in places(&seed, 150) {
                tried(target, &seed[..at]);
                for bit in [1, 0x20, 0x80] {
                    let mut other = seed.clone();
                    other[at] ^= bit;
                    tried(target, &other);
                }
                tried(target, &[&seed[..at], b"\"\\\n", &seed[at..]].concat());
                tried(target, &[&seed[..at], &seed[at.saturating_sub(9)..]].concat());
            }
            tried(target, &[seed.as_slice(), &seed].concat());
        }
    }
}

#[test]
fn every_target_holds_on_the_seeds_of_all_others() {
    let all: Vec<_> = TARGETS.iter().flat_map(|(name, _)| seeds::of(name)).collect();
    for (target, _) in TARGETS {
        all.iter().for_each(|seed| tried(target, seed));
        (0..=255).for_each(|byte| tried(target, &[byte]));
        tried(target, &[]);
    }
}
