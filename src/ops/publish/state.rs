//! `publish attest` and `publish review`: something signed about a skill that
//! is here, for others.
//!
//! ```text
//! key ─▶ lock ─▶ the store copy is hashed ─▶ attest: the gate's own decision
//!     ─▶ signed ─▶ recorded (event `publish`) ─▶ handed out
//! ```
//!
//! It may let more run elsewhere, so the record comes first: a crash leaves a
//! record of what nobody got, never an envelope that nobody can find in the log.
//! What is refused is recorded too.

use super::super::session::{Depth, Session, ledger_stop};
use super::super::{World, facts, gate, own_keys, refusals};
use crate::model::code::{Code, Stop};
use crate::model::decision::Question;
use crate::model::digest::{Digest, sha256};
use crate::model::lifecycle::{RevisionRow, State};
use crate::model::limits::Limits;
use crate::model::record::{Draft, Outcome};
use crate::model::signer::SignerId;
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::provenance::attestation::{Answer, Attestation, Policy};
use crate::policy::provenance::keys::SecretKey;
use crate::policy::provenance::review::{Criterion, Finding, Review, Word};
use crate::policy::provenance::seal::{ToSign, seal};
use crate::system::signature_file;
use crate::system::tree::{self, Checks};
use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

/// The event of both.
pub const EVENT: &str = "publish";
/// How long a positive review lasts where nothing else is said.
pub const UNTIL: &str = "365d";

/// What both ask for.
#[derive(Debug, Clone)]
pub struct Request {
    /// `NAME` or `NAME@DIGEST`; for an attestation also a folder, with a slash in it.
    pub skill: String,
    /// The key's name.
    pub key: String,
    /// The file that the envelope goes to, new; none: the caller shows it.
    pub out: Option<PathBuf>,
    /// Whether nothing is signed, recorded and written.
    pub dry_run: bool,
}

/// What a review says, as typed.
#[derive(Debug, Clone, Default)]
pub struct Opinion {
    /// What was looked for.
    pub criteria: Vec<String>,
    /// Whether it warns.
    pub violation: bool,
    /// What was found.
    pub findings: Vec<String>,
    /// Until when; none: [`UNTIL`].
    pub until: Option<String>,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// About which revision.
    pub revision: Revision,
    /// By whom.
    pub signer: SignerId,
    /// What it says, in few words.
    pub says: String,
    /// When it ends, if it does.
    pub until: Option<Timestamp>,
    /// The envelope; none for a dry run.
    pub envelope: Option<String>,
    /// Number of the record; none for a dry run.
    pub record: Option<u64>,
}

/// A statement that is about to be signed.
struct Wording {
    row: RevisionRow,
    statement: ToSign,
    says: String,
    until: Option<Timestamp>,
}

/// Signs that a revision is trusted here now.
///
/// # Errors
/// [`Stop`]; a refusal is recorded. The gate's own codes for what it would not allow.
pub fn attest(world: &World, request: &Request) -> Result<Made, Stop> {
    run(world, request, "attest", |session, signer| {
        let row = trusted(session, &request.skill)?;
        let stored = facts::hash_store(&session.home, &row.revision.digest, session.policy.limits);
        // One opinion: what the gate would not allow is attested to nobody.
        if let Err(no) = gate::decide_now(session, &row, Question::Enable, &[stored], None)? {
            let what = format!("{} is not attested: {}", row.revision, no.reason);
            return Err(Stop::new(no.code, what, gate::remedy(no.code, &row.revision)));
        }
        let attestation = Attestation {
            name: row.revision.name.to_string(),
            digest: row.revision.digest,
            verifier: signer.to_string(),
            verified: session.now,
            resource: uri(row.source.identity()),
            policy: policy(session.policy.digest),
            answer: Answer::Passed,
            levels: Vec::new(),
        };
        let statement = attestation.to_sign().map_err(|why| usage(&why))?;
        Ok(Wording { row, statement, says: "PASSED".to_owned(), until: None })
    })
}

