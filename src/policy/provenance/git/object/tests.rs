//! Strictness towards objects that git's own reader forgives.

use super::*;
use proptest::prelude::*;

const ID: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const ARMOURED: &str = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----";

fn commit(extra: &str) -> String {
    format!(
        "tree {ID}\nparent {ID}\nparent {ID}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n{extra}\nmessage\n"
    )
}

fn folded(name: &str, value: &str) -> String {
    format!("{name} {}\n", value.replace('\n', "\n "))
}

fn tag(body: &str) -> String {
    format!("object {ID}\ntype commit\ntag v1\ntagger a <a> 1 +0000\n\n{body}")
}

#[test]
fn a_commits_signature_is_its_header_and_the_rest_was_signed() {
    let plain = Commit::parse(commit("").as_bytes()).unwrap();
    assert_eq!((plain.tree.to_string().as_str(), plain.signature), (ID, None));

    let encoding = "encoding UTF-8\n";
    let raw =
        commit(&format!("{encoding}{}{}", folded("gpgsig", ARMOURED), folded("gpgsig-sha256", ARMOURED)));
    let read = Commit::parse(raw.as_bytes()).unwrap();
    let signature = read.signature.unwrap();
    assert_eq!(signature.armour, Armour::Ssh);
    assert_eq!(signature.text, ARMOURED.as_bytes());
    assert_eq!(String::from_utf8(signature.payload).unwrap(), commit(encoding));
    assert!(read.other_signature);

    // In the message, it is only text.
    let quoted = Commit::parse(format!("{}{ARMOURED}\n", commit("")).as_bytes()).unwrap();
    assert_eq!(quoted.signature, None);
}

#[test]
fn a_commit_that_two_readers_see_differently_is_refused() {
    let signature = folded("gpgsig", ARMOURED);
    let table = [
        (commit(&format!("{signature}{signature}")), "twice"),
        (commit(&format!("{signature}encoding x\n{signature}")), "twice"),
        (commit(&folded("gpgsig-sha512", ARMOURED)), "gpgsig-sha512"),
        (commit(&folded("gpgsigx", ARMOURED)), "gpgsigx"),
        (commit(&folded("gpgsig", "x")), "no known kind"),
        (commit(&format!("tree {ID}\n")), "should not"),
        (commit(&format!("parent {ID}\n")), "should not"),
        (commit("author b <b> 1 +0000\n"), "should not"),
        (commit("").replacen("tree", "Tree", 1), "0 times"),
        (commit("").replacen(ID, &ID.to_uppercase(), 1), "40 hex"),
        (commit("").replacen(ID, &format!("{ID}0"), 1), "40 hex"),
        (commit("").replacen("tree ", "tree  ", 1), "40 hex"),
        (commit("").replacen("\nparent", "\n x\nparent", 1), "more than one line"),
        (commit("").replacen("author", "tree 1\nauthor", 1), "0 times"),
        (format!(" x\n{}", commit("")), "folded"),
        (commit("").replacen('\n', "\r\n", 1), "carriage"),
        (commit("mergetag x\0\n"), "NUL"),
        (commit("odd\n"), "is none"),
        (format!("tree {ID}\n"), "does not end"),
        (String::new(), "does not end"),
    ];
    for (raw, said) in table {
        let why = Commit::parse(raw.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(said), "{raw}: {why}, not {said}");
    }
}

