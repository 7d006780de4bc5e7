//! Tar and zip files: what is taken stays inside its root, nothing meets, and
//! each file has the bytes that were packed.
//!
//! The first byte says what the rest is. Even: the file as it is. Odd: a recipe
//! from which a file is packed here whose checksums are right, so that the
//! rules behind them are reached; then what is taken must be what was packed.

use super::shown;
use rustix::fs::{MemfdFlags, memfd_create};
use skill_trust::model::digest::sha256;
use skill_trust::model::limits::Limits;
use skill_trust::model::path::EntryPath;
use skill_trust::model::source::Format;
use skill_trust::system::fetch::FetchOptions;
use skill_trust::system::fetch::archive::{Kind, Member, members_in};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;

/// A file in memory that each input is written to.
static FILE: LazyLock<File> = LazyLock::new(|| memfd_create("archive", MemfdFlags::CLOEXEC).unwrap().into());

/// One input at a time, whatever thread it comes on.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn read(bytes: &[u8], format: Format) -> Option<Vec<Member>> {
    let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    FILE.set_len(bytes.len() as u64).unwrap();
    FILE.write_all_at(bytes, 0).unwrap();
    let taken = members_in(FILE.try_clone().unwrap(), format, &FetchOptions::default());
    drop(alone);
    match taken {
        Ok(taken) => Some(taken),
        Err(error) => {
            shown(&error.to_string());
            None
        }
    }
}

/// What holds for every archive that is taken.
fn sound(taken: &[Member]) {
    assert!(!taken.is_empty());
    let mut places = BTreeSet::new();
    for member in taken {
        let path = member.path.as_str();
        shown(path);
        assert_eq!(EntryPath::parse(path.as_bytes()).as_ref(), Ok(&member.path));
        // By hand, beside the type that promises it.
        assert!(!path.starts_with('/') && !path.contains(['\\', '\0', ':']), "{path}");
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git")), "{path}");
        assert!(path.len() <= Limits::CEILING.path && member.path.depth() <= Limits::CEILING.depth);
        assert!(places.insert(path.to_lowercase()), "{path} stands twice");
    }
    for path in &places {
        for (at, _) in path.match_indices('/') {
            assert!(!places.contains(&path[..at]), "{path} is below a file or link");
        }
    }
}

/// What a recipe packs: for each name what it is, and its bytes.
struct Item<'a> {
    name: &'a [u8],
    kind: u8,
    data: &'a [u8],
}

impl<'a> Item<'a> {
    /// As the header of a tar can hold it: at most 100 bytes, and zero bytes at
    /// the end of a field are no part of it.
    fn in_tar(self) -> Self {
        let cut = |field: &'a [u8]| {
            let field = &field[..field.len().min(100)];
            &field[..field.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)]
        };
        let data = if matches!(self.kind & 7, 5 | 6) { cut(self.data) } else { self.data };
        Self { name: cut(self.name), data, ..self }
    }
}

/// Items out of bytes: `kind, length of name, name, length of data, data`.
fn recipe(mut rest: &[u8]) -> Vec<Item<'_>> {
    let mut out = Vec::new();
    while let [kind, length, more @ ..] = rest {
        let (name, more) = more.split_at((*length as usize).min(more.len()));
        let (data, more) = more
            .split_first()
            .map_or((&[][..], more), |(length, more)| more.split_at((*length as usize).min(more.len())));
        out.push(Item { name, kind: *kind, data });
        rest = more;
    }
    out
}

/// Whether a link's target, joined to the folder it lies in, stays inside.
fn stays(path: &str, target: &str) -> bool {
    let mut depth = path.matches('/').count();
    !target.starts_with('/')
        && target.split('/').all(|part| match part {
            "." | "" => true,
            ".." => {
                let up = depth.checked_sub(1);
                depth = up.unwrap_or(depth);
                up.is_some()
            }
            _ => {
                depth += 1;
                true
            }
        })
}

