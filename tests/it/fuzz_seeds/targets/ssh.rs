//! OpenSSH's formats: who may sign, who no longer, and what is on the wire.

use super::{now, refused, sampled, shown};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::cert::{Certificate, Identity};
use skill_trust::policy::provenance::ssh::judge::{Beliefs, judge};
use skill_trust::policy::provenance::ssh::key::{PublicKey, Signature};
use skill_trust::policy::provenance::ssh::revoked::RevokedKeys;
use skill_trust::policy::provenance::ssh::sig::{SshSig, sign_ed25519};
use skill_trust::policy::provenance::ssh::{Fault, krl};
use std::sync::LazyLock;

/// What is signed, and for what.
const MESSAGE: &[u8] = b"message";
const NAMESPACE: &str = "file";

/// A key and its signature.
pub(crate) struct Signed {
    pub(crate) key: PublicKey,
    pub(crate) signature: String,
    /// A list that lets the key sign.
    pub(crate) list: String,
}

pub(crate) static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let signature = sign_ed25519(&[1; 32], NAMESPACE, MESSAGE).unwrap();
    let Identity::Key(key) = SshSig::parse(signature.as_bytes()).unwrap().identity else { panic!() };
    let list = format!("*@example.org namespaces=\"file,git\" {}\n", key.to_text());
    Signed { key: *key, signature, list }
});

static NOBODY: LazyLock<Revocations> = LazyLock::new(Revocations::default);

fn ask(signature: &[u8], allowed: &AllowedSigners, revoked: &[RevokedKeys]) -> bool {
    let beliefs = Beliefs {
        allowed,
        revoked,
        revocations: &NOBODY,
        at: now(),
        first_seen_counts: false,
        principal: None,
    };
    match judge(signature, MESSAGE, NAMESPACE, &beliefs) {
        Ok(signed) => {
            assert_eq!(*signed.signer(), SIGNED.key.signer());
            true
        }
        Err(verdict) => {
            refused(&verdict);
            false
        }
    }
}

/// Each line lets somebody sign, or is named as one that lets nobody; and
/// nobody may whose key does not stand there.
pub(crate) fn allowed_signers(data: &[u8]) {
    let Ok(list) = AllowedSigners::parse(data) else { return };
    let wanted = data.split(|byte| *byte == b'\n').filter(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let start = line.iter().position(|byte| !b" \t".contains(byte));
        // What is not UTF-8 is named even where it is a comment.
        start.is_some_and(|at| line[at] != b'#') || std::str::from_utf8(line).is_err()
    });
    assert_eq!(list.len() + list.faults().len(), wanted.count(), "a line was lost");
    list.faults().iter().for_each(|fault| shown(&fault.why));
    if list.is_empty() {
        return;
    }
    let signed = &*SIGNED;
    let text = signed.key.to_text();
    let base64 = text.split_once(' ').unwrap().1.as_bytes();
    let stands = data.windows(base64.len()).any(|at| at == base64);
    assert!(stands || list.principals_of(&signed.key.signer()).is_empty());
    if !stands || sampled(data) {
        assert!(!ask(signed.signature.as_bytes(), &list, &[]) || stands);
    }
}

/// A list of revoked keys: not understood to its last byte is an error, and
/// what it names may not sign.
pub(crate) fn revoked(data: &[u8]) {
    let list = match RevokedKeys::parse(data) {
        Ok(list) => list,
        Err(fault) => return shown(&fault.to_string()),
    };
    let identity = Identity::from(SIGNED.key.clone());
    let how = list.revokes(&identity);
    how.iter().for_each(|how| shown(how));
    list.notes().iter().for_each(|note| shown(note));
    if data.starts_with(krl::MAGIC) {
        assert!(RevokedKeys::parse(&[data, &[2]].concat()).is_err(), "a byte more is passed over");
        assert!(RevokedKeys::parse(&data[..data.len() - 1]).is_err() || data.len() == 44, "a byte less");
    } else {
        // One more key on a line of its own is one more that is revoked.
        let more = [data, b"\n", SIGNED.key.to_text().as_bytes(), b"\n"].concat();
        assert!(RevokedKeys::parse(&more).unwrap().revokes(&identity).is_some());
    }
    if how.is_some() && sampled(data) {
        let allowed = AllowedSigners::parse(SIGNED.list.as_bytes()).unwrap();
        assert!(!ask(SIGNED.signature.as_bytes(), &allowed, &[list]));
    }
}

/// Keys, certificates and signatures: each in one form, to the last byte.
pub(crate) fn wire(data: &[u8]) {
    let more = [data, &[0]].concat();
    let fault = |fault: Fault| shown(&fault.to_string());
    match PublicKey::parse(data) {
        Err(why) => fault(why),
        Ok(key) => {
            assert_eq!(key.blob(), data);
            let text = key.to_text();
            let (name, base64) = text.split_once(' ').unwrap();
            assert_eq!(Identity::parse_text(name, base64), Ok(Identity::from(key)));
            assert!(PublicKey::parse(&more).is_err());
        }
    }
    match Identity::parse(data) {
        Err(why) => fault(why),
        Ok(Identity::Key(key)) => assert_eq!(key.blob(), data),
        Ok(Identity::Certificate(cert)) => {
            assert!(!cert.principals.is_empty());
            cert.principals.iter().for_each(|principal| shown(principal));
            assert!(Certificate::parse(&more).is_err());
            if sampled(data)
                && let Err(why) = cert.verify_authority()
            {
                fault(why);
            }
        }
    }
    if Signature::parse(data).is_ok() {
        assert!(Signature::parse(&more).is_err());
    }
    match SshSig::parse_blob(data) {
        Err(why) => fault(why),
        Ok(sig) => {
            assert!(!sig.namespace.is_empty());
            assert!(SshSig::parse_blob(&more).is_err());
        }
    }
}

/// An armoured signature: good only if it is the key's, over that message.
pub(crate) fn judged(data: &[u8]) {
    static ALLOWED: LazyLock<AllowedSigners> =
        LazyLock::new(|| AllowedSigners::parse(SIGNED.list.as_bytes()).unwrap());
    let sig = match SshSig::parse(data) {
        Ok(sig) => sig,
        Err(fault) => return shown(&fault.to_string()),
    };
    if ask(data, &ALLOWED, &[]) {
        // Nobody here can sign: it is the one signature.
        assert_eq!(SshSig::parse(SIGNED.signature.as_bytes()), Ok(sig));
    }
}
