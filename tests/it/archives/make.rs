//! Archives byte by byte, so that each lie can be told alone.

use crate::sources::repo::{Files, copy_within, open};
use skill_trust::model::limits::Limits;
use skill_trust::system::fetch::FetchError;
use std::fs;
use std::path::Path;

pub(crate) fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

/// Bytes as stored blocks of deflate.
pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let pieces: Vec<_> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(0xffff).collect() };
    for (at, piece) in pieces.iter().enumerate() {
        let size = u16::try_from(piece.len()).unwrap();
        out.push(u8::from(at + 1 == pieces.len()));
        out.extend(size.to_le_bytes());
        out.extend((!size).to_le_bytes());
        out.extend(*piece);
    }
    out
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(deflated(bytes));
    out.extend(crc(bytes).to_le_bytes());
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    out
}

/// A header of tar with its data.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) head: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Item {
    pub(crate) fn new(kind: u8, name: &str, data: &[u8]) -> Self {
        let item = Self { head: vec![0; 512], data: data.to_vec() };
        item.with(100, b"0000644\0")
            .with(108, b"0000000\0")
            .with(116, b"0000000\0")
            .with(124, format!("{:011o}\0", data.len()).as_bytes())
            .with(136, b"00000000000\0")
            .with(156, &[kind])
            .with(257, b"ustar\x0000")
            .with(0, name.as_bytes())
    }

    pub(crate) fn file(name: &str, data: &str) -> Self {
        Self::new(b'0', name, data.as_bytes())
    }

    pub(crate) fn folder(name: &str) -> Self {
        Self::new(b'5', name, b"").with(100, b"0000755\0")
    }

    /// Overwrites bytes of the header and puts the checksum right.
    pub(crate) fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.head[at..at + bytes.len()].copy_from_slice(bytes);
        self.head[148..156].fill(b' ');
        let sum: u32 = self.head.iter().map(|byte| u32::from(*byte)).sum();
        self.head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    pub(crate) fn gnu(self) -> Self {
        self.with(257, b"ustar  \0")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.head.clone();
        out.extend(&self.data);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

/// An extended header of records.
pub(crate) fn pax(kind: u8, records: &[(&str, &str)]) -> Item {
    let mut body = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let size = (rest + 1..).find(|size| rest + size.to_string().len() == *size).unwrap();
        body += &format!("{size} {key}={value}\n");
    }
    Item::new(kind, "././@PaxHeader", body.as_bytes())
}

/// The blocks of a tar, with its end.
pub(crate) fn tar(items: &[Item]) -> Vec<u8> {
    let mut out: Vec<u8> = items.iter().flat_map(Item::bytes).collect();
    out.resize((out.len() + 1024).next_multiple_of(10240), 0);
    out
}

/// An entry of a zip. What is none is what the others say.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) data: Vec<u8>,
    pub(crate) packed: Option<Vec<u8>>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) made: u16,
    pub(crate) attributes: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) local_extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    /// What is changed in the local header and in the directory afterwards.
    pub(crate) local_edit: Vec<(usize, Vec<u8>)>,
    pub(crate) central_edit: Vec<(usize, Vec<u8>)>,
}

impl Part {
    pub(crate) fn file(name: &str, data: &str) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            data: data.as_bytes().to_vec(),
            packed: None,
            method: 0,
            flags: 0,
            made: 3 << 8 | 20,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            local_extra: Vec::new(),
            comment: Vec::new(),
            descriptor: Vec::new(),
            local_edit: Vec::new(),
            central_edit: Vec::new(),
        }
    }

    pub(crate) fn folder(name: &str) -> Self {
        Self { attributes: 0o040_755 << 16 | 0x10, ..Self::file(name, "") }
    }

    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { attributes: mode << 16, ..self }
    }

    pub(crate) fn packed(self) -> Self {
        Self { packed: Some(deflated(&self.data)), method: 8, ..self }
    }

    /// With its sizes behind the data.
    pub(crate) fn described(self) -> Self {
        let mut part = self.packed();
        part.flags |= 8;
        let packed = part.packed.clone().unwrap();
        let fields = [crc(&part.data), packed.len() as u32, part.data.len() as u32];
        part.descriptor = b"PK\x07\x08".to_vec();
        part.descriptor.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        part.local_edit.push((14, vec![0; 12]));
        part
    }

    fn fields(&self) -> Vec<u8> {
        let packed = self.packed.as_ref().unwrap_or(&self.data);
        let mut out = Vec::new();
        for field in [20, self.flags, self.method, 0, 0x5c21] {
            out.extend(field.to_le_bytes());
        }
        for field in [crc(&self.data), packed.len() as u32, self.data.len() as u32] {
            out.extend(field.to_le_bytes());
        }
        out
    }

    pub(crate) fn local(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let mut out = [b"PK\x03\x04".to_vec(), self.fields()].concat();
        out.extend((name.len() as u16).to_le_bytes());
        out.extend((self.local_extra.len() as u16).to_le_bytes());
        out.extend([name.as_slice(), &self.local_extra].concat());
        for (at, bytes) in &self.local_edit {
            out[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        out.extend(self.packed.as_ref().unwrap_or(&self.data));
        out.extend(&self.descriptor);
        out
    }

    pub(crate) fn central(&self, offset: u32) -> Vec<u8> {
        let mut out = [b"PK\x01\x02".to_vec(), self.made.to_le_bytes().to_vec(), self.fields()].concat();
        for size in [self.name.len(), self.extra.len(), self.comment.len()] {
            out.extend((size as u16).to_le_bytes());
        }
        out.extend([0; 4]);
        out.extend(self.attributes.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend([self.name.as_slice(), &self.extra, &self.comment].concat());
        for (at, bytes) in &self.central_edit {
            out[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        out
    }
}

/// The end record.
pub(crate) fn end(entries: usize, size: usize, start: usize) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend([(entries as u16).to_le_bytes(), (entries as u16).to_le_bytes()].concat());
    out.extend([(size as u32).to_le_bytes(), (start as u32).to_le_bytes()].concat());
    out.extend([0; 2]);
    out
}

/// A whole zip.
pub(crate) fn zip(parts: &[Part]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        directory.extend(part.central(out.len() as u32));
        out.extend(part.local());
    }
    let start = out.len();
    out.extend(&directory);
    out.extend(end(parts.len(), directory.len(), start));
    out
}

/// What comes of an archive of these bytes: the files of all skills and all
/// else that it holds, or the code of the refusal.
pub(crate) fn outcome(folder: &Path, name: &str, bytes: &[u8]) -> Result<Files, String> {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    read(path.to_str().unwrap())
}

/// As [`outcome`], of a file that is there.
pub(crate) fn read(path: &str) -> Result<Files, String> {
    let take = || {
        let origin = open(path)?;
        let mut all = Files::new();
        for skill in origin.skills()?.skills {
            let at = skill.path.as_ref().map_or(String::new(), |path| format!("{path}/"));
            let files = copy_within(origin.as_ref(), &skill, &Limits::CEILING)?;
            all.extend(files.into_iter().map(|(path, file)| (format!("{at}{path}"), file)));
        }
        Ok(all)
    };
    take().map_err(|error: FetchError| code(&error))
}

/// The code of a refusal; its words hold nothing that moves a cursor.
pub(crate) fn code(error: &FetchError) -> String {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    match error {
        FetchError::Archive { odd, .. } => odd.reason.code().to_owned(),
        FetchError::Refused(faults) => faults[0].rule.code().to_owned(),
        FetchError::TooLarge { .. } => "too-large".to_owned(),
        _ => text,
    }
}
