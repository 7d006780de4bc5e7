//! Changes of the ledger through SQL: first the plain ones, then those of
//! somebody who knows the schema, takes its triggers away and puts them back,
//! and makes every digest in the ledger fit.

use super::Change;
use crate::support::scene::Snapshot;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use skill_trust::model::digest::{Digest, Hasher, sha256};
use skill_trust::model::merkle::{Frontier, NodeId};
use skill_trust::model::record::{Draft, Outcome, Place, Record, leaf_hash};
use skill_trust::model::time::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

const TABLES: [&str; 10] =
    ["home", "event", "node", "head", "revision", "bucket", "hold", "manifest", "memory", "blob"];
/// Tables whose earlier contents are put back, alone and together.
const STATE: [&str; 7] = ["event", "node", "head", "revision", "bucket", "hold", "memory"];

pub(super) fn changes<'a>(now: &'a Snapshot, old: &'a [Snapshot]) -> Vec<Change<'a>> {
    let scratch = tempfile::tempdir().unwrap();
    let tables = |snapshot: &Snapshot, name: &str| {
        let base = scratch.path().join(name);
        snapshot.write(&base, |path| path.to_string_lossy().starts_with("home/ledger.db"));
        read_all(&base)
    };
    let here = tables(now, "now");
    let mut out: Vec<Change<'a>> = Vec::new();
    cells(&mut out, &here);
    schema(&mut out);
    let mut seen = vec![here.clone()];
    for (step, snapshot) in old.iter().enumerate() {
        let then = tables(snapshot, &step.to_string());
        if seen.contains(&then) {
            continue;
        }
        put_back(&mut out, step, &here, &then);
        forged(&mut out, step, &then);
        seen.push(then);
    }
    out
}

type Rows = Vec<Vec<Value>>;
type Tables = BTreeMap<&'static str, Rows>;

fn read_all(base: &Path) -> Tables {
    let conn = Connection::open(base.join("home/ledger.db")).unwrap();
    TABLES.into_iter().map(|table| (table, rows(&conn, table))).collect()
}

