//! Certificates and time stamps: nothing leads to an anchor but what its
//! authority signed.

use super::shown;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::stamp;
use skill_trust::policy::provenance::x509::{Anchor, certify, certify_stamper};
use std::sync::LazyLock;

/// Made by `openssl` once, as `fuzz_seeds.rs` says; valid for a hundred years.
pub(crate) const ROOT: &[u8] = include_bytes!("../der/root.der");
/// Certified by the root.
pub(crate) const BETWEEN: &[u8] = include_bytes!("../der/between.der");
/// Certified by the one in between, for signatures.
pub(crate) const LEAF: &[u8] = include_bytes!("../der/leaf.der");
/// Certified by the root, for time stamps.
pub(crate) const STAMPER: &[u8] = include_bytes!("../der/stamper.der");
/// A stamp by [`STAMPER`] over [`STAMPED`].
pub(crate) const TOKEN: &[u8] = include_bytes!("../der/token.der");
/// What was stamped.
pub(crate) const STAMPED: &[u8] = b"stamped\n";

static ANCHORS: LazyLock<Vec<Anchor>> = LazyLock::new(|| vec![Anchor::from_der(ROOT).unwrap()]);

/// When it is asked: inside the validity of all of them.
const AT: i64 = 1_900_000_000;

/// Certificates, each with its length in two bytes before it.
fn split(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let [high, low, more @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (one, more) = more.split_at(size);
        out.push(one.to_vec());
        rest = more;
    }
    out
}

/// The signed part of one of the certificates above: what its authority
/// vouches for.
fn signed(der: &[u8]) -> &[u8] {
    // SEQUENCE, two bytes of length; then the part, its length in one or two.
    let size = match der[5] {
        0x81 => 3 + usize::from(der[6]),
        0x82 => 4 + usize::from(u16::from_be_bytes([der[6], der[7]])),
        _ => panic!("another form of length"),
    };
    &der[4..4 + size]
}

/// Follows a chain; good only for the leaf that was certified.
pub(crate) fn chain(data: &[u8]) {
    let chain = split(data);
    let at = Timestamp::from_unix(AT);
    match certify(&chain, &ANCHORS, at) {
        Err(verdict) => super::refused(&verdict),
        Ok(found) => {
            let known = [LEAF, STAMPER].iter().any(|leaf| chain[0][4..].starts_with(signed(leaf)));
            assert!(known, "certified: {found:?}");
            shown(found.signer.as_str());
        }
    }
    match certify_stamper(&chain, &ANCHORS, at) {
        Err(verdict) => super::refused(&verdict),
        Ok(_) => assert!(chain[0][4..].starts_with(signed(STAMPER))),
    }
    if let Some(der) = chain.first()
        && let Ok(anchor) = Anchor::from_der(der)
    {
        // Whatever is no anchor of ours certifies itself to nobody else.
        assert_eq!(anchor.spki(), Anchor::from_der(der).unwrap().spki());
    }
}

/// A time stamp token; good only with the time that was stamped.
pub(crate) fn stamp(data: &[u8]) {
    static TIME: LazyLock<Timestamp> = LazyLock::new(|| stamp::read(TOKEN, STAMPED, &ANCHORS).unwrap().time);
    match stamp::read(data, STAMPED, &ANCHORS) {
        Err(why) => shown(&why),
        Ok(stamp) => assert_eq!(stamp.time, *TIME),
    }
    assert!(stamp::read(data, b"other", &ANCHORS).is_err());
}
