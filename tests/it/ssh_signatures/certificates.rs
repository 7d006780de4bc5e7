//! Certificates made by `ssh-keygen -s`.

use super::bench::{Bench, Case, KINDS};
use super::signatures::{armoured, blob};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::verdict::Verdict;

const MESSAGE: &[u8] = b"a message";

#[test]
fn a_certificate_of_any_kind_by_an_authority_of_any_kind() {
    let bench = Bench::new();
    let authorities: Vec<_> =
        KINDS.iter().map(|(name, kind)| bench.key(&format!("ca-{name}"), kind)).collect();
    for (name, kind) in KINDS {
        let plain = bench.key(name, kind);
        for ((other, _), authority) in KINDS.iter().zip(&authorities) {
            bench.certify(&format!("ca-{other}"), name, &["-n", "ana,bea", "-z", "7"]);
            let signature = bench.sign(&format!("{name}-cert"), "file", MESSAGE, &[]);
            let label = format!("{name} certified by {other}");
            let case = |allowed: String| Case::new(allowed, &signature, MESSAGE);
            let trusted = case(format!("* cert-authority {authority}\n"));
            bench.both(&label, &trusted, true);
            let signer = trusted.ours().unwrap();
            assert!(signer.signer().as_str().starts_with("ssh-ca:SHA256:"), "{}", signer.signer());
            assert!(signer.signer().as_str().ends_with("/ana"));
            bench.both(&label, &Case { principal: "bea", ..trusted.clone() }, true);
            bench.both(&label, &Case { principal: "caro", ..trusted.clone() }, false);
            bench.both(&label, &Case { message: b"other", ..trusted.clone() }, false);
            bench.both(&label, &Case { namespace: "git", ..trusted }, false);
            // An authority that is listed as a signer certifies nobody, and a
            // listed key is not its certificate.
            bench.both(&label, &case(format!("* {authority}\n")), false);
            bench.both(&label, &case(format!("* {plain}\n")), false);
            bench.both(&label, &case(format!("bea cert-authority {authority}\n")), false);
            bench.both(&label, &case(format!("*,!ana cert-authority {authority}\n")), false);
            bench.both(&label, &case(format!("* cert-authority,namespaces=\"git\" {authority}\n")), false);
        }
        // Signed by the bare key: the authority's line says nothing of it.
        let bare = bench.sign(name, "file", MESSAGE, &[]);
        let allowed = format!("* cert-authority {}\n", authorities[0]);
        bench.both(name, &Case::new(allowed, &bare, MESSAGE), false);
    }
}

#[test]
fn a_certificate_holds_while_it_holds() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    bench.key("k", KINDS[0].1);
    bench.certify("ca", "k", &["-n", "ana", "-V", "20260601000000Z:20260701000000Z"]);
    let signature = bench.sign("k-cert", "file", MESSAGE, &[]);
    let case = Case::new(format!("* cert-authority {authority}\n"), &signature, MESSAGE);
    for (at, valid) in [
        ("2026-05-31T23:59:59Z", false),
        ("2026-06-01T00:00:00Z", true),
        ("2026-06-30T23:59:59Z", true),
        ("2026-07-01T00:00:00Z", false),
    ] {
        let case = Case { at: Timestamp::parse(at).unwrap(), ..case.clone() };
        bench.both(at, &case, valid);
        assert_eq!(matches!(case.ours(), Err(Verdict::Expired { .. })), !valid, "{at}");
    }
}

/// The signature over the message does not cover the certificate, so only the
/// authority's own signature keeps it together.
#[test]
fn every_changed_byte_of_a_certificate_is_refused_by_both() {
    let bench = Bench::new();
    for (name, kind) in [KINDS[0], KINDS[2]] {
        let authority = bench.key(&format!("ca-{name}"), kind);
        bench.key(name, kind);
        bench.certify(&format!("ca-{name}"), name, &["-n", "ana,bea", "-z", "7"]);
        let good = blob(&bench.sign(&format!("{name}-cert"), "file", MESSAGE, &[]));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let signature = armoured(&bad);
            let case = Case::new(format!("* cert-authority {authority}\n"), &signature, MESSAGE);
            assert!(case.ours().is_err(), "{name}, byte {at}");
            if at % 7 == 0 {
                assert!(!bench.theirs(&case), "{name}, byte {at}: ssh-keygen accepts, and we do not");
            }
        }
    }
}