fn rows(conn: &Connection, table: &str) -> Rows {
    let mut query = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let width = query.column_count();
    let rows = query.query_map([], |row| (0..width).map(|at| row.get(at)).collect()).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn columns(conn: &Connection, table: &str) -> Vec<String> {
    let query = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
    query.column_names().map(str::to_owned).collect()
}

/// Opens the ledger, takes the triggers away, acts, and puts them back.
fn edit(base: &Path, act: impl FnOnce(&Connection) -> rusqlite::Result<usize>) -> bool {
    let Ok(conn) = Connection::open(base.join("home/ledger.db")) else { return false };
    conn.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF;").unwrap();
    let mut query = conn.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> =
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    drop(query);
    for (name, _) in &triggers {
        conn.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    let done = act(&conn);
    for (_, sql) in &triggers {
        conn.execute_batch(sql).unwrap();
    }
    done.is_ok_and(|count| count > 0)
}

/// Every cell of every table with other values; every row gone.
fn cells(out: &mut Vec<Change<'_>>, here: &Tables) {
    for (&table, rows) in here {
        let mut empty_seen = 0;
        for (at, row) in rows.iter().enumerate() {
            // Of the buckets that are all zeros, two stand for all.
            if table == "bucket" && row[1] == Value::Blob(vec![0; 2048]) {
                empty_seen += 1;
                if empty_seen > 2 {
                    continue;
                }
            }
            let row = row.clone();
            for column in 0..row.len() {
                let next = &rows[(at + 1) % rows.len()][column];
                for (what, value) in others(&row[column], next) {
                    let row = row.clone();
                    let name = format!("sql: {table} row {at} column {column}: {what}");
                    out.push((
                        name,
                        Box::new(move |base| {
                            edit(base, |conn| {
                                let names = columns(conn, table);
                                let same = names
                                    .iter()
                                    .enumerate()
                                    .map(|(at, name)| format!("{name} IS ?{}", at + 2));
                                let sql = format!(
                                    "UPDATE OR REPLACE {table} SET {} = ?1 WHERE {}",
                                    names[column],
                                    same.collect::<Vec<_>>().join(" AND ")
                                );
                                let all = std::iter::once(&value).chain(&row);
                                conn.execute(&sql, rusqlite::params_from_iter(all))
                            })
                        }),
                    ));
                }
            }
            let name = format!("sql: {table} row {at} removed");
            out.push((
                name,
                Box::new(move |base| {
                    edit(base, |conn| {
                        let names = columns(conn, table);
                        let same =
                            names.iter().enumerate().map(|(at, name)| format!("{name} IS ?{}", at + 1));
                        let sql =
                            format!("DELETE FROM {table} WHERE {}", same.collect::<Vec<_>>().join(" AND "));
                        conn.execute(&sql, rusqlite::params_from_iter(&row))
                    })
                }),
            ));
        }
        out.push((
            format!("sql: {table} emptied"),
            Box::new(move |base| edit(base, |conn| conn.execute(&format!("DELETE FROM {table}"), []))),
        ));
    }
}

fn others(value: &Value, next: &Value) -> Vec<(&'static str, Value)> {
    let mut out = match value {
        Value::Integer(number) => vec![
            ("zero", Value::Integer(0)),
            ("one more", Value::Integer(number.wrapping_add(1))),
            ("one less", Value::Integer(number.wrapping_sub(1))),
            ("most", Value::Integer(i64::MAX)),
        ],
        Value::Text(text) => vec![
            ("empty", Value::Text(String::new())),
            ("cut", Value::Text(text.chars().take(text.chars().count().saturating_sub(1)).collect())),
            ("trusted", Value::Text(text.replace("installed", "trusted"))),
            ("never ends", Value::Text(text.replace("\"until\":\"20", "\"until\":\"29"))),
            ("a space", Value::Text(format!("{text} "))),
        ],
        Value::Blob(blob) => {
            let mut first = blob.clone();
            first.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            let mut last = blob.clone();
            last.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
            vec![
                ("zeros", Value::Blob(vec![0; blob.len()])),
                ("first bit", Value::Blob(first)),
                ("last bit", Value::Blob(last)),
                ("cut", Value::Blob(blob[..blob.len().saturating_sub(1)].to_vec())),
            ]
        }
        Value::Null => vec![("set", Value::Text("x".to_owned())), ("zero", Value::Integer(0))],
        Value::Real(_) => Vec::new(),
    };
    out.push(("none", Value::Null));
    out.push(("the next row's", next.clone()));
    out.retain(|(_, other)| other != value);
    out
}

/// Things planted in the schema, and headers changed.
fn schema(out: &mut Vec<Change<'_>>) {
    let plants = [
        "CREATE TABLE planted (x)",
        "CREATE VIEW planted AS SELECT * FROM revision",
        "CREATE TRIGGER planted AFTER INSERT ON event BEGIN DELETE FROM hold; END",
        "CREATE TRIGGER planted AFTER UPDATE ON head BEGIN UPDATE revision SET state = 'trusted'; END",
        "CREATE INDEX planted ON event (hash)",
        "ALTER TABLE hold RENAME TO held",
        "ALTER TABLE revision ADD COLUMN extra TEXT",
        "DROP TABLE hold",
        "DROP TABLE manifest",
        "DROP TABLE memory",
        "DROP INDEX revision_by_name",
        "PRAGMA user_version = 2",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -1",
        "PRAGMA application_id = 0",
        "PRAGMA journal_mode = DELETE",
        "VACUUM",
        "REINDEX",
        "PRAGMA encoding = 'UTF-16'",
    ];
    for sql in plants {
        out.push((
            format!("sql: {sql}"),
            Box::new(move |base| edit(base, |conn| conn.execute_batch(sql).map(|()| 1))),
        ));
    }
    for trigger in ["event_is_never_changed", "event_is_never_deleted"] {
        out.push((
            format!("sql: {trigger} dropped"),
            Box::new(move |base| {
                let conn = Connection::open(base.join("home/ledger.db")).unwrap();
                conn.execute_batch(&format!("DROP TRIGGER {trigger}")).is_ok()
            }),
        ));
    }
}

fn replace(conn: &Connection, table: &str, rows: &Rows) -> rusqlite::Result<usize> {
    conn.execute(&format!("DELETE FROM {table}"), [])?;
    for row in rows {
        let marks: Vec<_> = (1..=row.len()).map(|at| format!("?{at}")).collect();
        let sql = format!("INSERT INTO {table} VALUES ({})", marks.join(", "));
        conn.execute(&sql, rusqlite::params_from_iter(row))?;
    }
    Ok(1)
}

/// Of all ways to pick some of so many: each alone, each pair, all, all but one.
fn telling(count: usize) -> impl Iterator<Item = usize> {
    (1..1_usize << count).filter(move |set| {
        let picked = set.count_ones() as usize;
        picked <= 2 || picked + 1 >= count
    })
}

/// Tables as they were, alone and together.
fn put_back(out: &mut Vec<Change<'_>>, step: usize, here: &Tables, then: &Tables) {
    let changed: Vec<_> = STATE.into_iter().filter(|table| here[table] != then[table]).collect();
    for set in telling(changed.len()) {
        let picked: Vec<_> =
            changed.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, t)| *t).collect();
        let with: Vec<_> = picked.iter().map(|table| (*table, then[table].clone())).collect();
        out.push((
            format!("sql: {picked:?} of step {step} put back"),
            Box::new(move |base| {
                edit(base, |conn| {
                    for (table, rows) in &with {
                        replace(conn, table, rows)?;
                    }
                    Ok(1)
                })
            }),
        ));
    }
}

