//! Following trust roots: the real program on real homes, with a team that
//! publishes into a folder, a repository or a web server.

mod advise;
mod follow;
mod kill;
mod places;
mod policy;
mod revoke;
mod stamps;

use crate::support::faults::{Bed, Ran};
use crate::support::team::Team;
use skill_trust::model::lifecycle::Lifecycle;
use skill_trust::model::record::Outcome;
use skill_trust::model::skill::RevisionRef;
use skill_trust::ops::session::{Depth, Session};

/// Follows a team's root.
fn add(bed: &Bed, team: &Team) -> Ran {
    bed.run(&["roots", "add", "team", &team.origin(), "--pin", &team.pin()])
}

/// A place to break things in, and a team with one release.
fn scene() -> (Bed, Team) {
    let bed = Bed::new();
    let mut team = Team::new(&bed.root.join("team"), 1);
    team.release();
    (bed, team)
}

/// How it ended, and what was said.
#[track_caller]
fn ends(ran: Ran, code: i32, pieces: &[&str]) -> Ran {
    let all = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for piece in pieces {
        assert!(all.contains(piece), "no `{piece}` in\n{all}");
    }
    ran
}

/// The state of a skill's one revision, as the ledger has it.
#[track_caller]
fn state(bed: &Bed, name: &str) -> String {
    let view = bed.look().unwrap().view;
    let row = view.rows.iter().find(|(row, _)| row.starts_with(&format!("{name}@")));
    let state = row.unwrap_or_else(|| panic!("no {name}")).1;
    state.split(' ').next().unwrap().to_owned()
}

/// Installs and trusts a skill, writes signers into its pin, as a version that
/// reads signatures would, and enables it.
fn signed(bed: &Bed, name: &str, signers: &[String]) -> String {
    let digest = bed.install(name);
    bed.trust(name, &digest);
    {
        let world = bed.world();
        let mut session = Session::open(&world, Depth::All).unwrap();
        let wanted = RevisionRef::parse(name).unwrap();
        let rows = session.ledger.revisions_named(&wanted.name).unwrap();
        let mut row = rows.into_iter().next().unwrap();
        let Lifecycle::Trusted { pin } = &mut row.lifecycle else { panic!("{row:?}") };
        pin.provenance.strangers = signers.to_vec();
        let draft = session.draft("test", Outcome::Done, "signers");
        session
            .commit(|txn| {
                txn.put(&row).unwrap();
                Ok(vec![draft])
            })
            .unwrap();
    }
    bed.enable(name, "a");
    digest
}
