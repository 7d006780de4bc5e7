//! Damage, by the throw of dice that fall the same in every run.

use super::make::{Item, Part, end, gzip, pax, tar, zip};
use crate::sources::repo::CARD;

/// Numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

pub(crate) fn items() -> Vec<Item> {
    let name = "n".repeat(120);
    vec![
        Item::folder("docs/"),
        Item::file("SKILL.md", CARD),
        Item::file("run.sh", "#!/bin/sh\n").with(100, b"0000755\0"),
        Item::file("docs/a.md", &"a".repeat(700)).gnu(),
        Item::new(b'L', "././@LongLink", format!("{name}\0").as_bytes()).gnu(),
        Item::file(&name[..100], "long").gnu(),
        pax(b'x', &[("mtime", "1789000000.5")]),
        Item::file("docs/b.md", ""),
        Item::file("part.md", "with a beginning").with(345, b"docs/more"),
        Item::new(b'2', "CLAUDE.md", b"").with(157, b"docs/a.md").with(100, b"0000777\0"),
    ]
}

/// Places in a header: offset and length of each field.
const FIELDS: &[(usize, usize)] = &[
    (0, 100),
    (100, 8),
    (108, 8),
    (124, 12),
    (136, 12),
    (156, 1),
    (157, 100),
    (257, 8),
    (265, 32),
    (329, 8),
    (345, 155),
    (500, 12),
];

const VALUES: &[&[u8]] = &[
    b"\0",
    b" ",
    b"0",
    b"5",
    b"2",
    b"1",
    b"L",
    b"x",
    b"g",
    b"S",
    b"../x",
    b"/x",
    b"./SKILL.md",
    b"SKILL.md\0",
    b"CLAUDE.md\0",
    b"CLAUDE.md/x\0",
    b"docs/../x\0",
    b"7",
    b"skill.md\0",
    b"docs/\0",
    b"docs\0",
    b"00000000000\0",
    b"00000001000\0",
    b"     000005\0",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x05",
    b"ustar  \0",
    b"ustar\x0000",
    b"0000755\0",
    b"0004755\0",
];

pub(crate) fn damaged_tar(dice: &mut Dice) -> (&'static str, Vec<u8>) {
    let mut items = items();
    let at = dice.below(items.len());
    let how = match dice.below(11) {
        10 => {
            let target = *dice.of(&[
                "SKILL.md",
                "docs",
                "../x",
                "/nowhere",
                "docs/../x",
                ".",
                "docs/",
                "./run.sh",
                "gone",
                "CLAUDE.md",
            ]);
            let of = *dice.of(&["CLAUDE.md", "CLAUDE.md", "docs/link", "claude.md", "x/y"]);
            let link = Item::new(b'2', of, b"").with(157, target.as_bytes());
            items[9] = if dice.below(2) == 0 { link.gnu() } else { link };
            "a link"
        }
        0 => {
            let (from, len) = *dice.of(FIELDS);
            let value = *dice.of(VALUES);
            let value = &value[..value.len().min(len)];
            items[at] = items[at].clone().with(from, value);
            "a field"
        }
        1 => {
            let from = dice.below(512);
            let byte = items[at].head[from] ^ (1 << dice.below(8));
            items[at] = items[at].clone().with(from, &[byte]);
            "a bit of a header, checksum right"
        }
        2 => {
            let again = items[dice.below(10)].clone();
            items.insert(at, again);
            "an entry twice"
        }
        3 => {
            items.remove(at);
            "an entry less"
        }
        4 => {
            let other = dice.below(items.len());
            items.swap(at, other);
            "another order"
        }
        5 => {
            let key = *dice.of(&["path", "size", "mtime", "linkpath", "uid", "comment", "GNU.sparse.size"]);
            let value = *dice.of(&["SKILL.md", "docs/new.md", "0", "1", "512", "1024", "../x", "10"]);
            let kind = *dice.of(b"xxxg");
            items.insert(at, pax(kind, &[(key, value)]));
            "an extended header"
        }
        6 => {
            let mut all = tar(&items);
            let bit = dice.below(all.len() * 8);
            all[bit / 8] ^= 1 << (bit % 8);
            return ("a bit of the tar", gzip(&all));
        }
        7 => {
            let mut all = tar(&items);
            let cut = if dice.below(2) == 0 { dice.below(all.len()) } else { dice.below(24) * 512 };
            all.truncate(cut.min(all.len()));
            return ("a cut", gzip(&all));
        }
        8 => {
            let more = match dice.below(4) {
                0 => vec![0; 512 * dice.below(40)],
                1 => b"x".to_vec(),
                _ => tar(&[Item::file(["SKILL.md", "new"][dice.below(2)], "x")]),
            };
            return ("more at the end", gzip(&[tar(&items), more].concat()));
        }
        _ => {
            let mut all = gzip(&tar(&items));
            match dice.below(3) {
                0 => all.extend(gzip(&tar(&[Item::file("new", "x")]))),
                1 => all.extend(vec![0; dice.below(9)]),
                _ => {
                    let bit = dice.below(20 * 8);
                    all[bit / 8] ^= 1 << (bit % 8);
                }
            }
            return ("the gzip around it", all);
        }
    };
    (how, gzip(&tar(&items)))
}

