//! Reads what there is, and puts it before the verifiers.

use super::{Heard, Line, Tone, Vouching, damaged};
use crate::model::code::{Code, Stop};
use crate::model::digest::{Digest, sha256};
use crate::model::followed::{Followed, Standing};
use crate::model::git_proof::GitProof;
use crate::model::lifecycle::RevisionRow;
use crate::model::manifest::Manifest;
use crate::model::provenance::{Attested, Kept, Reviewed, Voucher, Witness, as_a_stranger};
use crate::model::skill::Revision;
use crate::model::text;
use crate::model::time::Timestamp;
use crate::model::tuf::Value;
use crate::model::tuf::layout::Place;
use crate::ops::refusals;
use crate::ops::session::ledger_stop;
use crate::policy::gate::Hashed;
use crate::policy::provenance::attestation::AttestOutcome;
use crate::policy::provenance::examine::{self, Beliefs, Evidence, Git, Seen};
use crate::policy::provenance::git::folder::{FolderHasher, GitFolder};
use crate::policy::provenance::people::{self, People};
use crate::policy::provenance::review::{self, Presented, ReviewOutcome};
use crate::policy::provenance::verdict::{Evidenced, Verdict};
use crate::policy::provenance::{Subject, SubjectFile, attestation, oms, ssh};
use crate::system::home::Home;
use crate::system::ledger::Ledger;
use crate::system::store::Store;
use crate::system::tree;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd as _;

/// What all followed roots say, put together.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) beliefs: Beliefs,
    /// Statements in envelopes that roots carry.
    pub(super) envelopes: Vec<Vec<u8>>,
    /// Roots of which nothing new counts.
    stale: BTreeSet<String>,
    faults: Vec<String>,
}

/// Whose lists are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    /// Those of fresh roots: what they say counts for something new.
    Fresh,
    /// Those of stale roots too: for what takes away.
    All,
}

impl Said {
    fn people(&self, whom: Whom, namespace: &str) -> People {
        // Of a root whose revocations cannot be read nobody knows whom it revoked:
        // its people warn, and count for nothing else.
        let muted = &self.beliefs.muted;
        let counts =
            |root: &String| whom == Whom::All || !(self.stale.contains(root) || muted.contains_key(root));
        let lists = self.beliefs.allowed.iter().filter(|(root, _)| counts(root));
        People::read(&lists.map(|(root, list)| (root.as_str(), list)).collect::<Vec<_>>(), namespace)
    }