/// Something that a forger wants to be so.
type Wish = fn(&Connection, &Tables) -> rusqlite::Result<()>;

/// What a forger wants, with every digest in the ledger made to fit.
fn forged(out: &mut Vec<Change<'_>>, step: usize, then: &Tables) {
    let wishes: [(&str, Wish); 5] = [
        ("the revisions", |conn, then| replace(conn, "revision", &then["revision"]).map(drop)),
        ("the holds", |conn, then| replace(conn, "hold", &then["hold"]).map(drop)),
        ("no kill", |conn, _| conn.execute("UPDATE head SET epoch = 0, hold = NULL", []).map(drop)),
        ("the time", |conn, _| conn.execute("UPDATE head SET time = 0", []).map(drop)),
        ("the home's id", |conn, _| {
            conn.execute("UPDATE home SET name = lower(name), created = 0", []).map(drop)
        }),
    ];
    for set in telling(wishes.len()) {
        let picked: Vec<_> =
            wishes.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, w)| *w).collect();
        let names: Vec<_> = picked.iter().map(|(name, _)| *name).collect();
        for last in [false, true] {
            let (picked, then) = (picked.clone(), then.clone());
            let what = format!("sql: forged {names:?} of step {step}, last record edited: {last}");
            out.push((
                what,
                Box::new(move |base| {
                    edit(base, |conn| {
                        for (_, wish) in &picked {
                            wish(conn, &then)?;
                        }
                        refit(conn)?;
                        if last {
                            edit_last(conn)?;
                        }
                        Ok(1)
                    })
                }),
            ));
        }
    }
}

