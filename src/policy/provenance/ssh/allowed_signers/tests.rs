use super::*;
use proptest::prelude::*;

fn key(seed: u8) -> PublicKey {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap()
}

fn list(text: &str) -> AllowedSigners {
    AllowedSigners::parse(text.replace("KEY", &key(1).to_text()).as_bytes()).unwrap()
}

fn allowed(text: &str, principal: &str, namespace: &str, at: i64) -> bool {
    let identity = Identity::from(key(1));
    let list = list(text);
    assert!(list.faults().is_empty(), "{:?}", list.faults());
    let at = Timestamp::from_unix(at);
    list.naming(&identity, Some(principal)).any(|(line, _)| line.allows(namespace, at).is_ok())
}

#[test]
fn principals_are_patterns_and_one_with_a_mark_takes_out() {
    let table = [
        ("ana", "ana", true),
        ("ana,bea", "bea", true),
        ("ana", "an", false),
        ("a*", "ana", true),
        ("*@x", "a@x", true),
        ("*@x", "a@xy", false),
        ("a?a", "ana", true),
        ("a?a", "aa", false),
        ("*,!eve", "ana", true),
        ("*,!eve", "eve", false),
        ("!eve,*", "eve", false),
        ("!eve", "ana", false),
        ("!e*,eve,*", "eve", false),
        ("ana", "Ana", false),
        ("ana,", "", true),
    ];
    for (patterns, name, fine) in table {
        assert_eq!(allowed(&format!("{patterns} KEY"), name, "git", 0), fine, "{patterns} {name}");
    }
}

#[test]
fn a_list_that_holds_nobody_lets_nobody_sign_where_no_name_is_asked_for() {
    let table = [
        ("ana", true),
        ("*", true),
        ("a?,!ab", true),
        ("*,!ana", true),
        ("!eve,ana", true),
        ("!ana", false),
        ("!*", false),
        ("!*,ana", false),
        ("ana,!a*", false),
    ];
    let identity = Identity::from(key(1));
    for (patterns, fine) in table {
        let list = list(&format!("{patterns} KEY"));
        assert_eq!(list.naming(&identity, None).count() > 0, fine, "{patterns}");
    }
}

#[test]
fn options_narrow() {
    let day = |text: &str| ListTime::parse(text).unwrap().as_begin().unix();
    let table = [
        (r#"namespaces="git""#, "git", 0, true),
        (r#"namespaces="file,git""#, "git", 0, true),
        (r#"namespaces="g*,!git""#, "git", 0, false),
        (r#"namespaces="file""#, "git", 0, false),
        (r#"NameSpaces="git""#, "git", 0, true),
        (r#"valid-after="20260101Z""#, "git", day("20260101Z"), true),
        (r#"valid-after="20260101Z""#, "git", day("20260101Z") - 1, false),
        (r#"valid-before="20260101Z""#, "git", day("20260101Z"), true),
        (r#"valid-before="20260101Z""#, "git", day("20260101Z") + 1, false),
        (r#"valid-after="20260101Z",valid-before="20260201Z""#, "git", day("20260115Z"), true),
        (r#"valid-after="20260101""#, "git", day("20260101Z") + 12 * 3600 - 1, false),
        (r#"valid-before="20260101""#, "git", day("20260101Z") - 14 * 3600 + 1, false),
    ];
    for (options, namespace, at, fine) in table {
        assert_eq!(allowed(&format!("* {options} KEY x y"), "ana", namespace, at), fine, "{options} {at}");
    }
    assert!(!allowed("* cert-authority KEY", "ana", "git", 0), "an authority is no signer");
}

#[test]
fn a_line_that_is_not_understood_lets_nobody_sign_and_is_named() {
    let table = [
        ("* made-up KEY", "made-up"),
        ("* made-up=\"1\" KEY", "made-up"),
        ("* namespaces=\"git\",no-touch-required KEY", "no-touch-required"),
        ("* namespaces=git KEY", "quote"),
        ("* namespaces KEY", "namespaces"),
        ("* namespaces=\"git KEY", "not closed"),
        ("* namespaces=\"git\",namespaces=\"x\" KEY", "twice"),
        ("* valid-after=\"20260101Z\",valid-after=\"20260101Z\" KEY", "twice"),
        ("* valid-after=\"soon\" KEY", "soon"),
        ("* valid-after=\"20260201Z\",valid-before=\"20260101Z\" KEY", "before it begins"),
        ("* cert-authority=\"x\" KEY", "cert-authority"),
        ("* cert-authority, KEY", "unknown"),
        ("* namespaces=\"git\"x KEY", "no key"),
        ("* cert-authority", "no key"),
        ("ana", "no key"),
        ("\"ana bea\" KEY", "quotes"),
        ("* ssh-rsa AAAAB3NzaC1yc2EAAAABAwAAAAEB", "ssh-rsa"),
        ("* ssh-ed25519 AAAA", "cut off"),
        ("* ssh-ed25519 %%%", "base64"),
        ("* ssh-ed25519", "cut off"),
        ("a\u{202e}b KEY", "hidden"),
        (
            "* ecdsa-sha2-nistp256 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
            "another kind",
        ),
        ("* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "weak"),
    ];
    for (text, said) in table {
        let list = list(&format!("# first\n\n{text}\n* KEY\n"));
        assert_eq!(list.len(), 1, "{text}");
        let [fault] = list.faults() else { panic!("{text}: {:?}", list.faults()) };
        assert_eq!(fault.number, 3);
        assert!(fault.why.contains(said), "{text}: {}", fault.why);
    }
    let cut = AllowedSigners::parse(b"\xff\n").unwrap();
    assert_eq!((cut.len(), cut.faults().len()), (0, 1));
    assert!(AllowedSigners::parse(&vec![b' '; LIST_MAX + 1]).is_err());
}

#[test]
fn the_people_of_a_key_are_found_again() {
    let list = list("ana KEY\nbea cert-authority KEY\ncaro KEY\n");
    assert_eq!(list.principals_of(&key(1).signer()), ["ana", "caro"]);
    let by_authority = SignerId::ssh_authority(&key(1).digest(), "bea").unwrap();
    assert_eq!(list.principals_of(&by_authority), ["bea"]);
    assert!(list.principals_of(&key(2).signer()).is_empty());
}

proptest! {
    #[test]
    fn a_pattern_fits_what_its_definition_says(name in "[ab]{0,8}", pattern in "[ab?*]{0,8}") {
        fn slow(name: &[u8], pattern: &[u8]) -> bool {
            match (name, pattern) {
                ([], []) => true,
                (_, [b'*', rest @ ..]) => (0..=name.len()).any(|skip| slow(&name[skip..], rest)),
                ([_, name @ ..], [b'?', rest @ ..]) => slow(name, rest),
                ([a, name @ ..], [b, rest @ ..]) => a == b && slow(name, rest),
                _ => false,
            }
        }
        prop_assert_eq!(fits(name.as_bytes(), pattern.as_bytes()), slow(name.as_bytes(), pattern.as_bytes()));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z\"\\\\=, \t!*#\u{e9}]{0,60}") {
        let _ = AllowedSigners::parse(text.as_bytes());
    }
}