#[test]
fn a_tags_signature_is_its_tail() {
    assert_eq!(Tag::parse(tag("message\n").as_bytes()).unwrap().signature, None);
    let raw = tag(&format!("message\n{ARMOURED}\n"));
    let read = Tag::parse(raw.as_bytes()).unwrap();
    let signature = read.signature.unwrap();
    assert_eq!(String::from_utf8(signature.payload).unwrap(), tag("message\n"));
    assert_eq!(signature.text, format!("{ARMOURED}\n").into_bytes());
    assert_eq!(
        (read.name.as_str(), read.target),
        ("v1", Target::Commit(Id::from_hex(ID.as_bytes()).unwrap()))
    );

    // The last one counts, as for git.
    let twice = tag(&format!("-----BEGIN PGP SIGNATURE-----\nx\n{ARMOURED}\n"));
    let signature = Tag::parse(twice.as_bytes()).unwrap().signature.unwrap();
    assert_eq!(signature.armour, Armour::Ssh);
    assert!(String::from_utf8(signature.payload).unwrap().ends_with("-----BEGIN PGP SIGNATURE-----\nx\n"));

    // In the middle of a line, or indented, it is only text.
    for text in [format!("x {ARMOURED}"), format!(" {ARMOURED}")] {
        assert_eq!(Tag::parse(tag(&text).as_bytes()).unwrap().signature, None, "{text}");
    }
    let at_once = Tag::parse(tag(ARMOURED).as_bytes()).unwrap().signature.unwrap();
    assert_eq!(String::from_utf8(at_once.payload).unwrap(), tag(""));

    let other = tag(&format!("m\n{ARMOURED}\n")).replacen(
        "\n\n",
        &format!("\n{}\n", folded("gpgsig-sha256", ARMOURED)),
        1,
    );
    let read = Tag::parse(other.as_bytes()).unwrap();
    assert!(read.other_signature);
    assert_eq!(String::from_utf8(read.signature.unwrap().payload).unwrap(), tag("m\n"));
}

#[test]
fn a_tag_that_two_readers_see_differently_is_refused() {
    let header = folded("gpgsig", ARMOURED);
    let table = [
        (tag("").replacen("\n\n", &format!("\n{header}\n"), 1), "as a header"),
        (tag("").replacen("type commit", "type tree", 1), "neither"),
        (tag("").replacen("type commit\n", "type commit\ntype tag\n", 1), "2 times"),
        (tag("").replacen("tagger", "tag v2\ntagger", 1), "2 times"),
        (tag("").replacen("\n\n", &format!("\nobject {ID}\n\n"), 1), "should not"),
        (tag("").replacen("object", "objekt", 1), "0 times"),
        (tag("").replacen("tag v1\n", "", 1), "0 times"),
    ];
    for (raw, said) in table {
        let why = Tag::parse(raw.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(said), "{raw}: {why}, not {said}");
    }
}

#[test]
fn a_folder_is_found_once_or_not_at_all() {
    let row =
        |mode: &str, name: &str, id: u8| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[id; 20]].concat();
    let tree = [row("100644", "a", 1), row("40000", "b", 2), row("40000", "b.c", 3)].concat();
    assert_eq!(folder_in(&tree, "b"), Ok(Id([2; 20])));
    for (tree, name, said) in [
        (tree.clone(), "a", "no folder"),
        (tree.clone(), "c", "has no folder"),
        (tree.clone(), "", "has no folder"),
        ([row("40000", "b", 1), row("40000", "b", 2)].concat(), "b", "two entries"),
        ([row("100644", "b", 1), row("40000", "b", 2)].concat(), "b", "two entries"),
        (row("040000", "b", 1), "b", "no folder"),
        (row("120000", "b", 1), "b", "no folder"),
        (tree[..tree.len() - 1].to_vec(), "b", "cannot be read"),
        (b"x".to_vec(), "b", "cannot be read"),
    ] {
        let why = folder_in(&tree, name).unwrap_err().to_string();
        assert!(why.contains(said), "{why}, not {said}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), text in "[a-z \n\0-]{0,80}") {
        let _ = (Commit::parse(&bytes), Tag::parse(&bytes), folder_in(&bytes, "a"));
        let _ = (Commit::parse(text.as_bytes()), Tag::parse(text.as_bytes()), folder_in(text.as_bytes(), "a"));
        let _ = (Commit::parse(commit(&text).as_bytes()), Tag::parse(tag(&text).as_bytes()));
    }

    #[test]
    fn what_is_signed_is_the_object_without_its_signature(message in "[a-z \n-]{0,40}", encoding in "[a-z]{1,5}") {
        let plain = format!("{}{message}", commit(&format!("encoding {encoding}\n")));
        let signed = plain.replacen("encoding", &format!("{}encoding", folded("gpgsig", ARMOURED)), 1);
        prop_assert_eq!(Commit::parse(signed.as_bytes()).unwrap().signature.unwrap().payload, plain.into_bytes());
        let signed = format!("{}\n{ARMOURED}", tag(&message));
        let found = Tag::parse(signed.as_bytes()).unwrap().signature.unwrap();
        prop_assert_eq!([found.payload, found.text].concat(), signed.into_bytes());
    }
}
