//! `publish sign`: a signature into the author's own folder.
//!
//! ```text
//! oms        skill.oms.sig                               P-256, by a key file
//! statement  skill.intoto.json, skill.intoto.json.sig    Ed25519 by a key file, or any key of an ssh-agent
//! ```
//!
//! Each form covers everything in the folder but its own files. So there is
//! one of them: the second would not be in the list of the first.
//!
//! A signature that is there is replaced only if it is ours, for other bytes,
//! and the author says so. Attack: somebody's signature is exchanged for that of
//! whoever runs this next, and the folder looks as before.

use super::super::{World, own_keys};
use super::folder::{self, Folder};
use crate::model::code::{Code, Stop};
use crate::model::digest::Digest;
use crate::model::signer::SignerId;
use crate::model::skill::SkillName;
use crate::model::text;
use crate::policy::provenance::bundle::Bundle;
use crate::policy::provenance::emit::{EmitFault, Naming, emit};
use crate::policy::provenance::keys::{PublicKey, SecretKey};
use crate::policy::provenance::oms::SIGNATURE_FILE;
use crate::policy::provenance::ssh::key::PublicKey as SshKey;
use crate::policy::provenance::ssh::sig::{self, SshSig};
use crate::policy::provenance::ssh::statement::{INSIDE, NAMESPACE, Statement};
use crate::system::regular;
use crate::system::signature_file::{self, Over};
use crate::system::ssh_agent::SshAgent;
use own_keys::{KeyFile, Kind};
use std::path::{Path, PathBuf};

/// Most bytes of a `.pub` file.
const PUB_MAX: u64 = 16 << 10;

/// Which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An OMS bundle.
    Oms,
    /// An in-toto statement with an SSH signature.
    Statement,
}

impl Form {
    /// As it is typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oms => "oms",
            Self::Statement => "statement",
        }
    }

    /// Its files.
    #[must_use]
    pub const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Oms => &[SIGNATURE_FILE],
            Self::Statement => &INSIDE,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Oms => Self::Statement,
            Self::Statement => Self::Oms,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The folder.
    pub path: PathBuf,
    /// A key's name; with an agent `ssh:…` or the path of a `.pub` file.
    pub key: String,
    /// The form; none: the one that the key makes.
    pub form: Option<Form>,
    /// The socket of an ssh-agent.
    pub agent: Option<PathBuf>,
    /// Whether a signature of ours for other bytes may be replaced.
    pub replace: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// In which form.
    pub form: Form,
    /// The skill.
    pub name: SkillName,
    /// The digest of the folder without the signature.
    pub digest: Digest,
    /// How many files that are.
    pub files: usize,
    /// The version that is stated.
    pub version: Option<String>,
    /// By whom.
    pub signer: SignerId,
    /// The files that were written, or would be.
    pub written: Vec<PathBuf>,
    /// Whether there was a signature of ours for other bytes.
    pub replaced: bool,
    /// Whether exactly this is signed already, and nothing was written.
    pub already: bool,
}

/// A key that signs.
enum Hand {
    Oms(SecretKey),
    Own(KeyFile, SshKey),
    Agent(SshAgent, SshKey),
}

/// What lies where the signature goes.
#[derive(PartialEq, Eq)]
enum There {
    Nothing,
    /// The very statement that is to be signed, and no signature.
    Half,
    OfThis,
    Ours,
}