/// Signs what somebody found in a revision.
///
/// # Errors
/// [`Stop`]; a refusal is recorded.
pub fn review(world: &World, request: &Request, opinion: &Opinion) -> Result<Made, Stop> {
    let criteria: BTreeSet<_> = opinion
        .criteria
        .iter()
        .map(|one| Criterion::parse(one).map_err(|why| usage(&why)))
        .collect::<Result<_, _>>()?;
    let findings: Vec<_> = opinion
        .findings
        .iter()
        .map(|one| Finding::parse(one).map_err(|why| usage(&why)))
        .collect::<Result<_, _>>()?;
    let word = if opinion.violation { Word::Violation } else { Word::Positive };
    run(world, request, "review", |session, _| {
        let row =
            facts::resolve(&session.ledger, &request.skill, |row| row.lifecycle.state() == State::Installed)?;
        let stored = facts::hash_store(&session.home, &row.revision.digest, Limits::CEILING);
        if !stored.is(&row.revision.digest) {
            return Err(refusals::store_differs(&row, &stored));
        }
        // A warning about what is held is what a hold is for; a yes is not.
        if let (Word::Positive, Some(held)) = (word, facts::held(session, &row)) {
            let what = format!("{}: {held}; nothing good is said of it meanwhile", row.revision);
            return Err(Stop::new(Code::Held, what, "to warn others: --violation --finding TEXT"));
        }
        let typed = opinion.until.as_deref().unwrap_or(UNTIL);
        let until = Timestamp::parse_end(typed, session.now).map_err(|why| {
            let what = format!("`{}`: {why}", text::escape_short(typed, 40));
            Stop::new(Code::Usage, what, "example: --until 365d")
        })?;
        let review = Review {
            name: row.revision.name.clone(),
            digest: row.revision.digest,
            criteria: criteria.clone(),
            word,
            findings: findings.clone(),
            made: session.now,
            until,
        };
        let statement = review.to_sign().map_err(|why| usage(&why))?;
        let list: Vec<_> = criteria.iter().map(Criterion::as_str).collect();
        let says = format!("{} for {}", word.as_str(), list.join(", "));
        Ok(Wording { row, statement, says, until: Some(until) })
    })
}

