//! Changes of the log by somebody who knows its format.

use super::Change;
use super::files::rewrite;
use crate::support::scene::{Dice, Snapshot};
use skill_trust::model::record::{Draft, Outcome, Place, Record, leaf_hash};
use std::path::Path;

const LOG: &str = "home/audit/audit.jsonl";

/// Words that make a no look like a yes.
const WORDS: &[(&str, &str)] = &[
    ("\"deny\"", "\"allow\""),
    ("\"refused\"", "\"done\""),
    ("\"untrust\"", "\"trust\""),
    ("\"disable\"", "\"enable\""),
    ("\"kill\"", "\"release\""),
    ("\"drift\"", "\"enable\""),
    ("\"expire\"", "\"trust\""),
    ("\"install\"", "\"trust\""),
    ("\"epoch\":1", "\"epoch\":0"),
    ("\"until\":\"2027", "\"until\":\"2099"),
    ("\"via\":\"library\"", "\"via\":\"cli\""),
    ("\"seq\":", "\"seq\": "),
];

pub(super) fn changes<'a>(now: &'a Snapshot, dice: &mut Dice) -> Vec<Change<'a>> {
    let text = String::from_utf8(now.bytes(LOG).unwrap_or_default().to_vec()).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut out: Vec<Change<'a>> = Vec::new();
    let mut add = |what: String, lines: Vec<String>| {
        let bytes = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        out.push((
            format!("log: {what}"),
            Box::new(move |base: &Path| rewrite(&base.join(LOG), bytes.as_bytes())),
        ));
    };
    for at in 0..lines.len() {
        let with = |edit: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines.clone();
            edit(&mut lines);
            lines
        };
        add(format!("remove line {at}"), with(&|lines| drop(lines.remove(at))));
        add(format!("cut before line {at}"), with(&|lines| lines.truncate(at)));
        add(format!("cut up to line {at}"), with(&|lines| drop(lines.drain(..at))));
        add(format!("double line {at}"), with(&|lines| lines.insert(at, lines[at].clone())));
        add(format!("append line {at} again"), with(&|lines| lines.push(lines[at].clone())));
        add(format!("empty line {at}"), with(&|lines| lines[at].clear()));
        let other = dice.below(lines.len());
        add(format!("swap lines {at} and {other}"), with(&|lines| lines.swap(at, other)));
        for (from, to) in WORDS {
            if lines[at].contains(from) {
                add(
                    format!("{from} becomes {to} in line {at}"),
                    with(&|lines| {
                        lines[at] = lines[at].replace(from, to);
                    }),
                );
            }
        }
    }
    for event in ["trust", "enable", "release", "gate"] {
        let mut lines = lines.clone();
        lines.push(chained(&lines, event));
        add(format!("append a chained {event}"), lines);
    }
    let mut rechained: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| !line.contains("\"gate\"")) {
        let record = serde_json::from_str::<Record>(line).unwrap();
        rechained.push(rechain(&rechained, record));
    }
    add("chain anew without the gate's records".to_owned(), rechained);
    out
}

/// A record that follows the last line as ours would.
fn chained(lines: &[String], event: &str) -> String {
    let named = lines.iter().rev().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    let like = named.into_iter().find(|record| record.skill.is_some()).unwrap();
    let last: Record = serde_json::from_str(lines.last().unwrap()).unwrap();
    let mut draft = Draft::new(like.actor, event, Outcome::Done, "forged");
    draft.skill = like.skill;
    draft.digest = like.digest;
    draft.placements = like.placements;
    rechain(
        lines,
        draft.finish(Place {
            seq: 0,
            prev: last.prev,
            time: last.time,
            epoch: last.epoch,
            state: last.state,
        }),
    )
}

/// Gives a record the number and the predecessor that fit after these lines.
fn rechain(lines: &[String], mut record: Record) -> String {
    record.seq = lines.len() as u64 + 1;
    record.prev =
        lines.last().map_or(skill_trust::model::digest::Digest::ZERO, |line| leaf_hash(line.as_bytes()));
    record.line().unwrap()
}