pub(crate) fn parts() -> Vec<Part> {
    let times = |size: u8| [&[0x55, 0x54, size, 0][..], &vec![3; usize::from(size)]].concat();
    vec![
        Part::folder("docs/"),
        Part { extra: times(5), local_extra: times(9), ..Part::file("SKILL.md", CARD) },
        Part::file("run.sh", "#!/bin/sh\n").mode(0o100_755).packed(),
        Part::file("docs/a.md", &"a".repeat(700)).described(),
        Part::file("docs/b.md", ""),
        Part::file("CLAUDE.md", "docs/a.md").mode(0o120_777),
        Part { made: 20, attributes: 0, ..Part::file("last.txt", "last").packed() },
        Part { flags: 1 << 11, ..Part::file("docs/\u{fc}.md", "foreign") },
    ]
}

const NUMBERS: &[&[u8]] = &[
    b"\0\0",
    b"\x01\0",
    b"\x08\0",
    b"\x09\0",
    b"\0\x08",
    b"\xff\xff",
    b"\0\0\0\0",
    b"\x01\0\0\0",
    b"\x05\0\0\0",
    b"\xff\xff\xff\xff",
];

fn extra(dice: &mut Dice) -> Vec<u8> {
    let id = *dice.of(&[1_u16, 0x7075, 0x5455, 0x7875, 0x9999]);
    let size = dice.below(20) as u16;
    let bytes = vec![*dice.of(&[0, 1, 0x41]); usize::from(size)];
    [&id.to_le_bytes()[..], &size.to_le_bytes(), &bytes].concat()
}

pub(crate) fn damaged_zip(dice: &mut Dice) -> (&'static str, Vec<u8>) {
    let mut parts = parts();
    let at = dice.below(parts.len());
    let name = dice
        .of(&[
            "SKILL.md",
            "skill.md",
            "docs/a.md",
            "docs",
            "new",
            "../x",
            "a\\b",
            "docs/",
            "CLAUDE.md",
            "claude.md/x",
        ])
        .to_string();
    let how = match dice.below(12) {
        0 => {
            let edit = (dice.below(27), dice.of(NUMBERS).to_vec());
            parts[at].local_edit.push(edit);
            "a number of the local header"
        }
        1 => {
            let edit = (dice.below(42), dice.of(NUMBERS).to_vec());
            parts[at].central_edit.push(edit);
            "a number of the directory"
        }
        2 => {
            parts[at].local_name = Some(name.into_bytes());
            "two names"
        }
        3 => {
            parts[at].name = name.into_bytes();
            "another name"
        }
        4 => {
            let again = parts[dice.below(8)].clone();
            parts.insert(at, again);
            "an entry twice"
        }
        5 => {
            let field = extra(dice);
            if dice.below(2) == 0 {
                parts[at].extra = field;
            } else {
                parts[at].local_extra = field;
            }
            "an extra field"
        }
        6 => {
            let mode = *dice.of(&[0o120_777, 0o100_755, 0o100_644, 0o040_755, 0o104_755, 0, 0o644]);
            parts[at].attributes = mode << 16 | *dice.of(&[0, 0x10, 0x20, 0x4000]);
            parts[at].made = *dice.of(&[20, 3 << 8 | 20, 19 << 8 | 20]);
            "a mode"
        }
        7 => {
            let mut all = zip(&parts);
            let bit = dice.below(all.len() * 8);
            all[bit / 8] ^= 1 << (bit % 8);
            return ("a bit", all);
        }
        8 => {
            let mut all = zip(&parts);
            all.truncate(dice.below(all.len()));
            return ("a cut", all);
        }
        9 => {
            let all = zip(&parts);
            let more = match dice.below(3) {
                0 => b"x".to_vec(),
                1 => end(0, 0, all.len()),
                _ => zip(&[Part::file("SKILL.md", "other")]),
            };
            let both = if dice.below(2) == 0 { [all, more] } else { [more, all] };
            return ("more around it", both.concat());
        }
        10 => {
            let target = *dice.of(&[
                "SKILL.md",
                "docs",
                "../x",
                "/nowhere",
                "docs/../x",
                ".",
                "docs/",
                "./run.sh",
                "gone",
                "CLAUDE.md",
            ]);
            let of = *dice.of(&["CLAUDE.md", "CLAUDE.md", "docs/link", "claude.md", "x/y"]);
            let link = Part::file(of, target)
                .mode(*dice.of(&[0o120_777, 0o120_777, 0o120_644, 0o120_000, 0o124_777]));
            parts[5] = if dice.below(4) == 0 { link.packed() } else { link };
            "a link"
        }
        _ => {
            // Another directory: entries left out, in another order, or moved.
            let (mut out, mut records) = (Vec::new(), Vec::new());
            for part in &parts {
                let shift = if dice.below(8) == 0 { dice.below(3) as u32 } else { 0 };
                records.push(part.central((out.len() as u32).wrapping_add(shift)));
                out.extend(part.local());
                out.extend(vec![0; if dice.below(10) == 0 { dice.below(4) } else { 0 }]);
            }
            match dice.below(3) {
                0 => drop(records.remove(at)),
                1 => records.reverse(),
                _ => {}
            }
            let start = out.len();
            let directory = records.concat();
            out.extend(&directory);
            out.extend(end(records.len(), directory.len(), start));
            return ("another directory", out);
        }
    };
    (how, zip(&parts))
}
