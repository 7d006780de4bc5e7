//! The Merkle tree over records: RFC 6962, section 2.1.
//!
//! The tree's leaves are the records' leaf hashes. Complete subtrees never
//! change, so each is stored once when its last leaf arrives; head, old heads
//! and consistency proofs are then a handful of look-ups.

use super::digest::{Digest, sha256};

/// Hash of an inner node.
#[must_use]
pub fn node(left: &Digest, right: &Digest) -> Digest {
    // In one piece, which is hashed faster than three.
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    sha256(&[&bytes])
}

/// Hash of the tree without leaves.
#[must_use]
pub fn empty() -> Digest {
    sha256(&[])
}

/// A complete subtree: `level` 0 is a leaf; it covers the leaves
/// `index << level ..` of that many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Height.
    pub level: u8,
    /// Position among the subtrees of this height.
    pub index: u64,
}

/// The right edge of a tree: its complete subtrees from the largest to the
/// smallest, one per set bit of the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The frontier of a stored tree of `size` leaves; none if a node is missing.
    #[must_use]
    pub fn of(size: u64, stored: &impl Fn(NodeId) -> Option<Digest>) -> Option<Self> {
        let peaks = peak_ids(size).map(stored).collect::<Option<Vec<_>>>()?;
        Some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf hash and returns every complete subtree that it finished,
    /// the leaf itself first.
    pub fn push(&mut self, leaf: Digest) -> Vec<(NodeId, Digest)> {
        let mut done = Vec::new();
        self.grow(leaf, |id, hash| done.push((id, hash)));
        done
    }

    /// Adds a leaf hash, for whom the root is enough.
    pub fn add(&mut self, leaf: Digest) {
        self.grow(leaf, |_, _| {});
    }

    fn grow(&mut self, leaf: Digest, mut done: impl FnMut(NodeId, Digest)) {
        let (mut hash, mut level, mut index) = (leaf, 0, self.size);
        done(NodeId { level, index }, hash);
        while index & 1 == 1 {
            // The left sibling is complete and is the last peak.
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            level += 1;
            index >>= 1;
            done(NodeId { level, index }, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(first) = peaks.next() else { return empty() };
        peaks.fold(first, |right, left| node(&left, &right))
    }

    /// The peaks as bytes, for storage.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| *peak.as_bytes()).collect()
    }

    /// Reads stored peaks; none unless there are as many as `size` asks for.
    #[must_use]
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (chunks, rest) = bytes.as_chunks::<32>();
        let right = rest.is_empty() && chunks.len() == size.count_ones() as usize;
        right.then(|| Self { size, peaks: chunks.iter().map(|peak| Digest::from_bytes(*peak)).collect() })
    }
}

fn peak_ids(size: u64) -> impl Iterator<Item = NodeId> {
    let level_bits = (0..64_u8).rev().filter(move |level| size >> level & 1 == 1);
    level_bits.map(move |level| NodeId { level, index: (size >> level) - 1 })
}

/// Root of the leaves `start .. end`, from stored complete subtrees.
fn range_root(start: u64, end: u64, stored: &impl Fn(NodeId) -> Option<Digest>) -> Option<Digest> {
    let count = end - start;
    if count.is_power_of_two() && start.is_multiple_of(count) {
        let level = u8::try_from(count.trailing_zeros()).ok()?;
        return stored(NodeId { level, index: start >> level });
    }
    let split = start + (1 << (63 - (count - 1).leading_zeros()));
    Some(node(&range_root(start, split, stored)?, &range_root(split, end, stored)?))
}

