//! Security keys without hardware: the signatures are made here, from the
//! specification (PROTOCOL.u2f), and judged by `ssh-keygen` too.

use super::bench::{Bench, Case, private};
use super::signatures::armoured;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use skill_trust::model::digest::sha256;
use skill_trust::policy::provenance::ssh::sig::{Hash, to_be_signed};
use skill_trust::policy::provenance::ssh::wire::Writer;

const MESSAGE: &[u8] = b"a message";

/// A device in software.
enum Device {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Device {
    fn all() -> [Self; 2] {
        [
            Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[3; 32])),
            Self::P256(p256::ecdsa::SigningKey::from_slice(&[4; 32]).unwrap()),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "sk-ssh-ed25519@openssh.com",
            Self::P256(_) => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The fields of its public key that follow the name.
    fn fields(&self, writer: Writer) -> Writer {
        match self {
            Self::Ed25519(key) => writer.string(key.verifying_key().as_bytes()),
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                writer.string(b"nistp256").string(point.as_bytes())
            }
        }
        .string(b"ssh:")
    }

    fn blob(&self) -> Vec<u8> {
        self.fields(Writer::new().string(self.name().as_bytes())).finish()
    }

    fn line(&self) -> String {
        format!("{} {}", self.name(), STANDARD.encode(self.blob()))
    }

    /// Signs `data` with these flags; `told` are those that stand beside.
    fn sign(&self, data: &[u8], flags: u8, told: u8) -> Vec<u8> {
        let around = Writer::new()
            .raw(sha256(&[b"ssh:"]).as_bytes())
            .raw(&[flags])
            .u32(41)
            .raw(sha256(&[data]).as_bytes())
            .finish();
        let body = match self {
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(key, &around).to_bytes().to_vec(),
            Self::P256(key) => {
                let made: p256::ecdsa::Signature = key.sign(&around);
                let bytes = made.to_bytes();
                let (r, s) = bytes.split_at(32);
                Writer::new().string(&number(r)).string(&number(s)).finish()
            }
        };
        Writer::new().string(self.name().as_bytes()).string(&body).raw(&[told]).u32(41).finish()
    }

    /// An SSHSIG for `file`, by this identity.
    fn signature(&self, identity: &[u8], flags: u8, told: u8) -> Vec<u8> {
        let data = to_be_signed("file", Hash::Sha512, MESSAGE);
        let head = Writer::new().raw(b"SSHSIG").u32(1).string(identity);
        let body = head.string(b"file").string(b"").string(b"sha512").string(&self.sign(&data, flags, told));
        armoured(&body.finish())
    }
}

/// An `mpint`: shortest, and positive.
fn number(bytes: &[u8]) -> Vec<u8> {
    let from = bytes.iter().position(|byte| *byte != 0).unwrap();
    let zero: &[u8] = if bytes[from] >= 0x80 { &[0] } else { &[] };
    [zero, &bytes[from..]].concat()
}

#[test]
fn a_touched_security_key_signs() {
    let bench = Bench::new();
    for device in Device::all() {
        let allowed = format!("ana {}\n", device.line());
        for flags in [1, 5] {
            let signature = device.signature(&device.blob(), flags, flags);
            let case = Case::new(allowed.clone(), &signature, MESSAGE);
            bench.both(device.name(), &case, true);
            bench.both("another message", &Case { message: b"x", ..case }, false);
        }
        for (flags, told) in [(1, 5), (5, 1), (0, 1)] {
            let signature = device.signature(&device.blob(), flags, told);
            bench.both("flags that were not signed", &Case::new(allowed.clone(), &signature, MESSAGE), false);
        }
        for flags in [0, 4] {
            let signature = device.signature(&device.blob(), flags, flags);
            let case = Case::new(allowed.clone(), &signature, MESSAGE);
            let why = "`ssh-keygen -Y verify` does not ask whether anybody touched the key";
            bench.stricter(why, &case, "not touched");
        }
        // The same curve as a plain key is another key.
        let plain = device.name().replace("sk-", "").replace("@openssh.com", "");
        let allowed = format!("ana {} {}\n", plain, STANDARD.encode(device.blob()));
        let signature = device.signature(&device.blob(), 1, 1);
        bench.both("another kind", &Case::new(allowed, &signature, MESSAGE), false);
    }
}

#[test]
fn a_security_key_with_a_certificate_and_one_that_must_know_who() {
    let bench = Bench::new();
    let authority = bench.key("ca", &["-t", "ed25519"]);
    let allowed = format!("* cert-authority {authority}\n");
    for (at, device) in Device::all().iter().enumerate() {
        let name = format!("device-{at}");
        private(&bench.at(&format!("{name}.pub")), format!("{} x\n", device.line()).as_bytes());
        for (more, flags, valid) in
            [(&["-n", "ana"][..], 1, true), (&["-n", "ana"], 5, true), (&["-n", "bea"], 1, false)]
        {
            bench.certify("ca", &name, more);
            let blob =
                STANDARD.decode(bench.public(&format!("{name}-cert")).split(' ').nth(1).unwrap()).unwrap();
            let signature = device.signature(&blob, flags, flags);
            bench.both(device.name(), &Case::new(allowed.clone(), &signature, MESSAGE), valid);
        }
        bench.certify("ca", &name, &["-n", "ana", "-O", "verify-required"]);
        let blob = STANDARD.decode(bench.public(&format!("{name}-cert")).split(' ').nth(1).unwrap()).unwrap();
        let knew = device.signature(&blob, 5, 5);
        bench.both("it knew who", &Case::new(allowed.clone(), &knew, MESSAGE), true);
        let touched = device.signature(&blob, 1, 1);
        let case = Case::new(allowed.clone(), &touched, MESSAGE);
        bench.stricter("`verify-required` is looked at by sshd alone", &case, "know who");
    }
}
