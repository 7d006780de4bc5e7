//! Git's fetch protocol, the part of it that a fetch without history needs.
//!
//! Version 0, which every server speaks: the server lists its references, we
//! name one object and depth 1, it sends a pack. Written here rather than
//! taken from libgit2 because the same few steps then serve https and ssh,
//! every length is checked in safe code, and no global table of transports
//! has to be changed. See: gitprotocol-pack(5), gitprotocol-http(5).

use super::FetchError;
use super::git::{self, Id};
use crate::model::text;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// References a server may list.
const REFERENCES: usize = 500_000;
/// Objects we ask for when a commit has to be searched.
const WANTS: usize = 20_000;

/// The two exchanges of a fetch.
pub(super) trait Wire {
    /// The stream in which the server lists its references.
    fn advertisement(&mut self) -> Result<&mut dyn Read, FetchError>;
    /// Sends the request; the stream in which the server answers.
    fn ask(&mut self, request: Vec<u8>) -> Result<&mut dyn Read, FetchError>;
    /// What else is known about a failure.
    fn explain(&mut self, error: FetchError) -> FetchError {
        error
    }
    /// What a person should know about how the server was reached.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a server listed.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// References by full name; `HEAD` too.
    pub(super) references: BTreeMap<String, Id>,
    capabilities: Vec<String>,
}

impl Advertised {
    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|own| own == capability)
    }

    /// Whether the server says that it gives out commits by id.
    pub(super) fn gives_commits(&self) -> bool {
        self.can("allow-reachable-sha1-in-want") || self.can("allow-any-sha1-in-want")
    }
}

/// One unit of the protocol.
enum Packet {
    Flush,
    Line(Vec<u8>),
}

fn unreachable(what: &str, why: &str) -> FetchError {
    FetchError::Unreachable { what: what.to_owned(), why: text::escape_short(why.trim_end(), 300) }
}

/// Reads four hex digits of length and that many bytes less four.
fn packet(stream: &mut dyn Read, what: &str) -> Result<Packet, FetchError> {
    let read = |stream: &mut dyn Read, out: &mut [u8]| {
        stream.read_exact(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                unreachable(what, "the server stopped in the middle of its answer")
            }
            _ => FetchError::from_read(what, error),
        })
    };
    let mut digits = [0; 4];
    read(stream, &mut digits)?;
    let hex = std::str::from_utf8(&digits).ok().filter(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()));
    let length = hex.and_then(|hex| usize::from_str_radix(hex, 16).ok());
    match length {
        Some(0) => Ok(Packet::Flush),
        // At most 65,535 by its four digits.
        Some(length @ 4..) => {
            let mut line = vec![0; length - 4];
            read(stream, &mut line)?;
            match line.strip_prefix(b"ERR ") {
                Some(why) => Err(unreachable(what, &format!("the server says: {}", text::escape_bytes(why)))),
                None => Ok(Packet::Line(line)),
            }
        }
        _ => Err(unreachable(what, "the answer is not git's protocol")),
    }
}

/// Reads the list of references up to its end.
pub(super) fn read_advertisement(stream: &mut dyn Read, what: &str) -> Result<Advertised, FetchError> {
    let odd = || unreachable(what, "its list of references is malformed");
    let mut out = Advertised::default();
    let mut first = true;
    for _ in 0..=REFERENCES {
        let line = match packet(stream, what)? {
            Packet::Flush => return Ok(out),
            Packet::Line(line) => line,
        };
        let line = String::from_utf8(line).map_err(|_| odd())?;
        let line = line.trim_end_matches('\n');
        if line.starts_with("version ") || line.starts_with("shallow ") {
            continue;
        }
        let (line, capabilities) = line.split_once('\0').unwrap_or((line, ""));
        if first {
            out.capabilities = capabilities.split(' ').map(str::to_owned).collect();
            first = false;
            if out
                .capabilities
                .iter()
                .any(|own| own.starts_with("object-format=") && own != "object-format=sha1")
            {
                let why = "its object names are SHA-256, which is not read yet".to_owned();
                return Err(FetchError::NotARepository { what: what.to_owned(), why });
            }
        }
        let (hex, name) = line.split_once(' ').ok_or_else(odd)?;
        let id = git::id(hex).ok_or_else(odd)?;
        // `x^{}` is what the tag x stands for; we look that up ourselves. An
        // empty repository lists `capabilities^{}` alone.
        if !name.ends_with("^{}") {
            out.references.insert(name.to_owned(), id);
        }
    }
    Err(FetchError::TooLarge { what: what.to_owned(), limit: format!("{REFERENCES} references") })
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
}

/// The request for these objects, without history where the server can.
pub(super) fn request(
    server: &Advertised,
    wanted: &[Id],
    shallow: bool,
    what: &str,
) -> Result<Vec<u8>, FetchError> {
    if !server.can("side-band-64k") {
        return Err(unreachable(what, "the server is too old (no side-band-64k)"));
    }
    let mut names = String::from(" side-band-64k");
    for (capability, said) in [
        ("ofs-delta", " ofs-delta"),
        ("no-progress", " no-progress"),
        ("agent", concat!(" agent=skill-trust/", env!("CARGO_PKG_VERSION"))),
    ] {
        if server.capabilities.iter().any(|own| own.split('=').next() == Some(capability)) {
            names.push_str(said);
        }
    }
    let mut out = Vec::new();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.len() > WANTS {
        let limit = format!("{WANTS} branches and tags to search");
        return Err(FetchError::TooLarge { what: what.to_owned(), limit });
    }
    for (n, id) in wanted.iter().enumerate() {
        let names = if n == 0 { names.as_str() } else { "" };
        line(&mut out, &format!("want {id}{names}\n"));
    }
    if shallow && server.can("shallow") {
        line(&mut out, "deepen 1\n");
    }
    out.extend_from_slice(b"0000");
    line(&mut out, "done\n");
    Ok(out)
}