/// Computes the hash trees and the state digest anew.
fn refit(conn: &Connection) -> rusqlite::Result<()> {
    let mut query = conn.prepare("SELECT name, digest, body FROM revision ORDER BY name, digest")?;
    let mut buckets: BTreeMap<usize, Hasher> = BTreeMap::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (name, digest, body): (String, [u8; 32], String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let hash = sha256(&[format!("{name}@{}", Digest::from_bytes(digest).hex()).as_bytes()]);
        let bucket = usize::from(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]) >> 4);
        let hasher = buckets.entry(bucket).or_default();
        hasher.update(&(body.len() as u64).to_be_bytes());
        hasher.update(body.as_bytes());
    }
    let mut groups = vec![vec![0_u8; 2048]; 64];
    for (bucket, hasher) in buckets {
        let at = bucket % 64 * 32;
        groups[bucket / 64][at..at + 32].copy_from_slice(hasher.finish().as_bytes());
    }
    let hash =
        |bytes: &[u8]| if bytes.iter().all(|byte| *byte == 0) { Digest::ZERO } else { sha256(&[bytes]) };
    let mut top = Vec::new();
    for (id, group) in groups.iter().enumerate() {
        conn.execute("UPDATE bucket SET hashes = ?2 WHERE id = ?1", params![signed(id as u64 + 1), group])?;
        top.extend_from_slice(hash(group).as_bytes());
    }
    conn.execute("UPDATE bucket SET hashes = ?1 WHERE id = 0", [&top])?;
    let (epoch, hold): (u64, Option<String>) =
        conn.query_row("SELECT epoch, hold FROM head", [], |row| Ok((number(row, 0)?, row.get(1)?)))?;
    let mut state = Hasher::new();
    state.update(b"skill-trust state 1\0");
    state.update(&epoch.to_be_bytes());
    state.update(&[u8::from(hold.is_some())]);
    state.update(hold.as_deref().unwrap_or_default().as_bytes());
    state.update(b"\0");
    let mut query = conn.prepare("SELECT scope, value, seq FROM hold ORDER BY scope, value")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        for at in 0..2 {
            let text: String = row.get(at)?;
            state.update(&(text.len() as u64).to_be_bytes());
            state.update(text.as_bytes());
        }
        state.update(&number(row, 2)?.to_be_bytes());
    }
    state.update(b"\0top\0");
    state.update(hash(&top).as_bytes());
    let mut query = conn.prepare("SELECT bucket, key, body FROM memory ORDER BY bucket, key")?;
    let mut rows = query.query([])?;
    let mut buckets: BTreeMap<usize, Hasher> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let hasher = buckets.entry(usize::from(row.get::<_, u8>(0)?)).or_default();
        for text in [row.get::<_, String>(1)?, row.get(2)?] {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    let mut memory = vec![0_u8; 2048];
    for (bucket, hasher) in buckets {
        memory[bucket * 32..bucket * 32 + 32].copy_from_slice(hasher.finish().as_bytes());
    }
    conn.execute("UPDATE bucket SET hashes = ?1 WHERE id = 65", [&memory])?;
    state.update(hash(&memory).as_bytes());
    conn.execute("UPDATE head SET state = ?1", [state.finish().as_bytes()])?;
    Ok(())
}

/// Edits the last record so that it says what the head says.
fn edit_last(conn: &Connection) -> rusqlite::Result<()> {
    let size: u64 = conn.query_row("SELECT size FROM head", [], |row| number(row, 0))?;
    let line: String =
        conn.query_row("SELECT line FROM event WHERE seq = ?1", [signed(size)], |row| row.get(0))?;
    let mut record: Record = serde_json::from_str(&line).unwrap();
    record.state = Digest::from_bytes(conn.query_row("SELECT state FROM head", [], |row| row.get(0))?);
    record.epoch = conn.query_row("SELECT epoch FROM head", [], |row| number(row, 0))?;
    let line = record.line().unwrap();
    let hash = leaf_hash(line.as_bytes());
    conn.execute(
        "UPDATE event SET line = ?2, hash = ?3 WHERE seq = ?1",
        params![signed(size), line, hash.as_bytes()],
    )?;
    let mut frontier = Frontier::default();
    for leaf in leaves(conn)? {
        for (NodeId { level, index }, hash) in frontier.push(leaf) {
            conn.execute(
                "UPDATE node SET hash = ?3 WHERE level = ?1 AND idx = ?2",
                params![level, signed(index), hash.as_bytes()],
            )?;
        }
    }
    conn.execute("UPDATE head SET last = ?1, frontier = ?2", params![hash.as_bytes(), frontier.to_bytes()])?;
    Ok(())
}

