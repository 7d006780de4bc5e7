//! Following trust roots: the real program on real homes, with a team that
//! publishes into a folder, a repository or a web server.

mod follow;

use crate::support::faults::{Bed, Ran};
use crate::support::team::Team;

/// Follows a team's root.
fn add(bed: &Bed, team: &Team) -> Ran {
    bed.run(&["roots", "add", "team", &team.origin(), "--root-sha256", &team.pin()])
}

/// A place to break things in, and a team with one release.
fn scene() -> (Bed, Team) {
    let bed = Bed::new();
    let mut team = Team::new(&bed.root.join("team"), 1);
    team.release();
    (bed, team)
}

#[track_caller]
fn ends(ran: Ran, code: i32, pieces: &[&str]) -> Ran {
    let all = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for piece in pieces {
        assert!(all.contains(piece), "no `{piece}` in\n{all}");
    }
    ran
}