/// Signs.
///
/// # Errors
/// [`Code::NotSigned`] for what a signature would not cover or must not
/// replace; those of [`folder::read`] and of the keys.
pub fn sign(world: &World, request: &Request) -> Result<Signed, Stop> {
    let quoted = text::shell_word(&request.path.to_string_lossy());
    let agent = request.agent.as_ref().map(|socket| text::shell_word(&socket.to_string_lossy()));
    let agent = agent.map_or(String::new(), |socket| format!(" --agent {socket}"));
    let key = text::shell_word(&request.key);
    world.no_agent(&format!("skills publish sign {quoted} --key {key}{agent}"))?;
    let (mut hand, form) = hand(world, request)?;
    let folder = folder::read(world, &request.path)?;
    if let Some(other) = form.other().files().iter().find(|file| folder.manifest.get(file).is_some()) {
        let what = format!(
            "`{other}` is a signature of the other form; each covers all files but its own, so with both in the folder one \
             of them does not hold"
        );
        let next = format!("keep one form: move `{other}` out, or sign with --as {}", form.other().as_str());
        return Err(Stop::new(Code::NotSigned, what, next));
    }
    let digest = folder.manifest.digest_without(form.files());
    let mut signed = Signed {
        form,
        name: folder.subject.name.clone(),
        digest,
        files: folder
            .manifest
            .entries()
            .iter()
            .filter(|entry| !form.files().contains(&entry.path.as_str()))
            .count(),
        version: None,
        signer: hand.signer(),
        written: form.files().iter().map(|file| request.path.join(file)).collect(),
        replaced: false,
        already: false,
    };
    let statement = statement(&folder, digest);
    if form == Form::Statement {
        signed.version.clone_from(&statement.version);
    }
    match there(world, &folder, &hand, &statement)? {
        There::Nothing => {}
        // A signing that was cut off is gone on with.
        There::Half => drop(signed.written.remove(0)),
        There::OfThis => return Ok(Signed { already: true, written: Vec::new(), ..signed }),
        There::Ours if request.replace => signed.replaced = true,
        There::Ours => {
            let what = format!("{quoted} is signed already, by a key of yours and for other bytes");
            return Err(Stop::new(Code::NotSigned, what, "to replace that signature: add --replace"));
        }
    }
    // A trial says what a bundle would not cover; it asks no ssh-agent, which may ask a person.
    if request.dry_run && form == Form::Statement {
        return Ok(signed);
    }
    let contents = hand.contents(&folder, &digest, &statement)?;
    if request.dry_run {
        return Ok(signed);
    }
    let over = if signed.replaced { Over::Replace } else { Over::New };
    let written = form.files().len() - signed.written.len();
    for (name, bytes) in form.files().iter().zip(contents).skip(written) {
        signature_file::write(folder.handle(), name, &bytes, over).map_err(|error| {
            let what = format!("`{name}` cannot be written into {quoted}: {error}");
            Stop::new(
                Code::Io,
                what,
                "see to it that it can be written; then run the same again, which completes it",
            )
        })?;
    }
    unchanged(world, request, &signed)?;
    Ok(signed)
}

/// Attack, or bad luck: the folder changes between reading and writing, and the
/// author hands out a signature that does not hold.
fn unchanged(world: &World, request: &Request, signed: &Signed) -> Result<(), Stop> {
    let now = folder::read(world, &request.path)?.manifest.digest_without(signed.form.files());
    if now == signed.digest {
        return Ok(());
    }
    let what =
        format!("the folder changed while it was signed: signed is {}, and now it is {now}", signed.digest);
    Err(Stop::new(Code::NotSigned, what, "when nobody writes there, sign again with --replace"))
}

fn statement(folder: &Folder, digest: Digest) -> Statement {
    let bare = Statement { name: folder.subject.name.clone(), digest, version: None };
    let with = Statement { version: folder.version.clone(), ..bare.clone() };
    // A version that a statement cannot hold is left out; the card is signed all the same.
    if with.to_bytes().is_ok() { with } else { bare }
}

fn emit_stop(fault: &EmitFault) -> Stop {
    let next = match fault {
        EmitFault::Uncovered { .. } => "a statement covers them too: --as statement, with an Ed25519 key",
        EmitFault::Machine => "try another machine, and keep this one's keys to themselves",
        _ => "sign a folder with files in it",
    };
    Stop::new(Code::NotSigned, fault.to_string(), next)
}

fn internal(what: &str) -> Stop {
    Stop::new(Code::Internal, what, "")
}

