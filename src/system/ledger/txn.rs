//! Writing: changes and their records in one transaction.
//!
//! ```text
//!   begin ─▶ put / remove / hold … ─▶ seal(drafts) ─▶ commit
//!                                        │
//!                         the exact records are known here, before the
//!                         commit: a permit can name them
//! ```
//!
//! `seal` gives every draft its place in the chain; all records of one
//! transaction carry the state after it. Without `commit` nothing happened.

use super::state::{self, Brakes, Hashes};
use super::{EventRow, Head, Ledger, LedgerFault, read_hashes, read_head, signed};
use crate::model::digest::Digest;
use crate::model::lifecycle::{Hold, HoldScope, RevisionRow};
use crate::model::manifest::Manifest;
use crate::model::record::{CLOCK, Draft, Place, Record, leaf_hash};
use crate::model::skill::Revision;
use crate::model::time::Timestamp;
use rusqlite::{Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;

/// An open transaction.
pub struct Txn<'a> {
    pub(super) txn: Transaction<'a>,
    head: Head,
    brakes: Brakes,
    top: Hashes,
    pub(super) memory: Hashes,
    dirty: BTreeSet<u16>,
    slots: Slots<'a>,
}

/// The ledger's cached values, renewed on commit.
struct Slots<'a> {
    head: &'a mut Head,
    brakes: &'a mut Brakes,
    top: &'a mut Hashes,
    memory: &'a mut Hashes,
}

impl<'a> Txn<'a> {
    pub(super) fn begin(ledger: &'a mut Ledger) -> Result<Self, LedgerFault> {
        let Ledger { conn, head, brakes, top, memory, due } = ledger;
        super::let_go(conn)?;
        if std::mem::take(due) {
            super::shorten_wal(conn)?;
        }
        let txn = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        (*head, *brakes, *top, *memory) = read_head(&txn)?;
        let slots = Slots { head, brakes, top, memory };
        let (head, brakes) = (slots.head.clone(), slots.brakes.clone());
        let (top, memory) = (slots.top.clone(), slots.memory.clone());
        Ok(Self { txn, head, brakes, top, memory, dirty: BTreeSet::new(), slots })
    }

