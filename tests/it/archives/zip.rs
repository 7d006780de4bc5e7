//! Zip files made to harm, by the rows of the list of attacks they belong to.

use super::make::{Part, crc, deflated, end, outcome, zip};
use crate::sources::repo::CARD;

fn card() -> Part {
    Part::file("SKILL.md", CARD)
}

fn code_of(parts: &[Part]) -> String {
    code_of_bytes(&zip(&[&[card()], parts].concat()))
}

fn code_of_bytes(bytes: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    match outcome(scratch.path(), "x.zip", bytes) {
        Ok(files) => format!("taken: {}", files.into_keys().collect::<Vec<_>>().join(" ")),
        Err(code) => code,
    }
}

#[track_caller]
fn refused(part: Part, code: &str) {
    assert_eq!(code_of(&[part]), code);
}

fn field(id: u16, bytes: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

#[test]
fn ordinary_entries_are_taken() {
    assert_eq!(code_of(&[]), "taken: SKILL.md");
    let parts = [Part::folder("a/"), Part::file("a/b", "x").packed(), Part::file("a/c", "yy").described()];
    assert_eq!(code_of(&parts), "taken: SKILL.md a/b a/c");
    let times =
        Part { extra: field(0x5455, &[3; 5]), local_extra: field(0x5455, &[3; 9]), ..Part::file("a", "x") };
    assert_eq!(code_of(&[times]), "taken: SKILL.md a");
    let name = Part { flags: 1 << 11, ..Part::file("ö", "x") };
    assert_eq!(code_of(&[name]), "taken: SKILL.md ö");
}

#[test]
fn attack_row_15_the_two_headers_differ() {
    let other = Part { local_name: Some(b"b".to_vec()), ..Part::file("a", "x") };
    refused(other, "zip-local");
    let longer = Part { local_name: Some(b"bb".to_vec()), ..Part::file("a", "x") };
    refused(longer, "zip-local");
    // Version, flags, method, time, checksum, packed size, size.
    for (at, bytes) in [
        (4, &b"\x0a\0"[..]),
        (6, b"\x00\x08"),
        (8, b"\x08\0"),
        (10, b"\x01\0"),
        (14, b"\0\0\0\0"),
        (18, b"\x02\0\0\0"),
        (22, b"\x02\0\0\0"),
    ] {
        let part = Part { local_edit: vec![(at, bytes.to_vec())], ..Part::file("a", "x") };
        refused(part, "zip-local");
    }
    // In the directory alone.
    for (at, bytes, code) in [
        (16, &b"\0\0\0\0"[..], "zip-local"),
        (20, b"\x02\0\0\0", "zip-data"),
        (24, b"\x02\0\0\0", "zip-data"),
        (10, b"\x08\0", "zip-local"),
    ] {
        let part = Part { central_edit: vec![(at, bytes.to_vec())], ..Part::file("a", "x") };
        refused(part, code);
    }
}

#[test]
fn attack_row_16_around_the_archive() {
    let good = zip(&[card()]);
    assert_eq!(code_of_bytes(&[b"#!/bin/sh\n".to_vec(), good.clone()].concat()), "zip-end");
    for more in [&b"\0"[..], b"\n", &good] {
        let code = code_of_bytes(&[good.clone(), more.to_vec()].concat());
        assert_eq!(code, "zip-end", "{more:02x?}");
    }
    // With offsets that are right: something before the first entry.
    let part = card();
    let mut before = b"MZ".to_vec();
    before.extend(part.local());
    let start = before.len();
    let directory = part.central(2);
    before.extend(&directory);
    before.extend(end(1, directory.len(), start));
    assert_eq!(code_of_bytes(&before), "zip-tiling");
    // A comment, and one that is an end record.
    let mut comment = good.clone();
    comment.truncate(good.len() - 2);
    comment.extend([22, 0]);
    comment.extend(end(0, 0, good.len()));
    assert_eq!(code_of_bytes(&comment), "zip-tiling");
    let mut said = good.clone();
    let at = said.len() - 2;
    said[at] = 1;
    assert_eq!(code_of_bytes(&said), "zip-comment");
    let commented = Part { comment: b"hello".to_vec(), ..Part::file("a", "x") };
    refused(commented, "zip-comment");
    for cut in 1..good.len() {
        assert!(!code_of_bytes(&good[..cut]).starts_with("taken"), "{cut}");
    }
    assert_eq!(code_of_bytes(&end(0, 0, 0)), "archive-empty");
    assert_eq!(code_of_bytes(b""), "zip-end");
}

#[test]
fn attack_row_16_numbers_of_the_end_record() {
    let good = zip(&[card(), Part::file("a", "x")]);
    let at = good.len() - 22;
    for (field, code) in
        [(4, "zip-end"), (6, "zip-end"), (8, "zip-end"), (10, "zip-end"), (12, "zip-end"), (16, "zip-end")]
    {
        let mut bad = good.clone();
        bad[at + field] ^= 1;
        assert_eq!(code_of_bytes(&bad), code, "{field}");
    }
    for (entries, code) in [(1, "zip-directory"), (3, "zip-directory")] {
        let mut bad = good.clone();
        (bad[at + 8], bad[at + 10]) = (entries, entries);
        assert_eq!(code_of_bytes(&bad), code);
    }
}

#[test]
fn attack_row_17_entries_that_overlap_or_leave_gaps() {
    let (one, two) = (card(), Part::file("a", "xyz"));
    let make = |first: u32, second: u32, between: &[u8]| {
        let mut out = [one.local(), between.to_vec(), two.local()].concat();
        let start = out.len();
        let directory = [one.central(first), two.central(second)].concat();
        out.extend(&directory);
        out.extend(end(2, directory.len(), start));
        code_of_bytes(&out)
    };
    let size = one.local().len() as u32;
    assert_eq!(make(0, size, b""), "taken: SKILL.md a");
    assert_eq!(make(0, size + 1, b"x"), "zip-tiling");
    assert_eq!(make(0, 0, b""), "zip-tiling");
    assert_eq!(make(size, 0, b""), "zip-tiling");
    assert_eq!(make(0, size - 1, b""), "zip-tiling");
    // Two names for one place: a bomb of few bytes.
    let mut shared = one.local();
    let start = shared.len();
    let directory = [one.central(0), Part { name: b"b".to_vec(), ..one.clone() }.central(0)].concat();
    shared.extend(&directory);
    shared.extend(end(2, directory.len(), start));
    assert_eq!(code_of_bytes(&shared), "zip-tiling");
    // An entry that the directory does not know.
    let mut unknown = [one.local(), two.local()].concat();
    let start = unknown.len();
    let directory = one.central(0);
    unknown.extend(&directory);
    unknown.extend(end(1, directory.len(), start));
    assert_eq!(code_of_bytes(&unknown), "zip-tiling");
}

#[test]
fn attack_row_18_zip64() {
    let extra = field(1, &[0; 16]);
    refused(Part { extra: extra.clone(), ..Part::file("a", "x") }, "zip-zip64");
    refused(Part { local_extra: extra, ..Part::file("a", "x") }, "zip-zip64");
    for at in [20, 24, 42] {
        let part = Part { central_edit: vec![(at, vec![0xff; 4])], ..Part::file("a", "x") };
        refused(part, "zip-zip64");
    }
    let needs = Part {
        central_edit: vec![(6, vec![45, 0])],
        local_edit: vec![(4, vec![45, 0])],
        ..Part::file("a", "x")
    };
    refused(needs, "zip-version");
    for (needed, code) in [(vec![10, 3], "taken: SKILL.md a"), (vec![10, 7], "zip-version")] {
        let (local_edit, central_edit) = (vec![(4, needed.clone())], vec![(6, needed)]);
        assert_eq!(code_of(&[Part { local_edit, central_edit, ..Part::file("a", "x") }]), code);
    }
    // A locator in the last name, just where readers look for one.
    let mut name = b"PK\x06\x07".to_vec();
    name.resize(20, b'x');
    let hidden = Part { name, ..Part::file("", "x") };
    refused(hidden, "zip-zip64");
    let good = zip(&[card()]);
    let at = good.len() - 22;
    for field in [8, 12, 16] {
        let mut bad = good.clone();
        bad[at + field..at + field + 4].fill(0xff);
        assert_eq!(code_of_bytes(&bad), "zip-zip64");
    }
}

#[test]
fn attack_row_19_two_names_and_encodings() {
    let mut path = vec![1];
    path.extend(crc(b"a").to_le_bytes());
    path.extend(b"other");
    refused(Part { extra: field(0x7075, &path), ..Part::file("a", "x") }, "zip-unicode-path");
    refused(Part { local_extra: field(0x7075, &path), ..Part::file("a", "x") }, "zip-unicode-path");
    refused(Part { extra: field(0x6375, &path), ..Part::file("a", "x") }, "zip-extra");
    refused(Part { extra: field(0x9999, b""), ..Part::file("a", "x") }, "zip-extra");
    for odd in [field(0x5455, &[3; 5]), field(0x5455, &[8; 5]), field(0x7875, &[1; 11]), field(0xcafe, b"x")]
    {
        refused(Part { local_extra: odd, ..Part::file("a", "x") }, "zip-extra");
    }
    refused(Part { extra: vec![0x55, 0x54, 9], ..Part::file("a", "x") }, "zip-extra");
    refused(Part { extra: vec![0x55, 0x54, 9, 0, 1], ..Part::file("a", "x") }, "zip-extra");
    let twice = [field(0x5455, &[1; 5]), field(0x5455, &[2; 5])].concat();
    refused(Part { extra: twice, ..Part::file("a", "x") }, "zip-extra");
    refused(Part::file("ö", "x"), "zip-encoding");
    // Marked as UTF-8; Info-ZIP sees the mark only beside an extra field.
    let dos = || Part { made: 20, attributes: 0, flags: 1 << 11, ..Part::file("ö", "x") };
    refused(dos(), "zip-encoding");
    refused(Part { local_extra: field(0x5455, &[1; 5]), ..dos() }, "zip-encoding");
    assert_eq!(code_of(&[Part { extra: field(0x5455, &[1; 5]), ..dos() }]), "taken: SKILL.md ö");
    assert_eq!(code_of(&[Part { made: 10 << 8 | 20, ..dos() }]), "taken: SKILL.md ö");
    assert_eq!(code_of(&[Part { name: b"o".to_vec(), ..dos() }]), "taken: SKILL.md o");
    let bad = Part { name: b"\xff".to_vec(), flags: 1 << 11, ..Part::file("", "x") };
    refused(bad, "name-not-utf8");
}

#[test]
fn attack_row_20_links_by_mode() {
    refused(Part::file("a", "/etc/passwd").mode(0o120_777), "archive-link-target");
    refused(Part::file("a", "SKILL.md").mode(0o120_777), "entry-link");
    refused(Part { made: 20, ..Part::file("a", "b").mode(0o120_777) }, "zip-mode");
    refused(Part::file("a/", "").mode(0o120_777), "zip-mode");
    refused(Part { attributes: 0o120_777 << 16 | 0x10, ..Part::file("a", "b") }, "zip-mode");
    refused(Part::file("a", "b").mode(0o124_777), "entry-set-id");
    for mode in [0o010_644, 0o020_644, 0o060_644, 0o140_644] {
        refused(Part::file("a", "").mode(mode), "entry-special-file");
    }
    refused(Part::file("a", "x").mode(0o104_755), "entry-set-id");
    refused(Part::file("a/", "").mode(0o100_644), "zip-mode");
    refused(Part::file("a", "").mode(0o040_755), "zip-mode");
    refused(Part { attributes: 0x10, ..Part::file("a", "") }, "zip-mode");
    // A program for some readers and a file for others.
    refused(Part::file("a", "x").mode(0o755), "zip-mode");
    assert_eq!(code_of(&[Part::file("a", "x").mode(0o600)]), "taken: SKILL.md a");
    refused(Part { attributes: 0x08, ..Part::file("a", "") }, "zip-mode");
    // As macOS writes it.
    let mac = Part { attributes: 0o100_755 << 16 | 0x4000, ..Part::file("a", "x").packed() };
    assert_eq!(code_of(&[mac]), "taken: SKILL.md a");
    refused(Part { made: 20, ..Part::file("a", "x").mode(0o100_755) }, "zip-mode");
    refused(Part { made: 7 << 8, ..Part::file("a", "x") }, "zip-version");
}

#[test]
fn attack_row_21_sizes_that_ask_for_memory() {
    // Each says that 4 GB follow.
    let sizes = |at| vec![(at, vec![0xfe, 0xff, 0xff, 0xff]), (at + 4, vec![0xfe, 0xff, 0xff, 0xff])];
    let part = Part { local_edit: sizes(18), central_edit: sizes(20), ..Part::file("a", "x") };
    refused(part, "zip-tiling");
    let size = |at| vec![(at, vec![0xfe, 0xff, 0xff, 0x7f])];
    let part = Part { local_edit: size(22), central_edit: size(24), ..Part::file("a", "x").packed() };
    refused(part, "limit-file");
}

#[test]
fn attack_row_22_features_that_few_tools_have() {
    for flag in [1, 1 << 4, 1 << 5, 1 << 6, 1 << 13, 1 << 15] {
        refused(Part { flags: flag, ..Part::file("a", "x") }, "zip-flags");
    }
    // `zip -9`, of a file that does not become smaller.
    assert_eq!(code_of(&[Part { flags: 2, ..Part::file("a", "x") }]), "taken: SKILL.md a");
    for method in [1, 9, 12, 14, 93, 95, 99] {
        refused(Part { method, ..Part::file("a", "x") }, "zip-method");
    }
    let disk = Part { central_edit: vec![(34, vec![1, 0])], ..Part::file("a", "x") };
    refused(disk, "zip-directory");
    // Stored, with the size only behind it.
    let mut stored = Part::file("a", "x").described();
    (stored.method, stored.packed) = (0, None);
    refused(stored, "zip-flags");
    let described = || Part::file("a", "x").described();
    refused(Part { descriptor: described().descriptor[4..].to_vec(), ..described() }, "zip-tiling");
    // What is known beforehand may stand there, if it is right.
    assert_eq!(code_of(&[Part { local_edit: Vec::new(), ..described() }]), "taken: SKILL.md a");
    refused(Part { local_edit: vec![(22, vec![2, 0, 0, 0])], ..described() }, "zip-local");
    for at in 0..16 {
        let mut part = described();
        part.descriptor[at] ^= 1;
        refused(part, "zip-descriptor");
    }
}

#[test]
fn attack_row_23_data_that_is_not_what_it_says() {
    let good = zip(&[card(), Part::file("a", "hello").packed()]);
    let data = card().local().len() + 30 + 1;
    for at in (data..data + 10).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
        // The five bits between the block's kind and its length mean nothing.
        if at.0 == data && at.1 >= 3 {
            continue;
        }
        let mut bad = good.clone();
        bad[at.0] ^= 1 << at.1;
        assert!(!code_of_bytes(&bad).starts_with("taken"), "{at:?}");
    }
    let spare = Part { packed: Some([deflated(b"x"), vec![0]].concat()), method: 8, ..Part::file("a", "x") };
    refused(spare, "zip-data");
    let short = Part { packed: Some(deflated(b"x")[..4].to_vec()), method: 8, ..Part::file("a", "x") };
    refused(short, "archive-truncated");
    let more = Part { packed: Some(deflated(b"xy")), method: 8, ..Part::file("a", "x") };
    refused(more, "zip-data");
    // Stored in the directory, packed in truth.
    let part = Part { packed: Some(deflated(b"x")), ..Part::file("a", "x") };
    refused(part, "zip-data");
}

#[test]
fn attack_row_24_names_of_other_systems() {
    for (name, code) in [
        ("a\\b", "name-backslash"),
        ("..\\x", "name-backslash"),
        ("C:x", "name-absolute"),
        ("C:/x", "name-absolute"),
        ("ab:c", "archive-colon"),
        ("SKILL.md:x", "archive-colon"),
        ("SKILL.md;1", "archive-version"),
        ("/x", "name-absolute"),
        ("../x", "name-dots"),
        ("a/./b", "name-dots"),
        ("", "name-empty"),
        ("con", "name-device"),
        ("a/NUL.txt", "name-device"),
        ("COM1.x", "name-device"),
        ("x.", "name-trailing-dot"),
        ("x ", "name-trailing-dot"),
        (".git/config", "name-dot-git"),
        ("GIT~1/config", "name-dot-git"),
        ("a\0b", "name-hidden-character"),
        ("skill.MD", "entry-collision"),
        ("SKILL.md", "archive-duplicate"),
        ("SKILL.md/x", "archive-file-as-folder"),
        ("./x", "archive-mixed-dot"),
    ] {
        refused(Part::file(name, "x"), code);
    }
    refused(Part { data: b"x".to_vec(), ..Part::folder("a/") }, "archive-folder-data");
}