fn hand(world: &World, request: &Request) -> Result<(Hand, Form), Stop> {
    if let Some(socket) = &request.agent {
        if request.form == Some(Form::Oms) {
            let what = "an ssh-agent signs statements, and no OMS bundles";
            return Err(Stop::new(Code::Usage, what, "sign with a key file: --key NAME, without --agent"));
        }
        let (agent, key) = agent(socket, &request.key)?;
        return Ok((Hand::Agent(agent, key), Form::Statement));
    }
    let form = match request.form {
        Some(form) => form,
        None => match own_keys::kind(world, &request.key)? {
            Kind::P256 => Form::Oms,
            Kind::Ed25519 => Form::Statement,
        },
    };
    match form {
        Form::Oms => {
            let key = own_keys::load(world, &request.key, Kind::P256, "OMS bundles are signed")?;
            let secret = key.p256().ok_or_else(|| internal("a key of another kind"))?;
            let secret = SecretKey::p256(secret).map_err(|_| internal("a key that is none"))?;
            Ok((Hand::Oms(secret), form))
        }
        Form::Statement => {
            let key = own_keys::load(world, &request.key, Kind::Ed25519, "statements are signed")?;
            let ssh = own_keys::ssh(&key).ok_or_else(|| internal("a key without a form for SSH"))?;
            Ok((Hand::Own(key, ssh), form))
        }
    }
}

/// Connects, and finds the key that was named.
fn agent(socket: &Path, named: &str) -> Result<(SshAgent, SshKey), Stop> {
    let shown = text::escape(&socket.to_string_lossy());
    let wanted = if named.starts_with("ssh:") {
        let bad = |fault: crate::model::signer::NotASigner| {
            Stop::new(Code::Usage, fault.to_string(), "its id is shown by: ssh-add -l")
        };
        SignerId::parse(named).map_err(bad)?
    } else {
        let file = text::escape(named);
        let line = regular::read(Path::new(named), PUB_MAX).map_err(|why| {
            let next = "name the key as `ssh:SHA256:…`, as ssh-add -l shows it, or by its .pub file";
            Stop::new(Code::NoKey, format!("{file}: {why}"), next)
        })?;
        let key = SshKey::from_text(&line).map_err(|fault| {
            Stop::new(
                Code::NoKey,
                format!("{file}: {fault}"),
                "name the .pub file of an Ed25519 or ECDSA key, or its id: ssh:SHA256:…",
            )
        })?;
        key.signer()
    };
    let failed = |error: std::io::Error| {
        let next = "name the socket that your agent printed when it started (SSH_AUTH_SOCK); see: ssh-add -l";
        Stop::new(Code::NoKey, format!("the ssh-agent at {shown}: {error}"), next)
    };
    let mut agent = SshAgent::connect(socket).map_err(failed)?;
    let keys = agent.keys().map_err(failed)?;
    let count = keys.len();
    // Certificates, RSA keys and the like are not read, and so not found.
    let known = keys.into_iter().filter_map(|key| SshKey::parse(&key.blob).ok());
    match known.into_iter().find(|key| key.signer() == wanted) {
        Some(key) => Ok((agent, key)),
        None => {
            let what = format!("the ssh-agent at {shown} has {count} keys, and {wanted} is not among them");
            Err(Stop::new(Code::NoKey, what, "add it: ssh-add FILE; Ed25519 and ECDSA keys sign statements"))
        }
    }
}

impl Hand {
    fn signer(&self) -> SignerId {
        match self {
            Self::Oms(key) => key.public().id(),
            Self::Own(_, key) | Self::Agent(_, key) => key.signer(),
        }
    }