    /// Number that the first record of this transaction will have.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.head.size + 1
    }

    /// Time of the last record.
    #[must_use]
    pub const fn floor(&self) -> Timestamp {
        self.head.time
    }

    /// Lets the time go back to this one. The transaction's one record must be
    /// that of a lowered clock.
    pub fn lower_floor(&mut self, to: Timestamp) {
        self.head.time = self.head.time.min(to);
    }

    /// Epoch and holds as changed so far.
    #[must_use]
    pub const fn brakes(&self) -> &Brakes {
        &self.brakes
    }

    /// Writes a revision's row.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn put(&mut self, row: &RevisionRow) -> Result<(), LedgerFault> {
        let body = serde_json::to_string(row).map_err(|error| LedgerFault::Damaged(error.to_string()))?;
        let bucket = state::bucket_of(&row.revision);
        let mut insert = self.txn.prepare_cached(
            "INSERT INTO revision VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name, digest) DO UPDATE SET state = excluded.state, body = excluded.body",
        )?;
        let state = row.lifecycle.state().as_str();
        let (name, digest) = (row.revision.name.as_str(), row.revision.digest.as_bytes());
        insert.execute(params![name, digest, bucket, state, body])?;
        self.dirty.insert(bucket);
        Ok(())
    }

    /// Deletes a revision's row; its events stay.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn remove(&mut self, revision: &Revision) -> Result<(), LedgerFault> {
        self.txn.execute(
            "DELETE FROM revision WHERE name = ?1 AND digest = ?2",
            params![revision.name.as_str(), revision.digest.as_bytes()],
        )?;
        self.dirty.insert(state::bucket_of(revision));
        Ok(())
    }

    /// Keeps a manifest as evidence.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn keep_manifest(&mut self, manifest: &Manifest) -> Result<(), LedgerFault> {
        let body =
            serde_json::to_string(manifest).map_err(|error| LedgerFault::Damaged(error.to_string()))?;
        let digest = manifest.digest();
        self.txn
            .execute("INSERT OR REPLACE INTO manifest VALUES (?1, ?2)", params![digest.as_bytes(), body])?;
        Ok(())
    }

    /// Adds a standing hold; one that stands already keeps its number.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn hold(&mut self, scope: &HoldScope, seq: u64) -> Result<(), LedgerFault> {
        let (kind, value) = scope.parts();
        self.txn
            .execute("INSERT OR IGNORE INTO hold VALUES (?1, ?2, ?3)", params![kind, value, signed(seq)])?;
        self.brakes.holds = super::read_holds(&self.txn)?;
        Ok(())
    }

    /// Makes a hold belong to this kill, whether it stood already or not: what
    /// a person named for itself is not lifted along with an earlier kill.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn hold_anew(&mut self, scope: &HoldScope, seq: u64) -> Result<(), LedgerFault> {
        let (kind, value) = scope.parts();
        self.txn
            .execute("INSERT OR REPLACE INTO hold VALUES (?1, ?2, ?3)", params![kind, value, signed(seq)])?;
        self.brakes.holds = super::read_holds(&self.txn)?;
        Ok(())
    }

    /// Lifts a hold.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn lift(&mut self, scope: &HoldScope) -> Result<(), LedgerFault> {
        let (kind, value) = scope.parts();
        self.txn.execute("DELETE FROM hold WHERE scope = ?1 AND value = ?2", params![kind, value])?;
        self.brakes.holds.retain(|hold: &Hold| hold.scope != *scope);
        Ok(())
    }

    /// Sets the kill epoch and the id of the recorded home-wide kill.
    pub fn set_epoch(&mut self, epoch: u64, hold: Option<String>) {
        self.brakes.epoch = epoch;
        self.brakes.hold = hold;
    }

    /// Gives every draft its place in the chain and writes all but the commit.
    /// Nothing changes without a record, not even the time of the last one.
    ///
    /// # Errors
    /// [`LedgerFault`].
    pub fn seal(mut self, now: Timestamp, drafts: Vec<Draft>) -> Result<Sealed<'a>, LedgerFault> {
        self.settle_buckets()?;
        let state = state::state_digest(&self.brakes, &self.top, &self.memory);
        if drafts.is_empty() {
            if state != self.head.state {
                return Err(LedgerFault::Damaged("BUG: a change without a record".into()));
            }
            let Self { txn, head, brakes, top, memory, slots, .. } = self;
            return Ok(Sealed { txn, head, brakes, top, memory, slots, records: Vec::new() });
        }
        let lowered = self.head.time < self.slots.head.time;
        if lowered && (drafts.len() != 1 || drafts.iter().any(|draft| draft.event != CLOCK)) {
            return Err(LedgerFault::Damaged("BUG: a lowered clock without its record".into()));
        }
        let time = now.max(self.head.time);
        self.head.settled = self.head.bytes;
        self.head.time = time;
        self.head.state = state;
        let mut records = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let place = Place {
                seq: self.head.size + 1,
                prev: self.head.last,
                time,
                epoch: self.brakes.epoch,
                state,
            };
            let record = draft.finish(place);
            let row = self.append(&record)?;
            records.push((record, row));
        }
        self.write_head()?;
        let Self { txn, head, brakes, top, memory, slots, .. } = self;
        Ok(Sealed { txn, head, brakes, top, memory, slots, records })
    }

    fn append(&mut self, record: &Record) -> Result<EventRow, LedgerFault> {
        let line = record.line().map_err(LedgerFault::TooLong)?;
        let hash = leaf_hash(line.as_bytes());
        let row = EventRow { seq: record.seq, hash, offset: self.head.bytes, line };
        let mut insert = self.txn.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![signed(row.seq), row.line, row.hash.as_bytes(), signed(row.offset)])?;
        let mut node = self.txn.prepare_cached("INSERT INTO node VALUES (?1, ?2, ?3)")?;
        for (id, hash) in self.head.frontier.push(row.hash).into_iter().skip(1) {
            node.execute(params![id.level, signed(id.index), hash.as_bytes()])?;
        }
        self.head.size = row.seq;
        self.head.last = row.hash;
        self.head.bytes += row.line.len() as u64 + 1;
        Ok(row)
    }

    /// Recomputes the hashes of the buckets that were touched.
    fn settle_buckets(&mut self) -> Result<(), LedgerFault> {
        let mut groups: Vec<(usize, Hashes)> = Vec::new();
        for bucket in std::mem::take(&mut self.dirty) {
            let (group, at) = (usize::from(bucket) / state::FAN, usize::from(bucket) % state::FAN);
            if groups.last().is_none_or(|(last, _)| *last != group) {
                groups.push((group, read_hashes(&self.txn, group + 1)?));
            }
            let mut query = self
                .txn
                .prepare_cached("SELECT body FROM revision WHERE bucket = ?1 ORDER BY name, digest")?;
            let bodies =
                query.query_map([bucket], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
            if let Some((_, hashes)) = groups.last_mut() {
                hashes.set(at, state::bucket_hash(bodies.iter().map(String::as_str)));
            }
        }
        let changed = !groups.is_empty();
        let mut update = self.txn.prepare_cached("UPDATE bucket SET hashes = ?2 WHERE id = ?1")?;
        for (group, hashes) in groups {
            self.top.set(group, hashes.hash());
            update.execute(params![signed(group as u64 + 1), hashes.as_bytes()])?;
        }
        if changed {
            update.execute(params![0, self.top.as_bytes()])?;
        }
        Ok(())
    }

    fn write_head(&self) -> Result<(), LedgerFault> {
        let (head, frontier) = (&self.head, self.head.frontier.to_bytes());
        let mut update = self.txn.prepare_cached(
            "UPDATE head SET size = ?1, last = ?2, frontier = ?3, bytes = ?4, settled = ?5, time = ?6, epoch = ?7,
             hold = ?8, state = ?9 WHERE id = 1",
        )?;
        update.execute(params![
            signed(head.size),
            head.last.as_bytes(),
            frontier,
            signed(head.bytes),
            signed(head.settled),
            head.time.unix(),
            signed(self.brakes.epoch),
            self.brakes.hold,
            head.state.as_bytes(),
        ])?;
        Ok(())
    }
}

