//! Rows as stored, read into types and checked against what they repeat.

use super::state::{self, Brakes, Hashes};
use super::{EventRow, Head, LedgerFault};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Hold, HoldScope, RevisionRow};
use crate::model::merkle::Frontier;
use crate::model::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, number))
}

pub(super) fn digest_at(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Digest> {
    Ok(Digest::from_bytes(row.get::<_, [u8; 32]>(at)?))
}

pub(super) fn read_event(row: &rusqlite::Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: unsigned(row, 0)?,
        line: row.get(1)?,
        hash: digest_at(row, 2)?,
        offset: unsigned(row, 3)?,
    })
}

pub(super) fn read_hashes(conn: &Connection, id: usize) -> Result<Hashes, LedgerFault> {
    let mut query = conn.prepare_cached("SELECT hashes FROM bucket WHERE id = ?1")?;
    let bytes: Option<Vec<u8>> = query.query_row([signed(id as u64)], |row| row.get(0)).optional()?;
    let hashes = bytes.and_then(|bytes| Hashes::from_bytes(&bytes));
    hashes.ok_or_else(|| LedgerFault::Damaged(format!("bucket row {id} is missing")))
}

pub(super) fn parse_row(row: &rusqlite::Row<'_>) -> Result<(RevisionRow, String), LedgerFault> {
    let name: String = row.get(0)?;
    let body: String = row.get(4)?;
    let parsed: RevisionRow = serde_json::from_str(&body).map_err(|error| {
        LedgerFault::Damaged(format!("a row of `{}`: {error}", crate::model::text::escape(&name)))
    })?;
    let same = parsed.revision.name.as_str() == name
        && parsed.revision.digest == digest_at(row, 1)?
        && state::bucket_of(&parsed.revision) == row.get::<_, u16>(2)?
        && parsed.lifecycle.state().as_str() == row.get::<_, String>(3)?;
    if same {
        Ok((parsed, body))
    } else {
        Err(LedgerFault::Damaged("a row does not agree with its body".into()))
    }
}

pub(super) fn read_head(conn: &Connection) -> Result<(Head, Brakes, Hashes, Hashes), LedgerFault> {
    let mut query = conn.prepare_cached(
        "SELECT size, last, frontier, bytes, settled, time, state, epoch, hold FROM head WHERE id = 1",
    )?;
    let (size, last, frontier, bytes, settled, time, state, epoch, hold) = query
        .query_row([], |row| {
            let frontier: Vec<u8> = row.get(2)?;
            let time = Timestamp::from_unix(row.get(5)?);
            let ends = (unsigned(row, 3)?, unsigned(row, 4)?);
            let hold: Option<String> = row.get(8)?;
            Ok((
                unsigned(row, 0)?,
                digest_at(row, 1)?,
                frontier,
                ends.0,
                ends.1,
                time,
                digest_at(row, 6)?,
                unsigned(row, 7)?,
                hold,
            ))
        })
        .optional()?
        .ok_or_else(|| LedgerFault::Damaged("the head is missing".into()))?;
    let frontier = Frontier::from_bytes(size, &frontier)
        .ok_or_else(|| LedgerFault::Damaged("the head's frontier does not fit its size".into()))?;
    let brakes = Brakes { epoch, hold, holds: read_holds(conn)? };
    let (top, memory) = (read_hashes(conn, 0)?, super::memory::hashes(conn)?);
    if state::state_digest(&brakes, &top, &memory) != state {
        return Err(LedgerFault::Damaged(
            "holds, epoch, revisions or what is remembered were changed".into(),
        ));
    }
    Ok((Head { size, last, frontier, bytes, settled, time, state }, brakes, top, memory))
}

pub(super) fn read_holds(conn: &Connection) -> Result<Vec<Hold>, LedgerFault> {
    let mut query = conn.prepare_cached("SELECT scope, value, seq FROM hold ORDER BY scope, value")?;
    let mut rows = query.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let (scope, value): (String, String) = (row.get(0)?, row.get(1)?);
        let scope = HoldScope::from_parts(&scope, &value)
            .ok_or_else(|| LedgerFault::Damaged("a hold cannot be read".into()))?;
        out.push(Hold { scope, seq: unsigned(row, 2)? });
    }
    Ok(out)
}