fn number(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn leaves(conn: &Connection) -> rusqlite::Result<Vec<Digest>> {
    let mut query = conn.prepare("SELECT hash FROM event ORDER BY seq")?;
    let all = query.query_map([], |row| Ok(Digest::from_bytes(row.get(0)?)))?;
    all.collect()
}

/// Writes a whole transaction as this program would: the revisions of an
/// earlier moment, and a record that brings them back.
pub(super) fn forge_event(base: &Path, earlier: &Snapshot, event: &str) -> bool {
    let (then, _) = at_that_time(earlier);
    edit(base, |conn| {
        replace(conn, "revision", &then["revision"])?;
        refit(conn)?;
        let last = last_event(conn)?;
        add_forged(conn, event, &last)
    })
}

/// As [`forge_event`], after a row that repeats the last line of that earlier
/// moment, with the state it speaks of, as if it were the one before.
pub(super) fn forge_after_repeat(base: &Path, earlier: &Snapshot) -> bool {
    let (then, old) = at_that_time(earlier);
    edit(base, |conn| {
        replace(conn, "revision", &then["revision"])?;
        refit(conn)?;
        let size = last_event(conn)?.seq;
        let repeated = Event { seq: size + 1, ..old.clone() };
        conn.execute(
            "INSERT INTO event VALUES (?1, ?2, ?3, ?4)",
            params![
                signed(size + 1),
                repeated.line,
                leaf_hash(repeated.line.as_bytes()).as_bytes(),
                signed(repeated.offset)
            ],
        )?;
        add_forged(conn, "trust", &repeated)
    })
}

/// One row of the events.
#[derive(Debug, Clone)]
struct Event {
    seq: u64,
    line: String,
    offset: u64,
}

fn last_event(conn: &Connection) -> rusqlite::Result<Event> {
    conn.query_row("SELECT seq, line, offset FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
        Ok(Event { seq: number(row, 0)?, line: row.get(1)?, offset: number(row, 2)? })
    })
}

/// The tables of an earlier moment, and its last event.
fn at_that_time(earlier: &Snapshot) -> (Tables, Event) {
    let scratch = tempfile::tempdir().unwrap();
    earlier.write(scratch.path(), |path| path.to_string_lossy().starts_with("home/ledger.db"));
    let last = last_event(&Connection::open(scratch.path().join("home/ledger.db")).unwrap()).unwrap();
    (read_all(scratch.path()), last)
}

/// A record after that one, at the log's end, with the head's state; and the
/// head made to fit.
fn add_forged(conn: &Connection, event: &str, before: &Event) -> rusqlite::Result<usize> {
    let (bytes, state): (u64, [u8; 32]) =
        conn.query_row("SELECT bytes, state FROM head", [], |row| Ok((number(row, 0)?, row.get(1)?)))?;
    let last: Record = serde_json::from_str(&before.line).unwrap();
    let mut draft = Draft::new(last.actor, event, Outcome::Done, "forged");
    draft.skill = last.skill;
    draft.digest = last.digest;
    let seq = before.seq + 1;
    // A lowered clock goes back by an hour; everything else has the head's time.
    let back = if event == "clock" { 3600 } else { 0 };
    let time: i64 = conn.query_row("SELECT time FROM head", [], |row| row.get(0))?;
    let time = Timestamp::from_unix(time - back);
    let record = draft.finish(Place {
        seq,
        prev: leaf_hash(before.line.as_bytes()),
        time,
        epoch: last.epoch,
        state: Digest::from_bytes(state),
    });
    let line = record.line().unwrap();
    let hash = leaf_hash(line.as_bytes());
    conn.execute(
        "INSERT INTO event VALUES (?1, ?2, ?3, ?4)",
        params![signed(seq), line, hash.as_bytes(), signed(bytes)],
    )?;
    let mut frontier = Frontier::default();
    for leaf in leaves(conn)? {
        for (NodeId { level, index }, hash) in frontier.push(leaf).into_iter().skip(1) {
            conn.execute(
                "INSERT OR REPLACE INTO node VALUES (?1, ?2, ?3)",
                params![level, signed(index), hash.as_bytes()],
            )?;
        }
    }
    conn.execute(
        "UPDATE head SET size = ?1, last = ?2, frontier = ?3, bytes = ?4, settled = ?5, time = ?6",
        params![
            signed(seq),
            hash.as_bytes(),
            frontier.to_bytes(),
            signed(bytes + line.len() as u64 + 1),
            signed(bytes),
            time.unix()
        ],
    )
}
