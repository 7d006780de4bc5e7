//! Lists of allowed signers, and of revoked keys.

use super::bench::{Bench, Case, Dice, KINDS};
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::revocation::{Entry, Kind, Revocations};
use skill_trust::policy::provenance::verdict::Verdict;

const MESSAGE: &[u8] = b"a message";

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Every mixture of principals, options, time and purpose.
#[test]
fn a_matrix_of_lines_is_answered_alike() {
    let bench = Bench::new();
    let key = bench.key("k", KINDS[0].1);
    let other = bench.key("other", KINDS[1].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    let principals = [
        "ana", "bea,ana", "a*", "*@x,an?", "*,!ana", "!ana,*", "!bea,*", "!a*,ana", "Ana", "an", "", "ana,",
        "!*",
    ];
    let options = [
        "",
        r#"namespaces="file""#,
        r#"namespaces="git,f*""#,
        r#"namespaces="*,!file""#,
        r#"namespaces="git""#,
        r#"namespaces="""#,
        r#"NAMESPACES="file",Valid-After="20260101Z""#,
        r#"valid-after="20260615120000Z""#,
        r#"valid-after="20260615120001Z""#,
        r#"valid-before="20260615120000Z""#,
        r#"valid-before="20260615115959Z""#,
        r#"valid-after="20260101Z",valid-before="202612010000Z",namespaces="file""#,
        "cert-authority",
    ];
    let mut yes = 0;
    for principals in principals {
        for options in options {
            for first in ["", &format!("ana {other}\n"), "# ana\n\n\t \n"] {
                let allowed = format!("{first} {principals}\t{options} {key}  a comment\n");
                // A line without principals has its options or key for one.
                let case = Case::new(allowed, &signature, MESSAGE);
                yes += usize::from(bench.agree(&format!("{principals} {options}"), &case));
            }
        }
    }
    // 6 of 13 lists of principals hold `ana`, 7 of 13 options allow it.
    assert_eq!(yes, 6 * 7 * 3);
}

/// Lines thrown together from parts, right and wrong. Where the answers differ,
/// ours is the narrower one, and for one of two known reasons.
#[test]
fn lines_thrown_together_never_let_more_sign() {
    let bench = Bench::new();
    let key = bench.key("k", KINDS[0].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    let (mut dice, mut yes, mut narrower) = (Dice::new(2026), 0, 0);
    let principals = ["ana", "*", "a*", "!ana", "bea", "!bea", "?n?", "", "an a", "\"ana\"", "a\\na"];
    let options = [
        "namespaces=\"file\"",
        "namespaces=\"f*\"",
        "namespaces=\"fi\\\"le\"",
        "namespaces=\"a\\\\b,file\"",
        "namespaces=\"git\"",
        "namespaces=file",
        "namespaces =\"file\"",
        "valid-after=\"20260101Z\"",
        "valid-after=\"202601010000utc\"",
        "valid-before=\"20270101Z\"",
        "valid-before=\"20250101Z\"",
        "valid-before=\"2027-01-01\"",
        "cert-authority",
        "CERT-AUTHORITY",
        "no-cert-authority",
        "x",
        "",
    ];
    for _ in 0..700 {
        let who: Vec<_> = (0..=dice.below(3)).map(|_| dice.pick(&principals)).collect();
        let with: Vec<_> = (0..dice.below(3)).map(|_| dice.pick(&options)).collect();
        let between = dice.pick(&[",", ",", ",", ",,", ", ", ";"]);
        let (blank, end) =
            (dice.pick(&[" ", "\t", "  ", " \t "]), dice.pick(&["", " x", "\tx y", "\r", " \"", " #"]));
        let line = format!("{}{blank}{}{blank}{key}{end}\n", who.join(","), with.join(between));
        let case = Case::new(line.clone(), &signature, MESSAGE);
        if bench.not_more_lenient("thrown together", &case) {
            yes += 1;
        } else if bench.theirs(&case) {
            narrower += 1;
            // `ssh-keygen` passes over an option of no letters.
            let empty = with.len() > 1 && (between == ",," || with.contains(&""));
            assert!(line.contains("\"ana\"") || empty, "narrower, and not for a known reason: {line}");
        }
    }
    assert!(yes > 50 && narrower > 0, "{yes} {narrower}");
}

/// A list that is damaged never revokes less: what `ssh-keygen` refuses with
/// it, we refuse too.
#[test]
fn a_revocation_list_with_any_byte_changed_never_lets_more_sign() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    bench.key("k", KINDS[0].1);
    let other = bench.key("other", KINDS[0].1);
    bench.certify("ca", "k", &["-n", "ana", "-z", "7"]);
    let signature = bench.sign("k-cert", "file", MESSAGE, &[]);
    let spec = format!(
        "serial: 5-6\nserial: 8\nserial: 10\nserial: 12\nid: other\nsha1: {other}\nsha256: {other}\nkey: {other}\n"
    );
    let (path, out) = (bench.write("spec", spec.as_bytes()), bench.arg("list.krl"));
    bench.keygen(&["-q", "-k", "-f", &out, "-s", &bench.arg("ca.pub"), &path]);
    let good = bench.read("list.krl");
    let case = Case::new(format!("* cert-authority {authority}\n"), &signature, MESSAGE);
    bench.both("as it is", &Case { revoked: Some(good.clone()), ..case.clone() }, true);
    let mut yes = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let label = format!("byte {at} of {}", good.len());
        yes += usize::from(bench.not_more_lenient(&label, &Case { revoked: Some(bad), ..case.clone() }));
    }
    for cut in (8..good.len()).step_by(3) {
        let cut = Case { revoked: Some(good[..cut].to_vec()), ..case.clone() };
        yes += usize::from(bench.not_more_lenient("cut", &cut));
    }
    // The hashes and names of others may change; numbers and lengths may not.
    assert!(yes > 20 && yes < good.len(), "{yes}");
}