/// What was taken is what was packed.
fn packed(taken: &[Member], items: &[Item<'_>]) {
    let wanted: BTreeMap<Vec<u8>, &Item<'_>> = items
        .iter()
        .map(|item| (item.name.strip_prefix(b"./").unwrap_or(item.name).to_vec(), item))
        .collect();
    for member in taken {
        let item = wanted.get(member.path.as_str().as_bytes());
        let item = item.unwrap_or_else(|| panic!("{} was not packed", member.path));
        assert_eq!(member.digest, sha256(&[item.data]), "{}", member.path);
        if member.kind == Kind::Link {
            let target = std::str::from_utf8(item.data).unwrap();
            assert!(stays(member.path.as_str(), target), "{} leads to {target}", member.path);
        }
    }
}

/// A `.tar.gz`.
pub(crate) fn tar(data: &[u8]) {
    let Some((way, rest)) = data.split_first() else { return };
    if way & 1 == 0 {
        // The tar itself is the input, with its checksums put right.
        let file = gzip(&summed(rest));
        read(&file, Format::TarGz).iter().for_each(|taken| sound(taken));
        return;
    }
    if let Some(taken) = read(&gzip(&tar_blocks(rest)), Format::TarGz) {
        sound(&taken);
        packed(&taken, &recipe(rest).into_iter().map(Item::in_tar).collect::<Vec<_>>());
    }
}

/// The tar that a recipe asks for.
pub(crate) fn tar_blocks(rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    recipe(rest).into_iter().for_each(|item| tar_item(&mut out, &item.in_tar()));
    out.resize(out.len() + 1024, 0);
    out
}

fn tar_item(out: &mut Vec<u8>, item: &Item<'_>) {
    let (kind, mode) = match item.kind & 7 {
        0..=3 => (b'0', "0000644\0"),
        4 => (b'0', "0000755\0"),
        5 | 6 => (b'2', "0000777\0"),
        _ => (b'5', "0000755\0"),
    };
    let (target, data) = if kind == b'2' { (item.data, &[][..]) } else { (&[][..], item.data) };
    let mut head = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, item.name);
    put(100, mode.as_bytes());
    put(108, b"0000000\x000000000\0");
    put(124, format!("{:011o}\0", data.len()).as_bytes());
    put(136, b"00000000000\0");
    put(156, &[kind]);
    put(157, target);
    put(257, b"ustar\x0000");
    sum(&mut head);
    out.extend(head);
    out.extend(data);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// Puts a header's checksum right.
fn sum(head: &mut [u8]) {
    head[148..156].fill(b' ');
    let total: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{total:06o}\0 ").as_bytes());
}

/// The blocks with every checksum right, wherever a header is by its size.
fn summed(blocks: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (blocks.to_vec(), 0);
    while let Some(head) = out.get_mut(at..at + 512) {
        if head.iter().any(|byte| *byte != 0) {
            sum(head);
        }
        let size = std::str::from_utf8(&head[124..135]).ok();
        let size = size.and_then(|digits| usize::from_str_radix(digits, 8).ok()).unwrap_or(0);
        at += 512 + size.min(1 << 20).next_multiple_of(512);
    }
    out
}

/// One gzip member of one stored block.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[..bytes.len().min(0xffff)];
    let size = bytes.len() as u16;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    out.extend(size.to_le_bytes());
    out.extend((!size).to_le_bytes());
    out.extend(bytes);
    out.extend(crc(bytes).to_le_bytes());
    out.extend(u32::from(size).to_le_bytes());
    out
}

const TABLE: [u32; 256] = {
    let (mut table, mut at) = ([0; 256], 0);
    while at < 256 {
        let (mut crc, mut bit) = (at as u32, 0);
        while bit < 8 {
            crc = crc >> 1 ^ 0xedb8_8320 & 0_u32.wrapping_sub(crc & 1);
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| crc >> 8 ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize])
}

/// A `.zip`.
pub(crate) fn zip(data: &[u8]) {
    let Some((way, rest)) = data.split_first() else { return };
    if way & 1 == 0 {
        read(rest, Format::Zip).iter().for_each(|taken| sound(taken));
        return;
    }
    if let Some(taken) = read(&zip_file(rest), Format::Zip) {
        sound(&taken);
        packed(&taken, &recipe(rest));
    }
}

/// The zip that a recipe asks for.
pub(crate) fn zip_file(rest: &[u8]) -> Vec<u8> {
    let (items, mut out, mut directory) = (recipe(rest), Vec::new(), Vec::new());
    for item in &items {
        zip_item(&mut out, &mut directory, item);
    }
    let count = (items.len() as u16).to_le_bytes();
    let (start, size) = (out.len() as u32, directory.len() as u32);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0, 0]);
    out
}

fn zip_item(out: &mut Vec<u8>, directory: &mut Vec<u8>, item: &Item<'_>) {
    let mode: u32 = match item.kind & 7 {
        0..=3 => 0o100_644,
        4 => 0o100_755,
        5 | 6 => 0o120_777,
        _ => 0o040_755,
    };
    let (size, offset) = ((item.data.len() as u32).to_le_bytes(), out.len() as u32);
    // Version, flags (the name is UTF-8), method, time, sizes, lengths.
    let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
    common.extend(crc(item.data).to_le_bytes());
    common.extend([size, size].concat());
    common.extend((item.name.len() as u16).to_le_bytes());
    common.extend([0, 0]);
    out.extend(b"PK\x03\x04");
    out.extend(&common);
    out.extend(item.name);
    out.extend(item.data);
    directory.extend(b"PK\x01\x02\x14\x03");
    directory.extend(&common);
    directory.extend([0; 6]);
    directory.extend((mode << 16).to_le_bytes());
    directory.extend(offset.to_le_bytes());
    directory.extend(item.name);
}