/// Builds the consistency proof from `old` leaves to `new`, RFC 6962 2.1.2.
/// None if a node is missing or `old` is not between 1 and `new`.
#[must_use]
pub fn consistency_proof(
    old: u64,
    new: u64,
    stored: &impl Fn(NodeId) -> Option<Digest>,
) -> Option<Vec<Digest>> {
    fn sub(
        old: u64,
        (start, end): (u64, u64),
        whole: bool,
        stored: &impl Fn(NodeId) -> Option<Digest>,
        out: &mut Vec<Digest>,
    ) -> Option<()> {
        let count = end - start;
        if old == count {
            if !whole {
                out.push(range_root(start, end, stored)?);
            }
            return Some(());
        }
        let half = 1 << (63 - (count - 1).leading_zeros());
        if old <= half {
            sub(old, (start, start + half), whole, stored, out)?;
            out.push(range_root(start + half, end, stored)?);
        } else {
            sub(old - half, (start + half, end), false, stored, out)?;
            out.push(range_root(start, start + half, stored)?);
        }
        Some(())
    }
    if old == 0 || old > new {
        return None;
    }
    let mut out = Vec::new();
    sub(old, (0, new), true, stored, &mut out)?;
    Some(out)
}

/// Whether a proof shows that the tree (`new`, `new_root`) begins with the
/// tree (`old`, `old_root`). RFC 9162 2.1.4.2.
#[must_use]
pub fn verify_consistency(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let mut path = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut fn_, mut sn) = (old - 1, new - 1);
    while fn_ & 1 == 1 {
        fn_ >>= 1;
        sn >>= 1;
    }
    let (mut fr, mut sr) = (*first, *first);
    for hash in path {
        if sn == 0 {
            return false;
        }
        if fn_ & 1 == 1 || fn_ == sn {
            fr = node(hash, &fr);
            sr = node(hash, &sr);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            sr = node(&sr, hash);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    fr == *old_root && sr == *new_root && sn == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// RFC 6962 2.1, as it stands there: slow and obvious.
    fn reference_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let split = 1 << (usize::BITS - 1 - (leaves.len() - 1).leading_zeros());
                node(&reference_root(&leaves[..split]), &reference_root(&leaves[split..]))
            }
        }
    }

    #[test]
    fn every_size_every_pair_every_single_mutation() {
        const MAX: u64 = 65;
        let leaves: Vec<_> = (0..MAX).map(|i| sha256(&[&[0], &i.to_be_bytes()])).collect();
        let mut nodes = HashMap::new();
        let (mut frontier, mut added) = (Frontier::default(), Frontier::default());
        let mut roots = vec![empty()];
        for (i, leaf) in leaves.iter().enumerate() {
            nodes.extend(frontier.push(*leaf));
            added.add(*leaf);
            assert_eq!(added, frontier);
            assert_eq!(frontier.root(), reference_root(&leaves[..=i]));
            roots.push(frontier.root());
            let again = Frontier::from_bytes(frontier.size(), &frontier.to_bytes());
            assert_eq!(again.as_ref(), Some(&frontier));
        }
        let stored = |id| nodes.get(&id).copied();
        for new in 1..=MAX {
            assert_eq!(Frontier::of(new, &stored).unwrap().root(), roots[new as usize]);
            for old in 1..=new {
                let proof = consistency_proof(old, new, &stored).unwrap();
                let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
                assert!(verify_consistency(old, &old_root, new, &new_root, &proof), "{old} {new}");
                let other = sha256(&[b"other"]);
                assert!(!verify_consistency(old, &other, new, &new_root, &proof));
                assert!(!verify_consistency(old, &old_root, new, &other, &proof));
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at] = other;
                    assert!(!verify_consistency(old, &old_root, new, &new_root, &bad));
                    bad.remove(at);
                    assert!(!verify_consistency(old, &old_root, new, &new_root, &bad));
                }
                let longer: Vec<_> = proof.iter().copied().chain([other]).collect();
                assert!(!verify_consistency(old, &old_root, new, &new_root, &longer));
            }
        }
        assert_eq!(consistency_proof(0, 3, &stored), None);
        assert_eq!(consistency_proof(4, 3, &stored), None);
    }
}
