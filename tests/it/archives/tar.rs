//! Tar files made to harm, by the rows of the list of attacks they belong to.

use super::make::{Item, gzip, outcome, pax, tar};
use crate::sources::repo::CARD;

fn card() -> Item {
    Item::file("SKILL.md", CARD)
}

/// What comes of these entries behind a good one.
fn code_of(items: &[Item]) -> String {
    code_of_bytes(&tar(&[&[card()], items].concat()))
}

fn code_of_bytes(bytes: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    match outcome(scratch.path(), "x.tar.gz", &gzip(bytes)) {
        Ok(files) => format!("taken: {}", files.into_keys().collect::<Vec<_>>().join(" ")),
        Err(code) => code,
    }
}

#[track_caller]
fn refused(items: &[Item], code: &str) {
    assert_eq!(code_of(items), code);
}

#[test]
fn ordinary_entries_are_taken() {
    assert_eq!(code_of(&[]), "taken: SKILL.md");
    assert_eq!(code_of(&[Item::folder("a/"), Item::file("a/b", "x")]), "taken: SKILL.md a/b");
    assert_eq!(
        code_of(&[Item::file("a", "x").gnu(), Item::folder("b").gnu(), Item::file("b/c", "")]),
        "taken: SKILL.md a b/c"
    );
    let long = "d/".repeat(10) + &"n".repeat(150);
    assert_eq!(
        code_of(&[pax(b'x', &[("path", &long)]), Item::file("short", "x")]),
        format!("taken: SKILL.md {long}")
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let of_git = tar(&[pax(b'g', &[("comment", commit)]), card()]);
    assert_eq!(code_of_bytes(&of_git), "taken: SKILL.md");
}

#[test]
fn attack_row_1_dots() {
    for name in ["../x", "a/../../x", "a/..", ".."] {
        refused(&[Item::file(name, "x")], "name-dots");
    }
    refused(&[pax(b'x', &[("path", "../x")]), Item::file("x", "x")], "name-dots");
    refused(&[pax(b'x', &[("path", "x")]), Item::file("../x", "x")], "tar-pax-conflict");
    // The beginning of a name has a field of its own.
    refused(&[Item::file("x", "x").with(345, b"..")], "name-dots");
}

#[test]
fn attack_row_2_absolute_names() {
    for name in ["/etc/passwd", "//host/x", "C:x", "c:/x"] {
        refused(&[Item::file(name, "x")], "name-absolute");
    }
    refused(&[Item::file("\\\\host\\x", "x")], "name-backslash");
    refused(&[Item::file("a\\..\\x", "x")], "name-backslash");
    refused(&[Item::file("ab:c", "x")], "archive-colon");
    refused(&[Item::file("x", "x").with(345, b"/etc")], "name-absolute");
}

#[test]
fn attack_row_3_a_link_and_a_write_through_it() {
    let link = Item::new(b'2', "a", b"").with(157, b"/tmp");
    refused(&[link.clone(), Item::file("a/x", "x")], "archive-link-target");
    refused(&[link], "archive-link-target");
    let inside = Item::new(b'2', "a", b"").with(157, b"SKILL.md");
    refused(&[inside.clone(), Item::file("a/x", "x")], "archive-link-as-folder");
    refused(&[Item::file("a/x", "x"), inside.clone()], "archive-link-as-folder");
    refused(&[Item::file("A/x", "x"), inside], "entry-collision");
    refused(&[pax(b'x', &[("linkpath", "/tmp")]), Item::new(b'2', "a", b"")], "tar-pax-conflict");
}

#[test]
fn attack_row_4_a_link_and_a_folder_of_its_name() {
    let link = Item::new(b'2', "a", b"").with(157, b"b");
    refused(&[link.clone(), Item::folder("a/")], "archive-link-as-folder");
    refused(&[Item::folder("a/"), link], "archive-link-as-folder");
}

#[test]
fn attack_row_5_hard_links() {
    refused(&[Item::new(b'1', "a", b"").with(157, b"SKILL.md")], "entry-hard-link");
    refused(&[Item::new(b'1', "a", b"").with(157, b"/etc/shadow")], "entry-hard-link");
    // A file that carries the name of a link.
    refused(&[Item::file("a", "x").with(157, b"SKILL.md")], "tar-reserved");
}

#[test]
fn attack_row_6_devices_and_fifos() {
    for kind in [b'3', b'4', b'6'] {
        refused(&[Item::new(kind, "a", b"")], "entry-special-file");
    }
    refused(&[Item::file("a", "x").with(329, b"0000001\0")], "tar-reserved");
}

#[test]
fn attack_row_7_set_id_bits() {
    for mode in ["0004755", "0002755", "0001755"] {
        refused(&[Item::file("a", "x").with(100, mode.as_bytes())], "entry-set-id");
        refused(&[Item::folder("a/").with(100, mode.as_bytes())], "entry-set-id");
    }
    refused(&[Item::file("a", "x").with(100, b"0120644\0")], "tar-number");
    refused(&[Item::file("a", "x").with(100, b"0040644\0")], "tar-number");
    assert_eq!(code_of(&[Item::file("a", "x").with(100, b"0100644\0")]), "taken: SKILL.md a");
    // Other bits than the owner's right to execute do not matter.
    assert_eq!(code_of(&[Item::file("a", "x").with(100, b"0000666\0")]), "taken: SKILL.md a");
}

#[test]
fn attack_row_8_sparse_files() {
    refused(&[Item::new(b'S', "a", b"x").gnu()], "tar-sparse");
    refused(&[pax(b'x', &[("GNU.sparse.size", "1000000")]), Item::file("a", "x")], "tar-pax-key");
    refused(&[Item::file("a", "x").gnu().with(386, b"00000000000\0")], "tar-reserved");
}

#[test]
fn attack_row_9_two_sizes() {
    // One reader skips 1024 bytes, the other reads a header there.
    let hidden = Item::file("hidden", "");
    let data = [hidden.bytes(), hidden.bytes()].concat();
    let outer = Item::new(b'0', "a", &data);
    let smaller = outer.clone().with(124, b"00000000000\0");
    for (item, sizes) in [(outer, ["0", "512", "1536"]), (smaller, ["512", "1024", "1"])] {
        for size in sizes {
            refused(&[pax(b'x', &[("size", size)]), item.clone()], "tar-pax-conflict");
        }
    }
    assert_eq!(code_of(&[pax(b'x', &[("size", "1")]), Item::file("a", "x")]), "taken: SKILL.md a");
    refused(&[pax(b'g', &[("size", "0")]), Item::file("a", "x")], "tar-pax-global");
    let first = tar(&[pax(b'g', &[("path", "other")]), card()]);
    assert_eq!(code_of_bytes(&first), "tar-pax-global");
    let twice = [pax(b'x', &[("path", "b")]), pax(b'x', &[("path", "c")]), Item::file("a", "x")];
    refused(&twice, "tar-two-names");
    for key in ["linkpath", "uid", "hdrcharset", "SCHILY.xattr.user.x", "comment"] {
        refused(&[pax(b'x', &[(key, "1")]), Item::file("a", "x")], "tar-pax-key");
    }
}

#[test]
fn attack_row_10_two_long_names() {
    let name = "n".repeat(120);
    let long = Item::new(b'L', "././@LongLink", format!("{name}\0").as_bytes()).gnu();
    let short = Item::file(&name[..100], "x").gnu();
    assert_eq!(code_of(&[long.clone(), short.clone()]), format!("taken: SKILL.md {name}"));
    refused(&[long.clone(), pax(b'x', &[("path", "b")]), short.clone()], "tar-two-names");
    refused(&[pax(b'x', &[("path", "b")]), long.clone(), short.clone()], "tar-two-names");
    refused(&[long.clone(), long.clone(), short.clone()], "tar-two-names");
    refused(&[long.clone(), Item::file("other", "x").gnu()], "tar-long-name");
    refused(&[long.clone(), Item::file(&name[..100], "x")], "tar-long-name");
    for body in [format!("{name}\0y\0"), name.clone(), "short\0".to_owned()] {
        let odd = Item::new(b'L', "././@LongLink", body.as_bytes()).gnu();
        refused(&[odd, short.clone()], "tar-long-name");
    }
    refused(&[Item::new(b'K', "././@LongLink", format!("{name}\0").as_bytes()).gnu(), short], "tar-type");
    assert_eq!(code_of_bytes(&tar(&[card(), long])), "tar-dangling");
}

#[test]
fn attack_row_11_entries_that_meet() {
    refused(&[card()], "archive-duplicate");
    refused(&[Item::folder("a/"), Item::folder("a")], "archive-duplicate");
    refused(&[Item::file("a", "x"), Item::folder("a/")], "archive-file-as-folder");
    refused(&[Item::file("a", "x"), Item::file("a/b", "x")], "archive-file-as-folder");
    refused(&[Item::file("a/b", "x"), Item::file("a", "x")], "archive-file-as-folder");
    refused(&[Item::file("skill.md", "x")], "entry-collision");
    refused(&[Item::file("A/b", "x"), Item::file("a/c", "x")], "entry-collision");
    refused(&[Item::file("./a", "x")], "archive-mixed-dot");
}

#[test]
fn attack_row_12_the_end() {
    let good = tar(&[card()]);
    let more = tar(&[card(), Item::file("a", "x")]);
    assert_eq!(code_of_bytes(&[good.clone(), more.clone()].concat()), "tar-trailing");
    assert_eq!(code_of_bytes(&[good.clone(), b"x".to_vec()].concat()), "tar-trailing");
    assert_eq!(code_of_bytes(&[good.clone(), vec![0; 2 << 20]].concat()), "tar-trailing");
    let at = card().bytes().len();
    assert_eq!(code_of_bytes(&good[..at]), "tar-end");
    assert_eq!(code_of_bytes(&good[..at + 512]), "tar-end");
    assert_eq!(code_of_bytes(&good[..at + 1000]), "tar-end");
    assert_eq!(code_of_bytes(&good[..at + 1024]), "taken: SKILL.md");
    assert_eq!(code_of_bytes(&[&good[..at], &[0; 512], &more[at..]].concat()), "tar-trailing");
    assert_eq!(code_of_bytes(&good[..at - 200]), "archive-truncated");
    assert_eq!(code_of_bytes(&[0; 1024]), "archive-empty");
    assert_eq!(code_of_bytes(b""), "tar-end");
    let mut hidden = good;
    hidden[at - 1] = 1;
    assert_eq!(code_of_bytes(&hidden), "tar-reserved");
}

#[test]
fn attack_row_13_numbers_and_checksums() {
    for at in [100, 108, 116, 124, 136] {
        for bytes in
            [&b"\x80\0\0\0\0\0\0\x01"[..], b"-000001\0", b"     01\0", b"0000009\0", b"\0\0\0\0\0\0\0\0"]
        {
            refused(&[Item::file("a", "x").with(at, bytes)], "tar-number");
        }
    }
    let mut wrong = Item::file("a", "x");
    wrong.head[0] = b'b';
    refused(&[wrong.clone()], "tar-checksum");
    wrong.head[148..156].copy_from_slice(b"        ");
    refused(&[wrong], "tar-number");
    for magic in [&b"\0\0\0\0\0\0\0\0"[..], b"ustar\x0001", b"ustar \x000", b"USTAR\x0000"] {
        refused(&[Item::file("a", "x").with(257, magic)], "tar-format");
    }
    refused(&[Item::file("a", "x").with(500, b"tar\0")], "tar-reserved");
}

#[test]
fn attack_row_14_names_that_are_none() {
    refused(&[Item::file("", "x")], "name-empty");
    refused(&[Item::file(".", "x")], "archive-mixed-dot");
    refused(&[Item::file("a//b", "x")], "name-empty");
    refused(&[Item::file("a/", "x")], "archive-file-slash");
    refused(&[Item::folder("./")], "archive-mixed-dot");
    refused(&[Item::new(b'5', "a/", b"x")], "archive-folder-data");
    refused(&[Item::file("a", "x").with(3, b"hidden")], "tar-reserved");
    for kind in [0, b'7', b'D', b'M', b'N', b'V', b'X', b'Z', b'A'] {
        refused(&[Item::new(kind, "a", b"")], "tar-type");
    }
    for (name, code) in [("\u{1b}[2J", "name-hidden-character"), ("a\u{202e}", "name-hidden-character")] {
        refused(&[Item::file(name, "x")], code);
    }
    refused(&[Item::file("x", "x").with(0, b"\xff")], "name-not-utf8");
    refused(&[Item::file("e\u{301}", "x")], "name-not-nfc");
    refused(&[Item::file("a/.git/config", "x")], "name-dot-git");
    refused(&[Item::file("aux.txt", "x")], "name-device");
    refused(&[Item::file("._SKILL.md", "x")], "tar-appledouble");
    refused(&[Item::file("a/._b", "x")], "tar-appledouble");
    refused(&[Item::file("SKILL.md;1", "x")], "archive-version");
    let late = [pax(b'x', &[("mtime", "999999999999")]), Item::file("a", "x")];
    refused(&late, "tar-pax");
}

#[test]
fn an_empty_folder_inside_a_skill_is_refused_as_from_a_folder() {
    refused(&[Item::folder("a/")], "entry-empty-folder");
    refused(&[Item::folder("a/"), Item::folder("a/b/")], "entry-empty-folder");
    let other = tar(&[Item::folder("s/"), Item::file("s/SKILL.md", CARD), Item::folder("empty/")]);
    assert_eq!(code_of_bytes(&other), "taken: s/SKILL.md");
}
