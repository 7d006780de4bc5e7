//! Asking a person's `ssh-agent` to sign: the key stays where it is, in the
//! agent, a hardware token, or on another machine.
//!
//! The protocol is draft-miller-ssh-agent: over a unix socket, each message a
//! length, a type and fields. Two are spoken: which keys are there, and a
//! signature by one of them. The socket is the one that was named; the variable
//! `SSH_AUTH_SOCK` is not read, since a project's environment could point it at
//! an agent of its own.
//!
//! Nothing that comes back is believed: the caller reads the keys, and verifies
//! the signature before it is used.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;

/// Longest message that is read, as OpenSSH has it.
const MESSAGE_MAX: usize = 256 << 10;
/// Most keys of one agent.
const KEYS_MAX: usize = 2048;
/// A person may have to find and touch a token.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to an agent.
#[derive(Debug)]
pub struct SshAgent(UnixStream);

/// A key that an agent has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentKey {
    /// Its public half in OpenSSH's form; not checked.
    pub blob: Vec<u8>,
    /// What the agent calls it; not escaped.
    pub comment: Vec<u8>,
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl SshAgent {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// The keys that it has.
    ///
    /// # Errors
    /// The system's, or that the answer is none.
    pub fn keys(&mut self) -> io::Result<Vec<AgentKey>> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER)?;
        let mut rest = answer.as_slice();
        let count = number(&mut rest)?;
        if count > KEYS_MAX {
            return Err(odd("the agent says to have more keys than there can be"));
        }
        let mut keys = Vec::new();
        for _ in 0..count {
            let (blob, comment) = (string(&mut rest)?.to_vec(), string(&mut rest)?.to_vec());
            keys.push(AgentKey { blob, comment });
        }
        if rest.is_empty() { Ok(keys) } else { Err(odd("the agent's answer goes on after its end")) }
    }

    /// A signature by the key with that blob over the data; not verified.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::PermissionDenied`] if the agent refuses.
    pub fn sign(&mut self, blob: &[u8], data: &[u8]) -> io::Result<Vec<u8>> {
        let mut message = vec![SIGN_REQUEST];
        for part in [blob, data] {
            message.extend(length(part)?);
            message.extend_from_slice(part);
        }
        // No flags: they choose among the hashes of RSA.
        message.extend(0_u32.to_be_bytes());
        let answer = self.ask(&message, SIGN_RESPONSE)?;
        let mut rest = answer.as_slice();
        let signature = string(&mut rest)?.to_vec();
        if rest.is_empty() { Ok(signature) } else { Err(odd("the agent's answer goes on after its end")) }
    }

    /// Sends a message and returns the fields of the answer, which must be of a type.
    fn ask(&mut self, message: &[u8], wanted: u8) -> io::Result<Vec<u8>> {
        self.0.write_all(&[&length(message)?[..], message].concat())?;
        let mut size = [0; 4];
        self.0.read_exact(&mut size)?;
        let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
        // Attack: a length that would have us set aside 4 GiB.
        if !(1..=MESSAGE_MAX).contains(&size) {
            return Err(odd("the agent's answer has a length that no answer has"));
        }
        let mut answer = vec![0; size];
        self.0.read_exact(&mut answer)?;
        match answer.split_first() {
            Some((kind, fields)) if *kind == wanted => Ok(fields.to_vec()),
            Some((&FAILURE, _)) => Err(io::Error::new(io::ErrorKind::PermissionDenied, "the agent refused")),
            _ => Err(odd("the agent's answer is of a type that was not asked for")),
        }
    }
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let fits = bytes.len() <= MESSAGE_MAX;
    u32::try_from(bytes.len())
        .ok()
        .filter(|_| fits)
        .map(u32::to_be_bytes)
        .ok_or_else(|| odd("too long for an agent"))
}

fn number(rest: &mut &[u8]) -> io::Result<usize> {
    let (head, after) = rest.split_first_chunk().ok_or_else(|| odd("the agent's answer is cut off"))?;
    *rest = after;
    Ok(usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX))
}

fn string<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let size = number(rest)?;
    let (taken, after) = rest.split_at_checked(size).ok_or_else(|| odd("the agent's answer is cut off"))?;
    *rest = after;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// What our side says of an agent that answers with these bytes.
    fn against(answer: Vec<u8>, sign: bool) -> io::Result<Vec<AgentKey>> {
        let root = tempfile::tempdir().unwrap();
        let socket = root.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut size = [0; 4];
            stream.read_exact(&mut size).unwrap();
            let mut message = vec![0; u32::from_be_bytes(size) as usize];
            stream.read_exact(&mut message).unwrap();
            let _ = stream.write_all(&answer);
            message
        });
        let mut connection = SshAgent::connect(&socket).unwrap();
        let got = match sign {
            true => connection.sign(b"key", b"data").map(|_| Vec::new()),
            false => connection.keys(),
        };
        let asked = agent.join().unwrap();
        // draft-miller-ssh-agent, sections 3.5 and 3.6.
        let expected: &[u8] =
            if sign { b"\x0d\x00\x00\x00\x03key\x00\x00\x00\x04data\x00\x00\x00\x00" } else { b"\x0b" };
        assert_eq!(asked, expected);
        got
    }

    #[test]
    fn an_answer_is_read() {
        let answer = b"\x00\x00\x00\x10\x0c\x00\x00\x00\x01\x00\x00\x00\x03abc\x00\x00\x00\x00".to_vec();
        let key = AgentKey { blob: b"abc".to_vec(), comment: Vec::new() };
        assert_eq!(against(answer, false).unwrap(), [key]);
        assert!(against(b"\x00\x00\x00\x06\x0e\x00\x00\x00\x01x".to_vec(), true).is_ok());
    }

    #[test]
    fn attack_an_agent_that_lies_about_lengths() {
        for answer in [
            &b""[..],
            b"\x00\x00\x00\x00",
            b"\xff\xff\xff\xff\x0c",
            b"\x00\x04\x00\x01\x0c",
            b"\x00\x00\x00\x05\x0c\xff\xff\xff\xff",
            b"\x00\x00\x00\x05\x0c\x00\x00\x00\x01",
            b"\x00\x00\x00\x0a\x0c\x00\x00\x00\x01\xff\xff\xff\xffx",
            b"\x00\x00\x00\x06\x0c\x00\x00\x00\x00x",
            b"\x00\x00\x00\x05\x0e\x00\x00\x00\x00",
            b"\x00\x00\x00\x05\x0c\x00",
        ] {
            assert!(against(answer.to_vec(), false).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn a_refusal_is_told_apart() {
        let fault = against(b"\x00\x00\x00\x01\x05".to_vec(), true).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::PermissionDenied);
        assert!(against(b"\x00\x00\x00\x01\x06".to_vec(), true).is_err());
    }
}
