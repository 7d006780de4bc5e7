//! Add, list, refresh, remove.

use super::{add, ends, scene};
use crate::support::team::digest_entry;

#[test]
fn a_root_is_added_listed_refreshed_and_removed() {
    let (bed, mut team) = scene();
    let digest = bed.enabled("demo", "a");
    bed.enabled("other", "a");
    team.anchor("acme", "not a key", "github.com/acme/*");
    team.release();
    let ran = ends(add(&bed, &team), 0, &["following", "publisher `acme` may sign for github.com/acme/*"]);
    println!("{}{}", ran.out, ran.err);
    let ran = bed.run(&["roots", "list"]);
    println!("{}{}", ran.out, ran.err);
    ends(ran, 0, &["team  fresh"]);
    let before = bed.run(&["audit", "show"]).out;
    let ran = ends(bed.run(&["roots", "refresh"]), 0, &["no news"]);
    println!("{}{}", ran.out, ran.err);
    assert_eq!(bed.run(&["audit", "show"]).out, before, "nothing new is no record");
    team.revoke(&[digest_entry(&digest, "malicious", "sends files away")]).release();
    let ran = ends(bed.run(&["roots", "refresh"]), 0, &["news", "REVOKED", "sends files away"]);
    println!("{}{}", ran.out, ran.err);
    let ran = bed.run(&["status"]);
    println!("{}{}", ran.out, ran.err);
    let ran = bed.run(&["audit", "show"]);
    println!("{}{}", ran.out, ran.err);
    ends(bed.run(&["roots", "remove", "team"]), 4, &["--phrase team"]);
    ends(bed.run(&["roots", "remove", "team", "--phrase", "team"]), 0, &["forgotten"]);
    ends(bed.run(&["roots", "list"]), 0, &["no trust root is followed"]);
}
