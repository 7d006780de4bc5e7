//! `review NAME --add FILE` cut off: the statement is kept with its record, or
//! neither is; and the same command again ends with both, once.

use super::scenes::Scene;
use crate::support::faults::Bed;
use crate::support::team::Team;
use skill_trust::model::digest::{Digest, sha256};
use skill_trust::model::provenance::Kept;
use skill_trust::model::skill::SkillName;
use skill_trust::model::time::Timestamp;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::policy::provenance::keys::SecretKey;
use skill_trust::policy::provenance::review::{Criterion, Finding, Review, Word};
use skill_trust::policy::provenance::seal::seal;
use skill_trust::policy::provenance::ssh::key as ssh;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Follows a root whose list lets somebody review, and writes what he signed
/// about `demo`, which agents load; the command that adds it.
fn signed(bed: &Bed, word: Word, finding: Option<&str>) -> Vec<String> {
    bed.enabled("other", "a");
    let digest = bed.enabled("demo", "a");
    let key = SecretKey::ed25519(&[9; 32]);
    let public = key.public();
    let line = ssh::PublicKey::parse(&ssh::plain_blob(public.kind(), public.point())).unwrap().to_text();
    let mut team = Team::new(&bed.root.join("team"), 1);
    let list = format!("ana namespaces=\"skill-review@v1\" {line}\n");
    team.list("allowed_signers", list.as_bytes()).release();
    bed.run(&["roots", "add", "team", &team.origin(), "--pin", &team.pin()]).done();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let review = Review {
        name: SkillName::parse("demo").unwrap(),
        digest: Digest::parse(&digest).unwrap(),
        criteria: [Criterion::parse("safe-to-run").unwrap()].into(),
        word,
        findings: finding.iter().map(|text| Finding::parse(text).unwrap()).collect(),
        made: Timestamp::from_unix(now - 60),
        until: Timestamp::from_unix(now + 86_400),
    };
    let file = bed.path("signed.json");
    fs::write(&file, seal(&review.to_sign().unwrap(), &[&key]).unwrap()).unwrap();
    ["review", "demo", "--add", &file].map(str::to_owned).to_vec()
}

/// Somebody found nothing wrong: kept, and no trust changes.
pub(super) fn positive(bed: &Bed) -> Vec<String> {
    signed(bed, Word::Positive, None)
}

/// Somebody warns: what was trusted loses it, then that is kept.
pub(super) fn warning(bed: &Bed) -> Vec<String> {
    signed(bed, Word::Violation, Some("sends the environment to a stranger"))
}

/// How often the statement is kept, whole; and how many records say so.
fn kept(bed: &Bed) -> Result<(usize, usize), String> {
    let bytes = fs::read(bed.path("signed.json")).map_err(|error| error.to_string())?;
    let named = sha256(&[&bytes]);
    let world = bed.world();
    let session = Session::open(&world, Depth::All).map_err(|stop| format!("{stop:?}"))?;
    let mut count = 0;
    for row in session.ledger.revisions().map_err(|fault| fault.to_string())? {
        let memory = session.ledger.memory(&Kept::key(&row.revision.digest)).map_err(|f| f.to_string())?;
        for digest in Kept::parse(memory.as_deref())?.envelopes {
            let blob = session.ledger.blob(&digest).map_err(|fault| fault.to_string())?;
            if digest != named || blob.as_deref() != Some(&bytes[..]) || row.revision.name.as_str() != "demo"
            {
                return Err(format!("{} keeps {digest}, of which there is {blob:?}", row.revision));
            }
            count += 1;
        }
    }
    let log = fs::read_to_string(bed.log()).map_err(|error| error.to_string())?;
    let done = |line: &&str| {
        line.contains("\"event\":\"import\"")
            && line.contains("\"decision\":\"done\"")
            && line.contains(&named.hex())
    };
    Ok((count, log.lines().filter(done).count()))
}

/// The law of this file; `done` if the command said that it is.
pub(super) fn law(bed: &Bed, scene: &Scene, args: &[String], done: bool) -> Result<(), String> {
    if !scene.name.starts_with("add a ") {
        return Ok(());
    }
    let found = kept(bed)?;
    if found != (0, 0) && found != (1, 1) || done && found.0 == 0 {
        return Err(format!("kept {} times, and {} records say so", found.0, found.1));
    }
    let again = bed.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let says = again.out.contains("kept already");
    if !again.acknowledged() || says != (found.0 == 1) || kept(bed)? != (1, 1) {
        return Err(format!("it was kept {} times; and again: {again:?}: {:?}", found.0, kept(bed)));
    }
    let live = bed.live().iter().any(|path| path.ends_with("/demo"));
    if live != scene.name.ends_with("review") {
        return Err(format!("after it was run again, an agent finds {:?}", bed.live()));
    }
    bed.look().map(drop)
}