/// Reads what comes before the pack and gives the stream of the pack.
pub(super) fn read_answer<'a>(stream: &'a mut dyn Read, what: &'a str) -> Result<impl Read + 'a, FetchError> {
    for _ in 0..=WANTS {
        match packet(stream, what)? {
            Packet::Flush => {}
            Packet::Line(line) if line.starts_with(b"shallow ") || line.starts_with(b"unshallow ") => {}
            Packet::Line(line) if line.starts_with(b"NAK") || line.starts_with(b"ACK ") => {
                return Ok(Band { stream, what, piece: Vec::new(), at: 0, ended: false });
            }
            Packet::Line(_) => break,
        }
    }
    Err(unreachable(what, "the answer is not git's protocol"))
}

/// The first of the three streams that a server sends as one.
struct Band<'a> {
    stream: &'a mut dyn Read,
    what: &'a str,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Band<'_> {
    fn next_piece(&mut self) -> Result<(), FetchError> {
        loop {
            match packet(self.stream, self.what)? {
                Packet::Flush => {
                    self.ended = true;
                    return Ok(());
                }
                Packet::Line(line) => match line.first() {
                    Some(1) if line.len() > 1 => {
                        (self.piece, self.at) = (line, 1);
                        return Ok(());
                    }
                    // Progress, written for a terminal. Not shown to one.
                    Some(1 | 2) => {}
                    Some(3) => {
                        let why = format!("the server says: {}", text::escape_bytes(&line[1..]));
                        return Err(unreachable(self.what, &why));
                    }
                    _ => return Err(unreachable(self.what, "the answer is not git's protocol")),
                },
            }
        }
    }
}

impl Read for Band<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.ended && !out.is_empty() {
            self.next_piece().map_err(io::Error::other)?;
        }
        let n = (&self.piece[self.at..]).read(out)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";

    fn listing(lines: &[&str]) -> Result<Advertised, FetchError> {
        let mut bytes = Vec::new();
        lines.iter().for_each(|text| line(&mut bytes, text));
        bytes.extend_from_slice(b"0000");
        read_advertisement(&mut bytes.as_slice(), "there")
    }

    #[test]
    fn references_and_capabilities_are_read() {
        let found = listing(&[
            "version 1\n",
            &format!("{A} HEAD\0side-band-64k shallow agent=git/2\n"),
            &format!("{A} refs/tags/v1\n"),
            &format!("{A} refs/tags/v1^{{}}\n"),
        ])
        .unwrap();
        assert_eq!(found.references.keys().collect::<Vec<_>>(), ["HEAD", "refs/tags/v1"]);
        let id = git::id(A).unwrap();
        let request = request(&found, &[id, id], true, "there").unwrap();
        let request = String::from_utf8(request).unwrap();
        assert!(request.contains("side-band-64k agent=skill-trust/"), "{request}");
        assert!(request.ends_with("000ddeepen 1\n00000009done\n"), "{request}");
        assert_eq!(request.matches("want ").count(), 1);
    }

    #[test]
    fn what_is_not_the_protocol_is_said_to_be_so() {
        for bytes in [&b"<html>"[..], b"0003", b"+004", b"zzzz", b"", b"00", b"0010short"] {
            let error = read_advertisement(&mut &*bytes, "there").unwrap_err();
            assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
        }
        assert!(listing(&["garbage"]).is_err());
        assert!(listing(&["xyz refs/heads/main\n"]).is_err());
        let error = listing(&["ERR no such\u{1b}[2J thing\n"]).unwrap_err().to_string();
        assert!(error.contains("no such\\u{1b}[2J thing"), "{error}");
        let sha256 = listing(&[&format!("{A} HEAD\0object-format=sha256\n")]).unwrap_err();
        assert!(matches!(sha256, FetchError::NotARepository { .. }));
    }

    #[test]
    fn only_the_first_band_is_data() {
        let mut bytes = Vec::new();
        for text in ["shallow 1", "NAK\n", "\u{1}PA", "\u{2}noise", "\u{1}", "\u{1}CK"] {
            line(&mut bytes, text);
        }
        bytes.extend_from_slice(b"0000");
        let mut stream = bytes.as_slice();
        let mut out = String::new();
        read_answer(&mut stream, "there").unwrap().read_to_string(&mut out).unwrap();
        assert_eq!(out, "PACK");

        let mut bytes = Vec::new();
        line(&mut bytes, "NAK\n");
        line(&mut bytes, "\u{3}quota\n");
        let mut stream = bytes.as_slice();
        let error = read_answer(&mut stream, "there").unwrap().read(&mut [0; 9]).unwrap_err();
        assert!(error.to_string().contains("quota"), "{error}");
    }

    #[test]
    fn a_server_cannot_talk_for_ever_before_the_pack() {
        struct Endless;
        impl Read for Endless {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                out.fill(b'0');
                Ok(out.len())
            }
        }
        assert!(read_answer(&mut Endless, "there").is_err());
    }
}
