//! How many people spoke, at the least.

use super::Seen;
use crate::model::signer::SignerId;
use std::collections::BTreeSet;

/// One voice: signers and keys that cannot be told to be different people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voice {
    /// Under which ids.
    pub signers: BTreeSet<SignerId>,
    /// By which keys, as `Vouched::key` has them.
    pub keys: BTreeSet<SignerId>,
}

/// The voices of what is valid. What shares a signer or a key, directly or by
/// way of others, is one.
///
/// Attack: a key is listed as a PEM anchor, in `allowed_signers`, and once more
/// by a second root, and its owner alone is a quorum; or one principal has
/// several certified keys.
#[must_use]
pub fn voices(seen: &[Seen]) -> Vec<Voice> {
    let mut all: Vec<Voice> = Vec::new();
    for vouched in seen.iter().filter_map(|one| one.verdict.vouched()) {
        let mut one = Voice {
            signers: BTreeSet::from([vouched.signer().clone()]),
            keys: BTreeSet::from([vouched.key().clone()]),
        };
        let (same, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|voice| {
            voice.signers.contains(vouched.signer()) || voice.keys.contains(vouched.key())
        });
        for voice in same {
            one.signers.extend(voice.signers);
            one.keys.extend(voice.keys);
        }
        all = others;
        all.push(one);
    }
    all.sort_by(|a, b| a.signers.cmp(&b.signers));
    all
}