#[test]
fn a_certificate_that_names_an_authority_which_never_signed_it() {
    let bench = Bench::new();
    let ours = bench.key("ca", KINDS[0].1);
    let theirs = bench.key("evil-ca", KINDS[0].1);
    bench.key("k", KINDS[0].1);
    bench.certify("evil-ca", "k", &["-n", "ana"]);
    let mut forged = blob(&bench.sign("k-cert", "file", MESSAGE, &[]));
    let key = |line: &str| STANDARD.decode(line.split(' ').nth(1).unwrap()).unwrap();
    let (ours_blob, theirs_blob) = (key(&ours), key(&theirs));
    let at = forged.windows(theirs_blob.len()).position(|window| window == theirs_blob).unwrap();
    forged[at..at + ours_blob.len()].copy_from_slice(&ours_blob);
    let signature = armoured(&forged);
    let case = Case::new(format!("* cert-authority {ours}\n"), &signature, MESSAGE);
    bench.both("forged", &case, false);
    assert!(case.ours().unwrap_err().to_string().contains("the certificate: the signature does not fit"));
}

#[test]
fn a_certificate_for_nobody_or_for_a_host_is_none() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    let allowed = format!("* cert-authority {authority}\n");
    for (name, more) in [("nobody", &[][..]), ("host", &["-h", "-n", "ana"])] {
        bench.key(name, KINDS[0].1);
        bench.certify("ca", name, more);
        let signature = bench.sign(&format!("{name}-cert"), "file", MESSAGE, &[]);
        bench.both(name, &Case::new(allowed.clone(), &signature, MESSAGE), false);
    }
}

#[test]
fn a_certificate_that_is_restricted_to_something_else_signs_nothing_here() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    let allowed = format!("* cert-authority {authority}\n");
    for (name, option) in [
        ("command", "force-command=/bin/true"),
        ("address", "source-address=10.0.0.0/8"),
        ("made-up", "critical:made-up@example.org=1"),
    ] {
        bench.key(name, KINDS[0].1);
        bench.certify("ca", name, &["-n", "ana", "-O", option]);
        let signature = bench.sign(&format!("{name}-cert"), "file", MESSAGE, &[]);
        let case = Case::new(allowed.clone(), &signature, MESSAGE);
        bench.stricter(
            "critical options are not looked at by `ssh-keygen -Y verify`",
            &case,
            "critical option",
        );
    }
    // Extensions permit; they restrict nothing.
    bench.key("extended", KINDS[0].1);
    bench.certify("ca", "extended", &["-n", "ana", "-O", "clear", "-O", "extension:x@example.org=1"]);
    let signature = bench.sign("extended-cert", "file", MESSAGE, &[]);
    bench.both("extension", &Case::new(allowed, &signature, MESSAGE), true);
}

#[test]
fn another_authority_of_the_same_name_is_another_signer() {
    let bench = Bench::new();
    let ours = bench.key("ca", KINDS[0].1);
    let theirs = bench.key("other-ca", KINDS[0].1);
    let allowed = format!("* cert-authority {ours}\n* cert-authority {theirs}\n");
    let mut signers = Vec::new();
    for authority in ["ca", "other-ca"] {
        let name = format!("by-{authority}");
        bench.key(&name, KINDS[0].1);
        bench.certify(authority, &name, &["-n", "ana"]);
        let signature = bench.sign(&format!("{name}-cert"), "file", MESSAGE, &[]);
        let case = Case::new(allowed.clone(), &signature, MESSAGE);
        bench.both(authority, &case, true);
        signers.push(case.ours().unwrap().signer().clone());
    }
    assert_ne!(signers[0], signers[1]);
}
