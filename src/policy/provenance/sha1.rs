//! SHA-1, to follow the names that git and old revocation lists give, and the
//! only door to the crate that computes it.
//!
//! SHA-1 is broken: two contents of one hash can be made at will. What protects
//! here: known ways to make such a pair leave traces in the content, and the
//! crate looks for them, as git itself does since 2017; content with a trace
//! has no hash. A way to collide without a trace would let the maker of a
//! repository have one file signed and deliver another. So a chain of SHA-1
//! names never stands alone: a skill's own digest is SHA-256, and what was
//! reviewed is what is pinned.

use sha1_checked::{Digest as _, Sha1};

/// Content that was made to share its SHA-1 with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was made to have the SHA-1 of something else")]
pub struct Collision;

/// The SHA-1 of the parts one after the other.
///
/// # Errors
/// [`Collision`].
pub fn sha1(parts: &[&[u8]]) -> Result<[u8; 20], Collision> {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    let result = hasher.try_finalize();
    if result.has_collision() { Err(Collision) } else { Ok((*result.hash()).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // FIPS 180-4 example, and git's well-known empty tree.
        let hex = |bytes: [u8; 20]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(sha1(&[b"a", b"bc"]).unwrap()), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(sha1(&[b"tree 0\0"]).unwrap()), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn the_published_collision_is_seen() {
        // The first 320 bytes of the two files of shattered.io, whose SHA-1
        // states are then the same: the prefix, and the two near-collisions.
        let prefix = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f\
             4865696768742033203020522f547970652034203020522f537562747970652035203020522f4669\
             6c7465722036203020522f436f6c6f7253706163652037203020522f4c656e677468203820302052\
             2f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d31\
             20697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
        let blocks = [
            "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5\
             df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331\
             fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af\
             3f98cda4bc4629b1",
            "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c5\
             6b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be335\
             42a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf\
             3f98cda8044629a1",
        ];
        let bytes = |hex: &str| -> Vec<u8> {
            let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
            digits.chunks(2).map(|two| u8::try_from(two[0] * 16 + two[1]).unwrap()).collect()
        };
        let prefix = bytes(prefix);
        assert!(sha1(&[&prefix]).is_ok());
        for block in blocks {
            assert_eq!(sha1(&[&prefix, &bytes(block)]), Err(Collision));
        }
    }
}
