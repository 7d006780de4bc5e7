//! Signatures by keys of every kind, both ways, and damaged in every way.

use super::bench::{Bench, Case, KINDS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skill_trust::policy::provenance::ssh::key::PublicKey;
use skill_trust::policy::provenance::ssh::sig::{BEGIN, END, Hash, SshSig, sign_ed25519, to_be_signed};
use skill_trust::policy::provenance::verdict::Verdict;

const MESSAGE: &[u8] = b"a message\nof two lines\n";

/// The blob inside an armour.
pub(crate) fn blob(signature: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(signature).unwrap();
    STANDARD.decode(text.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

pub(crate) fn armoured(blob: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(blob);
    let lines: Vec<_> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")).into_bytes()
}

#[test]
fn what_ssh_keygen_signs_with_any_kind_of_key_verifies_here() {
    let bench = Bench::new();
    for (name, kind) in KINDS {
        let allowed = format!("ana {}\n", bench.key(name, kind));
        for more in [&[][..], &["-Ohashalg=sha256"], &["-Ohashalg=sha512"]] {
            for message in [MESSAGE, b"", &[0, 255, b'\r', b'\n']] {
                let signature = bench.sign(name, "file", message, more);
                let case = Case::new(allowed.clone(), &signature, message);
                bench.both(name, &case, true);
                bench.both("another message", &Case { message: b"x", ..case.clone() }, false);
                bench.both("another purpose", &Case { namespace: "git", ..case.clone() }, false);
                bench.both("another person", &Case { principal: "bea", ..case }, false);
            }
        }
    }
}

#[test]
fn what_we_sign_verifies_there() {
    let bench = Bench::new();
    let secret = [7; 32];
    let key = PublicKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().as_bytes())
        .unwrap();
    let allowed = format!("ana {}\n", key.to_text());
    for (namespace, message) in [("file", MESSAGE), ("skill-statement@v1", b""), ("git", &[0; 5000])] {
        let signature = sign_ed25519(&secret, namespace, message).unwrap();
        let case = Case { namespace, ..Case::new(allowed.clone(), signature.as_bytes(), message) };
        bench.both(namespace, &case, true);
    }
    // A fingerprint is what `ssh-keygen -l` prints.
    let path = bench.write("ours.pub", format!("{}\n", key.to_text()).as_bytes());
    assert!(bench.keygen(&["-l", "-f", &path]).contains(&key.fingerprint()));
    assert!(to_be_signed("file", Hash::Sha512, MESSAGE).starts_with(b"SSHSIG"));
}

#[test]
fn rsa_is_named_and_never_counted() {
    let bench = Bench::new();
    let allowed = format!("ana {}\n", bench.key("rsa", &["-t", "rsa", "-b", "2048"]));
    let signature = bench.sign("rsa", "file", MESSAGE, &[]);
    let case = Case::new(allowed, &signature, MESSAGE);
    bench.stricter("RSA is not evaluated", &case, "`ssh-rsa`");
    assert!(matches!(case.ours(), Err(Verdict::Unsupported(_))));
}

/// Whatever bit is changed: both refuse, or it is in what `ssh-keygen` reads
/// loosely and we do not.
#[test]
fn every_changed_byte_of_a_signature_is_refused_by_both() {
    let bench = Bench::new();
    for (name, kind) in KINDS {
        let allowed = format!("ana {}\n", bench.key(name, kind));
        let good = blob(&bench.sign(name, "file", MESSAGE, &[]));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let signature = armoured(&bad);
            let case = Case::new(allowed.clone(), &signature, MESSAGE);
            assert!(case.ours().is_err(), "{name}, byte {at}");
            // Each question costs a process: `ssh-keygen` is asked about some.
            if at % 5 == 0 {
                assert!(!bench.theirs(&case), "{name}, byte {at}: ssh-keygen accepts, and we do not");
            }
        }
    }
}

#[test]
fn armour_that_other_readers_forgive_has_one_form_here() {
    let bench = Bench::new();
    let allowed = format!("ana {}\n", bench.key("k", KINDS[0].1));
    let good = String::from_utf8(bench.sign("k", "file", MESSAGE, &[])).unwrap();
    let other = String::from_utf8(bench.sign("k", "file", b"other", &[])).unwrap();
    let forgiven = [
        ("text after the end is read by nobody", format!("{good}anything\n"), "last line"),
        ("a second signature is read by nobody", format!("{good}{other}"), "lines of different"),
        ("carriage returns are a second spelling", good.replace("\n-----END", "\r\n-----END"), "not base64"),
        ("blanks are a second spelling", good.replacen("U1NI", " U1NI", 1), "lines of different"),
        ("empty lines are a second spelling", good.replacen("\nU1NI", "\n\nU1NI", 1), "lines of different"),
    ];
    for (why, text, said) in &forgiven {
        bench.stricter(why, &Case::new(allowed.clone(), text.as_bytes(), MESSAGE), said);
    }
    let refused = [
        format!("x{good}"),
        format!("\n{good}"),
        good.replacen('\n', "\r\n", 1),
        good.replace("BEGIN SSH", "BEGIN PGP"),
        good.replace(END, ""),
        good.replacen("U1NI", "****", 1),
        String::new(),
    ];
    for text in &refused {
        bench.both(text, &Case::new(allowed.clone(), text.as_bytes(), MESSAGE), false);
    }
    // Without the last line feed it is the same text.
    bench.both("no line feed", &Case::new(allowed, good.trim_end().as_bytes(), MESSAGE), true);
}

#[test]
fn fields_that_other_readers_pass_over_must_say_nothing() {
    use skill_trust::policy::provenance::ssh::wire::{Reader, Writer};
    let bench = Bench::new();
    let allowed = format!("ana {}\n", bench.key("k", KINDS[0].1));
    let good = blob(&bench.sign("k", "file", MESSAGE, &[]));
    let mut reader = Reader::new(&good[10..]);
    let fields: Vec<_> = (0..5).map(|_| reader.string().unwrap()).collect();
    let make = |version: u32, at: usize, with: &[u8], end: &[u8]| {
        let head = Writer::new().raw(b"SSHSIG").u32(version);
        let body = (0..5).fold(head, |out, field| out.string(if field == at { with } else { fields[field] }));
        armoured(&body.raw(end).finish())
    };
    assert!(SshSig::parse(&make(1, 9, b"", b"")).is_ok());
    let reserved = make(1, 2, b"say", b"");
    let case = Case::new(allowed.clone(), &reserved, MESSAGE);
    bench.stricter("the reserved field is not under the signature", &case, "reserved");
    for bad in [make(2, 9, b"", b""), make(1, 1, b"", b""), make(1, 3, b"sha1", b""), make(1, 9, b"", b"\0")]
    {
        bench.both("an odd blob", &Case::new(allowed.clone(), &bad, MESSAGE), false);
    }
    // Version 0 was never defined; `ssh-keygen` refuses only what is newer.
    let zero = make(0, 9, b"", b"");
    bench.stricter("version 0 was never defined", &Case::new(allowed, &zero, MESSAGE), "version 0");
}

/// The order of the NIST curves' groups: `s` and its negative are both right,
/// for OpenSSH and here; so a signature's bytes identify nothing.
#[test]
fn a_number_with_needless_zeros_is_another_spelling() {
    use skill_trust::policy::provenance::ssh::wire::{Reader, Writer};
    let bench = Bench::new();
    let allowed = format!("ana {}\n", bench.key("k", KINDS[1].1));
    let good = blob(&bench.sign("k", "file", MESSAGE, &[]));
    let mut reader = Reader::new(&good[10..]);
    let fields: Vec<_> = (0..5).map(|_| reader.string().unwrap()).collect();
    let mut inner = Reader::new(fields[4]);
    let (name, both) = (inner.string().unwrap(), inner.string().unwrap());
    let mut both = Reader::new(both);
    let (r, s) = (both.string().unwrap(), both.string().unwrap());
    let make = |r: &[u8], s: &[u8]| {
        let both = Writer::new().string(r).string(s).finish();
        let inner = Writer::new().string(name).string(&both).finish();
        let head = Writer::new().raw(b"SSHSIG").u32(1);
        let head = fields[..4].iter().fold(head, |out, field| out.string(field));
        armoured(&head.string(&inner).finish())
    };
    let plain = make(r, s);
    bench.both("as it was", &Case::new(allowed.clone(), &plain, MESSAGE), true);
    let longer = make(&[&[0], r].concat(), s);
    let case = Case::new(allowed.clone(), &longer, MESSAGE);
    assert!(case.ours().unwrap_err().to_string().contains("shortest form"));
    for (r, s) in [(&[][..], s), (r, &[][..]), (&[0x81][..], s), (s, r)] {
        bench.both("other numbers", &Case::new(allowed.clone(), &make(r, s), MESSAGE), false);
    }
}