#[test]
fn lines_that_cannot_be_read_are_no_lines_for_both() {
    let bench = Bench::new();
    let key = bench.key("k", KINDS[0].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    let bad = [
        format!("ana made-up {key}"),
        format!("ana made-up=\"x\" {key}"),
        format!("ana namespaces=\"file\",made-up {key}"),
        format!("ana namespaces=file {key}"),
        format!("ana namespaces=\"file {key}"),
        format!("ana namespaces=\"file\",namespaces=\"file\" {key}"),
        format!("ana valid-after=\"soon\" {key}"),
        format!("ana valid-after=\"2026Z\" {key}"),
        format!("ana valid-after=\"20260701Z\",valid-before=\"20260601Z\" {key}"),
        format!("ana valid-before=\"20260601Z\",valid-before=\"20270601Z\" {key}"),
        format!("ana {}", &key[..key.len() - 4]),
        format!("ana {}", key.replace("ssh-ed25519", "ecdsa-sha2-nistp256")),
        "ana".to_owned(),
        "ana ssh-ed25519".to_owned(),
    ];
    for line in bad {
        bench.both(&line, &Case::new(format!("{line}\n"), &signature, MESSAGE), false);
        // The next line counts all the same.
        bench.both(&line, &Case::new(format!("{line}\nana {key}\n"), &signature, MESSAGE), true);
    }
    for (why, line) in [
        ("principals in quotes are not read", format!("\"ana\" {key}")),
        ("31 February is no day", format!("ana valid-after=\"20260231Z\" {key}")),
        ("hidden characters mislead a reader", format!("ana {key} a\u{202e}b")),
    ] {
        bench.stricter(why, &Case::new(format!("{line}\n"), &signature, MESSAGE), "unknown");
    }
    bench.both("carriage returns", &Case::new(format!("ana {key} x\r\n"), &signature, MESSAGE), true);
    bench.both("no line feed", &Case::new(format!("ana {key}"), &signature, MESSAGE), true);
    bench.both("nothing", &Case::new(String::new(), &signature, MESSAGE), false);
}

/// A time without `Z` means the reader's own zone to `ssh-keygen`. Here it is
/// the narrower one of all zones: yes is said only where every zone says yes.
#[test]
fn a_time_without_zone_is_answered_as_the_strictest_zone_does() {
    let bench = Bench::new();
    let key = bench.key("k", KINDS[0].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    // The easternmost and the westernmost zone, and two between.
    let zones = ["EAST-14", "IST-5:30", "UTC0", "WEST12"];
    let hour = 3600;
    for (option, border) in [
        ("valid-after=\"20260615\"", "2026-06-15T00:00:00Z"),
        ("valid-before=\"202606151200\"", "2026-06-15T12:00:00Z"),
        ("valid-after=\"20260615000000Z\"", "2026-06-15T00:00:00Z"),
    ] {
        let mut answers = Vec::new();
        for seconds in
            [-14 * hour - 1, -14 * hour, -14 * hour + 1, -1, 0, 1, 12 * hour - 1, 12 * hour, 12 * hour + 1]
        {
            let at = Timestamp::from_unix(time(border).unix() + seconds);
            let allowed = format!("ana {option} {key}\n");
            let case = Case { at, ..Case::new(allowed, &signature, MESSAGE) };
            let all = zones.iter().all(|zone| bench.theirs(&Case { zone, ..case.clone() }));
            assert_eq!(case.ours().is_ok(), all, "{option} {at}");
            answers.push(all);
        }
        assert!(answers.contains(&true) && answers.contains(&false), "{option}: {answers:?}");
    }
}

#[test]
fn who_is_no_longer_allowed_is_told_from_who_never_was() {
    let bench = Bench::new();
    let key = bench.key("k", KINDS[0].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    let word = |line: &str| Case::new(format!("{line} {key}\n"), &signature, MESSAGE).ours().unwrap_err();
    assert!(matches!(word("ana valid-before=\"20200101Z\""), Verdict::Expired { .. }));
    assert!(matches!(word("ana valid-after=\"20300101Z\""), Verdict::Expired { .. }));
    assert!(matches!(word("ana namespaces=\"git\""), Verdict::UnknownSigner { key: None, .. }));
    assert!(matches!(word("bea"), Verdict::UnknownSigner { key: None, .. }));
    assert!(word("bea").to_string().contains("not let sign as `ana`"), "{}", word("bea"));
}

#[test]
fn revoked_keys_are_refused_in_every_form_of_list() {
    let bench = Bench::new();
    let mut lines = Vec::new();
    for (name, kind) in KINDS {
        lines.push((name, bench.key(name, kind)));
    }
    for (name, key) in &lines {
        let allowed: String = lines.iter().map(|(_, key)| format!("ana {key}\n")).collect();
        let signature = bench.sign(name, "file", MESSAGE, &[]);
        let case = Case::new(allowed, &signature, MESSAGE);
        let path = bench.arg(&format!("{name}.pub"));
        let krl = |spec: &str| {
            let (spec, out) = (bench.write("spec", spec.as_bytes()), bench.arg("list.krl"));
            bench.keygen(&["-q", "-k", "-f", &out, "-z", "9", &spec]);
            bench.read("list.krl")
        };
        let direct = {
            let out = bench.arg("direct.krl");
            bench.keygen(&["-q", "-k", "-f", &out, &path]);
            bench.read("direct.krl")
        };
        let shown = bench.keygen(&["-l", "-f", &path]);
        let fingerprint = shown.split_whitespace().nth(1).unwrap();
        let lists = [
            ("plain", format!("# lost\n{key} comment\n").into_bytes()),
            ("krl", direct),
            ("krl key", krl(&format!("key: {key}\n"))),
            ("krl sha1", krl(&format!("sha1: {key}\n"))),
            ("krl sha256", krl(&format!("sha256: {key}\n"))),
            ("krl hash", krl(&format!("hash: {fingerprint}\n"))),
        ];
        for (label, list) in lists {
            bench.both(label, &Case { revoked: Some(list.clone()), ..case.clone() }, false);
            for (other, _) in lines.iter().filter(|(other, _)| other != name) {
                let signature = bench.sign(other, "file", MESSAGE, &[]);
                let case = Case { signature: &signature, revoked: Some(list.clone()), ..case.clone() };
                bench.both(label, &case, true);
            }
        }
        let revoked = Case { revoked: Some(format!("{key}\n").into_bytes()), ..case.clone() }.ours();
        assert!(matches!(revoked, Err(Verdict::Revoked { .. })), "{revoked:?}");
        for broken in [&b"SSHKRL\n\0"[..], b"ssh-ed25519 x\n", b"who knows\n"] {
            bench.both("a broken list", &Case { revoked: Some(broken.to_vec()), ..case.clone() }, false);
        }
        let empty = Case { revoked: Some(Vec::new()), ..case.clone() };
        bench.both("an empty list", &empty, true);
    }
}

#[test]
fn revoked_certificates_are_refused_by_number_range_bitmap_and_name() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    bench.key("other-ca", KINDS[1].1);
    let key = bench.key("k", KINDS[0].1);
    let many: String = (0..600).map(|n| format!("serial: {}\n", 2000 + n * 3)).collect();
    let specs = [
        ("serial: 7\n".to_owned(), vec![7]),
        ("serial: 5-8\nserial: 100\n".to_owned(), vec![5, 7, 8, 100]),
        // Close together, they become a bitmap.
        ("serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 12\n".to_owned(), vec![1, 3, 7, 12]),
        (many, vec![2000, 2003, 3797]),
        ("serial: 18446744073709551615\n".to_owned(), vec![u64::MAX]),
        ("id: an id\n".to_owned(), vec![1, 7, 100]),
        ("id: another id\n".to_owned(), vec![]),
        (format!("key: {authority}\n"), vec![1, 7]),
        (format!("key: {key}\n"), vec![1, 7]),
        (format!("sha256: {key}\n"), vec![1]),
    ];
    let serials = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 100, 101, 2000, 2001, 2003, 3797, 3800, u64::MAX];
    let mut signatures = Vec::new();
    for serial in serials {
        bench.certify("ca", "k", &["-n", "ana", "-z", &serial.to_string()]);
        signatures.push((serial, bench.sign("k-cert", "file", MESSAGE, &[])));
    }
    let allowed = format!("* cert-authority {authority}\n");
    let mut refused = 0;
    for (spec, some) in &specs {
        let (path, out) = (bench.write("spec", spec.as_bytes()), bench.arg("list.krl"));
        for by in ["ca.pub", "other-ca.pub", "none"] {
            let by = if by == "none" { "none".to_owned() } else { bench.arg(by) };
            bench.keygen(&["-q", "-k", "-f", &out, "-s", &by, &path]);
            let list = bench.read("list.krl");
            for (serial, signature) in &signatures {
                let case =
                    Case { revoked: Some(list.clone()), ..Case::new(allowed.clone(), signature, MESSAGE) };
                let label = format!("{serial} in {}", spec.lines().next().unwrap());
                let valid = bench.agree(&label, &case);
                refused += usize::from(!valid);
                if some.contains(serial) && !by.ends_with("other-ca.pub") {
                    assert!(!valid, "{label}");
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
    // Without a number, no list of numbers names it.
    bench.certify("ca", "k", &["-n", "ana"]);
    let signature = bench.sign("k-cert", "file", MESSAGE, &[]);
    let (path, out) = (bench.write("spec", b"serial: 1-18446744073709551615\n"), bench.arg("list.krl"));
    bench.keygen(&["-q", "-k", "-f", &out, "-s", &bench.arg("ca.pub"), &path]);
    let case = Case { revoked: Some(bench.read("list.krl")), ..Case::new(allowed, &signature, MESSAGE) };
    bench.both("no serial number", &case, true);
}

#[test]
fn a_plain_list_takes_certificates_with_their_key_and_with_their_authority() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    let key = bench.key("k", KINDS[1].1);
    let stranger = bench.key("stranger", KINDS[1].1);
    bench.certify("ca", "k", &["-n", "ana"]);
    let signature = bench.sign("k-cert", "file", MESSAGE, &[]);
    let case = Case::new(format!("* cert-authority {authority}\n"), &signature, MESSAGE);
    let certificate = bench.public("k-cert");
    for (line, valid) in [(&authority, false), (&key, false), (&certificate, false), (&stranger, true)] {
        let case = Case { revoked: Some(format!("{line}\n").into_bytes()), ..case.clone() };
        bench.both(line, &case, valid);
    }
}

/// A certificate in a list stands for its key, even one that could not be used
/// here: for a host, restricted, or by an authority of a kind that is not
/// evaluated.
#[test]
fn an_unusable_certificate_in_a_list_revokes_its_key_all_the_same() {
    let bench = Bench::new();
    bench.key("ca", KINDS[0].1);
    bench.key("rsa", &["-t", "rsa", "-b", "2048"]);
    let key = bench.key("k", KINDS[1].1);
    let signature = bench.sign("k", "file", MESSAGE, &[]);
    let case = Case::new(format!("ana {key}\n"), &signature, MESSAGE);
    let all: [(&str, &[&str]); 4] = [
        ("ca", &["-n", "ana", "-O", "force-command=x"]),
        ("ca", &["-h", "-n", "host"]),
        ("ca", &[]),
        ("rsa", &["-n", "ana"]),
    ];
    for (authority, more) in all {
        bench.certify(authority, "k", more);
        let list = format!("{}\n", bench.public("k-cert"));
        bench.both(authority, &Case { revoked: Some(list.into_bytes()), ..case.clone() }, false);
    }
}

/// Revocations that know times reach a certified key by each of its names.
#[test]
fn a_revoked_authority_key_or_principal_takes_the_certificate_along() {
    let bench = Bench::new();
    let authority = bench.key("ca", KINDS[0].1);
    bench.key("k", KINDS[1].1);
    bench.certify("ca", "k", &["-n", "ana,bea"]);
    let signature = bench.sign("k-cert", "file", MESSAGE, &[]);
    let case = Case::new(format!("* cert-authority {authority}\n"), &signature, MESSAGE);
    let signer = case.ours().unwrap().signer().clone();
    let other = Case { principal: "bea", ..case.clone() }.ours().unwrap().signer().clone();
    assert_ne!(signer, other);
    let named = |name: &str| {
        let shown = bench.keygen(&["-l", "-f", &bench.arg(name)]);
        let fingerprint = shown.split_whitespace().nth(1).unwrap().to_owned();
        skill_trust::model::signer::SignerId::parse(&format!("ssh:{fingerprint}")).unwrap()
    };
    for name in [signer, other, named("ca.pub"), named("k.pub")] {
        for (since, valid) in [("2026-06-15T12:00:00Z", false), ("2026-06-15T12:00:01Z", true)] {
            let mut list = Revocations::default();
            let entry = Entry { kind: Kind::Retired, since: Some(time(since)), feed: "a list".to_owned() };
            list.add(name.clone(), entry);
            let judged = case.ours_with(&list);
            assert_eq!(judged.is_ok(), valid, "{name} {since}: {judged:?}");
            assert!(valid || matches!(judged, Err(Verdict::Revoked { .. })));
        }
    }
}