    /// What reviews say about some bytes.
    pub(super) fn reviews(
        &self,
        presented: &[Presented<'_>],
        digest: Digest,
        whom: Whom,
        now: Timestamp,
    ) -> ReviewOutcome {
        let asked = review::Asked {
            digest,
            criteria: &BTreeSet::new(),
            revocations: &self.beliefs.all_revocations(),
            first_seen_counts: self.beliefs.first_seen_counts,
            now,
        };
        review::reviews(presented, &self.people(whom, people::REVIEW), &asked)
    }

    /// What verifiers say about them.
    pub(super) fn attestations(
        &self,
        presented: &[Presented<'_>],
        digest: Digest,
        whom: Whom,
        now: Timestamp,
    ) -> AttestOutcome {
        let asked = attestation::Asked {
            digest,
            resource: None,
            policy: None,
            levels: &[],
            revocations: &self.beliefs.all_revocations(),
            first_seen_counts: self.beliefs.first_seen_counts,
            now,
        };
        attestation::attestations(presented, &self.people(whom, people::ATTEST), &asked)
    }
}

/// Puts together what roots say. A root that has ended says only whom it revoked.
pub(super) fn said(ledger: &Ledger, roots: &[Followed], now: Timestamp) -> Result<Said, Stop> {
    let mut said = Said {
        beliefs: Beliefs::default(),
        envelopes: Vec::new(),
        stale: BTreeSet::new(),
        faults: Vec::new(),
    };
    for root in roots {
        if root.standing(now) != Standing::Fresh {
            said.stale.insert(root.name.clone());
        }
        for target in &root.targets {
            let bytes = ledger.blob(&target.bytes).map_err(|fault| ledger_stop(&fault))?;
            let path = text::escape_short(&target.path, 120);
            let bytes = bytes
                .ok_or_else(|| damaged(&format!("`{path}` of the trust root `{}` is gone", root.name)))?;
            let custom = match &target.custom {
                None => None,
                Some(custom) => {
                    Some(Value::parse(custom.as_bytes()).map_err(|why| damaged(&why.to_string()))?)
                }
            };
            let place = Place::of(&target.path);
            if let Place::Review(_) = place {
                said.envelopes.push(bytes);
            } else if let Err(why) = said.beliefs.add_target(&root.name, place, &bytes, custom.as_ref()) {
                said.faults.push(format!("`{path}` of the trust root `{}` does not count: {why}", root.name));
            }
        }
    }
    Ok(said)
}

/// The stored copy, read once.
struct Copy {
    manifest: Manifest,
    subject: Subject,
    folder: Option<GitFolder>,
    evidence: BTreeMap<&'static str, Vec<u8>>,
}

fn copy(home: &Home, row: &RevisionRow) -> Result<Copy, Stop> {
    let digest = &row.revision.digest;
    let store = Store::new(home).map_err(|fault| refusals::store_stop(&fault))?;
    let folder = store.open(digest).map_err(|_| {
        let what = format!("the stored copy of {} is gone or cannot be opened", row.revision);
        Stop::new(Code::DigestMismatch, what, format!("install it again from {}", row.source))
    })?;
    let checks = Store::checks();
    let observed = tree::read(folder.as_fd(), &checks);
    if !observed.is(digest) {
        let found = Some(observed.manifest.digest());
        return Err(refusals::store_differs(
            row,
            &Hashed { path: String::new(), digest: found, faults: observed.faults },
        ));
    }
    let manifest = observed.manifest;
    let wanted = examine::names(&manifest).read;
    let (mut files, mut evidence, mut hasher) = (Vec::new(), BTreeMap::new(), FolderHasher::new());
    let mut collides = false;
    for entry in manifest.entries() {
        let bytes = tree::read_entry(folder.as_fd(), entry, checks.limits.file).map_err(|fault| {
            Stop::new(
                Code::Unreadable,
                format!("the stored copy of {}: {fault}", row.revision),
                "run: skills verify",
            )
        })?;
        files.push(SubjectFile {
            path: entry.path.as_str().to_owned(),
            sha256: sha256(&[&bytes]),
            executable: entry.executable,
        });
        collides |= hasher.add(&entry.path, entry.executable, &bytes).is_err();
        if let Some((name, most)) = wanted.iter().find(|(name, _)| *name == entry.path.as_str())
            && bytes.len() as u64 <= *most
        {
            evidence.insert(*name, bytes);
        }
    }
    let folder = if collides { None } else { hasher.finish().ok() };
    let subject = Subject { name: row.revision.name.clone(), digest: *digest, files };
    Ok(Copy { manifest, subject, folder, evidence })
}

/// What was kept about a digest when it came.
pub(super) fn kept(ledger: &Ledger, digest: &Digest) -> Result<Kept, Stop> {
    let body = ledger.memory(&Kept::key(digest)).map_err(|fault| ledger_stop(&fault))?;
    Kept::parse(body.as_deref()).map_err(|why| damaged(&why))
}

fn blob(ledger: &Ledger, digest: &Digest) -> Result<Vec<u8>, Stop> {
    let bytes = ledger.blob(digest).map_err(|fault| ledger_stop(&fault))?;
    bytes.ok_or_else(|| damaged(&format!("kept evidence {} is gone", digest.short())))
}

fn proof(ledger: &Ledger, kept: &Kept) -> Result<Option<GitProof>, Stop> {
    let Some(git) = &kept.git else { return Ok(None) };
    let all = |list: &[Digest]| list.iter().map(|one| blob(ledger, one)).collect::<Result<Vec<_>, _>>();
    Ok(Some(GitProof { tags: all(&git.tags)?, commit: blob(ledger, &git.commit)?, trees: all(&git.trees)? }))
}

/// Everything about one revision.
pub(super) fn look(
    home: &Home,
    ledger: &Ledger,
    row: &RevisionRow,
    heard: &Heard,
    now: Timestamp,
    findings: &mut Vouching,
) -> Result<(), Stop> {
    // Our own record keeps what was decided before a compromise, if the policy says
    // so. What is not trusted yet needs a third party's word: a time stamp.
    let mut decided = None;
    if heard.first_seen_counts && row.lifecycle.pin().is_some() {
        decided.insert(heard.said.clone()).beliefs.first_seen_counts = true;
    }
    let said = decided.as_ref().unwrap_or(&heard.said);
    for why in &said.faults {
        findings.lines.push(Line { label: "root", words: why.clone(), tone: Tone::Against });
    }
    let copy = copy(home, row)?;
    let kept = kept(ledger, &row.revision.digest)?;
    let proof = proof(ledger, &kept)?;
    let git = proof.as_ref().zip(copy.folder.as_ref()).map(|(proof, folder)| Git { proof, folder });
    let file = |name: &str| copy.evidence.get(name).map(Vec::as_slice);
    let [statement, signature] = ssh::statement::INSIDE;
    let evidence = Evidence {
        source: &row.source,
        subject: &copy.subject,
        manifest: &copy.manifest,
        bundle: file(oms::SIGNATURE_FILE),
        statement: file(statement),
        statement_signature: file(signature),
        beside: None,
        git,
        first_seen: Some(row.installed),
        now,
    };
    let seen = examine::examine(&said.beliefs, &evidence);
    signatures(&row.revision, &seen, said, findings);
    statements(ledger, row, said, &kept, now, findings)
}

fn signatures(revision: &Revision, seen: &[Seen], said: &Said, findings: &mut Vouching) {
    let mut any = false;
    for one in seen {
        let method = one.method.as_str();
        let (words, tone) = match (&one.verdict, &one.root) {
            (Verdict::Unsigned, _) => continue,
            (Verdict::Valid(vouched), Some(root)) => {
                let key = vouched.key().to_string();
                let stale = said.stale.contains(root);
                let (at, witness) = (vouched.at().time(), witness(vouched.at()));
                let signer = vouched.signer().to_string();
                let mut words = format!("by {signer} ({method}, trust root `{root}`)");
                if key != signer {
                    words.push_str(&format!(", with {key}"));
                }
                words.push_str(&match witness {
                    Witness::Stamped => format!(", stamped {at}"),
                    Witness::FirstSeen => format!(", here since {at}"),
                    Witness::Now => String::new(),
                });
                vouched.notes().iter().for_each(|note| words.push_str(&format!("; {note}")));
                if stale {
                    words.push_str("; does not count while that root is stale");
                    let stranger = as_a_stranger(&signer, &key).to_owned();
                    findings.provenance.strangers.push(stranger);
                } else {
                    let (method, root) = (method.to_owned(), root.clone());
                    findings.provenance.vouched.push(Voucher { at, key, method, root, signer, witness });
                }
                (words, if stale { Tone::Plain } else { Tone::For })
            }
            (Verdict::UnknownSigner { who, key }, _) => {
                let mut words = format!("by somebody whom no followed trust root names: {who} ({method})");
                if let Some(key) = key {
                    words.push_str(&format!("; the signature is right for {key}"));
                    findings.provenance.strangers.push(key.to_string());
                }
                (words, Tone::Plain)
            }
            (Verdict::Unsupported(what), _) => (format!("not evaluated: {what} ({method})"), Tone::Plain),
            (verdict, _) => {
                // Attack: the stolen key signs on, and a person who reads quickly sees a signature.
                if let Verdict::Revoked { .. } = verdict {
                    let what = format!("{revision}: {verdict}");
                    let next = format!(
                        "ask its author for a release that another key signs; read it: skills review {revision}"
                    );
                    findings.stops.get_or_insert(Stop::new(Code::Revoked, what, next));
                }
                (format!("{verdict} ({method})"), Tone::Against)
            }
        };
        any = true;
        findings.lines.push(Line { label: "signed", words, tone });
    }
    if !any {
        let words = "no".to_owned();
        findings.lines.push(Line { label: "signed", words, tone: Tone::Plain });
    }
}

const fn witness(at: Evidenced) -> Witness {
    match at {
        Evidenced::Stamped(_) => Witness::Stamped,
        Evidenced::FirstSeen(_) => Witness::FirstSeen,
        Evidenced::Now(_) => Witness::Now,
    }
}

/// Reviews and verifiers' summaries: those that roots carry, and those that
/// were imported.
fn statements(
    ledger: &Ledger,
    row: &RevisionRow,
    said: &Said,
    kept: &Kept,
    now: Timestamp,
    findings: &mut Vouching,
) -> Result<(), Stop> {
    let mut envelopes = said.envelopes.clone();
    for one in &kept.envelopes {
        envelopes.push(blob(ledger, one)?);
    }
    if envelopes.is_empty() {
        return Ok(());
    }
    let presented: Vec<_> =
        envelopes.iter().map(|bytes| Presented { bytes, at: Evidenced::Now(now) }).collect();
    let digest = row.revision.digest;
    let outcome = said.reviews(&presented, digest, Whom::Fresh, now);
    for (who, positive) in outcome.people() {
        let criteria: Vec<_> = positive.review.criteria.iter().map(|one| one.as_str().to_owned()).collect();
        let until = positive.review.until;
        let words = format!("by {} for {}, until {until}", text::escape_short(who, 120), criteria.join(", "));
        findings.lines.push(Line { label: "reviewed", words, tone: Tone::For });
        let keys = vec![positive.key.to_string()];
        findings.provenance.reviews.push(Reviewed { criteria, keys, until, who: who.clone() });
    }
    // Attack: whoever keeps a root from being refreshed silences who warns.
    if let Err(why) = said.reviews(&presented, digest, Whom::All, now).stops() {
        findings.lines.push(Line { label: "reviewed", words: why.to_string(), tone: Tone::Against });
        let next = format!(
            "read what it says: skills review {}; it must not be trusted while that stands",
            row.revision
        );
        findings.stops.get_or_insert(Stop::new(Code::Violation, format!("{}: {why}", row.revision), next));
    }
    let outcome = said.attestations(&presented, digest, Whom::Fresh, now);
    for (who, told) in outcome.passed() {
        let words = format!("by {}: passed", text::escape_short(who, 120));
        findings.lines.push(Line { label: "attested", words, tone: Tone::For });
        findings.provenance.attested.push(Attested { keys: vec![told.key.to_string()], who: who.clone() });
    }
    for who in said.attestations(&presented, digest, Whom::All, now).failed().keys() {
        let words = format!("by {}: FAILED", text::escape_short(who, 120));
        findings.lines.push(Line { label: "attested", words, tone: Tone::Against });
    }
    Ok(())
}