/// A transaction whose records are fixed and whose commit is all that is missing.
pub struct Sealed<'a> {
    txn: Transaction<'a>,
    head: Head,
    brakes: Brakes,
    top: Hashes,
    memory: Hashes,
    slots: Slots<'a>,
    records: Vec<(Record, EventRow)>,
}

impl Sealed<'_> {
    /// The records as they will be, with their lines, hashes and offsets.
    #[must_use]
    pub fn records(&self) -> &[(Record, EventRow)] {
        &self.records
    }

    /// Hash of the last record, if state or clock are others than before.
    #[must_use]
    pub fn change(&self) -> Option<Digest> {
        let before = &self.slots.head;
        (self.head.state != before.state || self.head.time < before.time).then_some(self.head.last)
    }

    /// The head as it will be.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The one commit point. After it the records are true, in the log or not.
    ///
    /// # Errors
    /// [`LedgerFault`]. A failed commit may still have happened: the caller
    /// opens the ledger anew and looks, and never tries again on this handle.
    pub fn commit(self) -> Result<Vec<(Record, EventRow)>, LedgerFault> {
        self.txn.commit()?;
        *self.slots.head = self.head;
        *self.slots.brakes = self.brakes;
        *self.slots.top = self.top;
        *self.slots.memory = self.memory;
        Ok(self.records)
    }
}