    /// The bytes of each file of the form.
    fn contents(
        &mut self,
        folder: &Folder,
        digest: &Digest,
        statement: &Statement,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let failed = |fault: crate::policy::provenance::ssh::Fault| internal(&fault.to_string());
        match self {
            Self::Oms(key) => {
                let bundle =
                    emit(&folder.subject, digest, key, Naming::Key).map_err(|fault| emit_stop(&fault))?;
                Ok(vec![bundle.into_bytes()])
            }
            Self::Own(key, _) => {
                let seed = key.ed25519().ok_or_else(|| internal("a key of another kind"))?;
                let (bytes, signature) = statement.sign_ed25519(seed).map_err(failed)?;
                Ok(vec![bytes, signature.into_bytes()])
            }
            Self::Agent(agent, key) => {
                let (bytes, message) =
                    (statement.to_bytes().map_err(failed)?, statement.to_be_signed().map_err(failed)?);
                let answer = agent.sign(key.blob(), &message).map_err(|error| {
                    let next = "if it asks for a touch or a yes, give it; then run it again";
                    Stop::new(Code::NotSigned, format!("the ssh-agent did not sign: {error}"), next)
                })?;
                // Attack: an agent, or what listens in its place, answers with anything.
                let signature = sig::assemble(key, NAMESPACE, sig::Hash::Sha512, &bytes, &answer);
                let signature = signature.map_err(|fault| {
                    let what = format!("what the ssh-agent answered is not that key's signature: {fault}");
                    Stop::new(Code::NotSigned, what, "do not use that agent; nothing was written")
                })?;
                Ok(vec![bytes, signature.into_bytes()])
            }
        }
    }
}

/// Whose signature lies there, if it is one that may be replaced.
fn there(world: &World, folder: &Folder, hand: &Hand, statement: &Statement) -> Result<There, Stop> {
    let stranger = |file: &str| {
        let what = format!("`{file}` is there already, and is no signature of a key of yours");
        let next = format!("look whose it is; if it shall go, move `{file}` away, then sign again");
        Err(Stop::new(Code::NotSigned, what, next))
    };
    if let Hand::Oms(key) = hand {
        let Some(bytes) = folder.bytes(SIGNATURE_FILE)? else { return Ok(There::Nothing) };
        let own = own_keys::publics(world)?;
        let by = Bundle::read(&bytes).ok().and_then(|bundle| signers(&bundle, &own));
        return match by {
            None => stranger(SIGNATURE_FILE),
            Some(by) if by == key.public().id() && same(folder, &bytes, key) => Ok(There::OfThis),
            Some(_) => Ok(There::Ours),
        };
    }
    let (stated, signature) = (folder.bytes(INSIDE[0])?, folder.bytes(INSIDE[1])?);
    let planned = statement.to_bytes().ok();
    // Exactly what is to be signed: nobody else's work, if a signing was cut off.
    let same = stated.is_some() && stated == planned;
    let (stated, signature) = match (stated, signature) {
        (None, None) => return Ok(There::Nothing),
        (Some(_), None) if same => return Ok(There::Half),
        (Some(stated), Some(signature)) => (stated, signature),
        (Some(_), None) => return stranger(INSIDE[0]),
        (None, Some(_)) => return stranger(INSIDE[1]),
    };
    let sig = SshSig::parse(&signature).ok().filter(|sig| sig.namespace == NAMESPACE);
    let holds = sig.as_ref().is_some_and(|sig| sig.verify(&stated).is_ok());
    // A replacing that was cut off left the new statement beside the older signature, which is void with it.
    let by = sig.filter(|_| holds || same).map(|sig| sig.identity.key().signer());
    let mut own: Vec<_> = own_keys::list(world)?.into_iter().filter_map(|(_, key)| key.ok()?.ssh).collect();
    own.push(hand.signer());
    match by.filter(|by| own.contains(by)) {
        None => stranger(INSIDE[1]),
        Some(by) if holds && by == hand.signer() && Statement::parse(&stated).as_ref() == Ok(statement) => {
            Ok(There::OfThis)
        }
        Some(_) => Ok(There::Ours),
    }
}

/// Which of these keys signed a bundle.
fn signers(bundle: &Bundle, own: &[PublicKey]) -> Option<SignerId> {
    let (_, signers) = bundle.envelope.verify(own, 1).ok()?;
    signers.into_iter().next()
}

/// Whether the bundle is the one that would be written: the same key signs the
/// same bytes with the same text.
fn same(folder: &Folder, bytes: &[u8], key: &SecretKey) -> bool {
    let digest = folder.manifest.digest_without(&[SIGNATURE_FILE]);
    emit(&folder.subject, &digest, key, Naming::Key).is_ok_and(|bundle| bundle.as_bytes() == bytes)
}