fn run(
    world: &World,
    request: &Request,
    verb: &str,
    word: impl FnOnce(&Session<'_>, &SignerId) -> Result<Wording, Stop>,
) -> Result<Made, Stop> {
    let (skill, key) = (text::shell_word(&request.skill), text::shell_word(&request.key));
    let rest = if verb == "review" { " --criteria …" } else { "" };
    let line = format!("skills publish {verb} {skill} --key {key}{rest}");
    let outside = world.no_agent(&line).and_then(|()| new_file(request.out.as_deref()));
    let key =
        outside.and_then(|()| own_keys::load(world, &request.key, own_keys::Kind::Ed25519, "it is signed"));
    let secret = key.as_ref().ok().and_then(|key| key.ed25519()).map(SecretKey::ed25519);
    let mut session = Session::open(world, Depth::All)?;
    let signer = match (key, secret) {
        (Ok(_), Some(secret)) => Ok((secret.public().id(), secret)),
        (Ok(_), None) => Err(Stop::new(Code::Internal, "a key of another kind", "")),
        (Err(stop), _) => Err(stop),
    };
    let worded = signer.and_then(|(signer, secret)| Ok((word(&session, &signer)?, signer, secret)));
    let (worded, signer, secret) = match worded {
        Ok(all) => all,
        // What cannot be understood is no event, and neither is a trial.
        Err(stop) if request.dry_run || stop.code == Code::Usage => return Err(stop),
        Err(stop) => {
            let mut draft = session.draft(EVENT, Outcome::Refused, "");
            draft.skill = facts::parse_ref(&request.skill).ok().map(|wanted| wanted.name);
            return Err(session.refuse(draft, stop));
        }
    };
    let Wording { row, statement, says, until } = worded;
    let revision = row.revision.clone();
    if request.dry_run {
        return Ok(Made { revision, signer, says, until, envelope: None, record: None });
    }
    let envelope = seal(&statement, &[&secret])
        .map_err(|fault| Stop::new(Code::NotSigned, fault.to_string(), "try another machine"))?;
    let reason = format!("{verb}: {says}, signed by {signer}; envelope {}", sha256(&[envelope.as_bytes()]));
    let draft = Draft {
        skill: Some(revision.name.clone()),
        digest: Some(revision.digest),
        source: Some(row.source.clone()),
        until,
        ..session.draft(EVENT, Outcome::Done, reason)
    };
    let record = session.commit(|_| Ok(vec![draft]))?.pop().map(|record| record.seq);
    if let Some(out) = &request.out {
        signature_file::write_new(out, envelope.as_bytes()).map_err(|error| {
            let what =
                format!("recorded, and not written to {}: {error}", text::escape(&out.to_string_lossy()));
            Stop::new(
                Code::Io,
                what,
                "name another file: --out FILE; the record names an envelope that nobody has",
            )
        })?;
    }
    Ok(Made { revision, signer, says, until, envelope: Some(envelope), record })
}

/// The file must not be there yet: an envelope of another day may be all that
/// somebody has of it.
fn new_file(out: Option<&Path>) -> Result<(), Stop> {
    match out {
        Some(path) if path.symlink_metadata().is_ok() => {
            let what =
                format!("{} is there already, and is not overwritten", text::escape(&path.to_string_lossy()));
            Err(Stop::new(Code::Usage, what, "name a new file: --out FILE"))
        }
        _ => Ok(()),
    }
}

/// The trusted revision that is meant: by name, or by the bytes of a folder.
fn trusted(session: &Session<'_>, typed: &str) -> Result<RevisionRow, Stop> {
    let is_trusted = |row: &RevisionRow| matches!(row.lifecycle.state(), State::Trusted | State::Enabled);
    if !typed.contains('/') {
        return facts::resolve(&session.ledger, typed, is_trusted);
    }
    let shown = text::escape_short(typed, 200);
    let folder = tree::open_folder(Path::new(typed)).map_err(|error| {
        Stop::new(Code::Usage, format!("{shown}: {error}"), "name a folder that is no link, or a skill")
    })?;
    let observed = tree::read(folder.as_fd(), &Checks { limits: session.policy.limits, strict: None });
    if !observed.faults.is_empty() {
        return Err(refusals::entries_stop(&observed.faults));
    }
    let digest = observed.manifest.digest();
    let rows = session.ledger.revisions().map_err(|fault| ledger_stop(&fault))?;
    rows.into_iter().find(|row| row.revision.digest == digest && is_trusted(row)).ok_or_else(|| {
        let what = format!("{shown} holds {digest}, and nobody here has decided to trust these bytes");
        Stop::new(
            Code::NotTrusted,
            what,
            "install it, review it and trust it first; then attest it by its name",
        )
    })
}

/// The policy in force; where no file says anything, that of the program.
fn policy(digest: Option<Digest>) -> Policy {
    match digest {
        Some(sha256) => Policy { uri: "urn:skill-trust:policy".to_owned(), sha256 },
        None => Policy { uri: "urn:skill-trust:policy:default".to_owned(), sha256: sha256(&[b""]) },
    }
}

/// A source's identity as a URI: a path of this machine with its scheme, and
/// what no URI holds in percent form.
fn uri(identity: &str) -> String {
    let scheme = if identity.starts_with('/') { "file://" } else { "" };
    identity.bytes().fold(scheme.to_owned(), |mut out, byte| {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn usage(why: &dyn std::fmt::Display) -> Stop {
    Stop::new(Code::Usage, why.to_string(), "run: skills publish review --help")
}
