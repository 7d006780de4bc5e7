//! A ledger that was changed from outside says so.

use super::*;
use crate::model::lifecycle::{HoldScope, Lifecycle};
use crate::model::record::{Actor, Outcome};
use crate::model::source::{Source, SourceKind};
use crate::system::audit_log::{AuditLog, LogFault, Settled, announce};

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(&folder.path().join("home")).unwrap();
    (folder, home)
}

fn draft(event: &str) -> Draft {
    let actor = Actor { uid: 0, user: "ana".into(), via: "cli".into() };
    Draft::new(actor, event, Outcome::Done, "because")
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

fn row(name: &str, seq: u64) -> RevisionRow {
    let digest = sha256(&[name.as_bytes()]);
    let location = "/src".to_owned();
    RevisionRow {
        revision: Revision { name: SkillName::parse(name).unwrap(), digest },
        lifecycle: Lifecycle::Installed { former: None },
        source: Source { commit: None, kind: SourceKind::Folder, location, path: None, reference: None },
        card_name: None,
        version: None,
        arrived: 1,
        installed: now(),
        files: 1,
        bytes: 1,
        seq,
    }
}

/// A home with a log and a ledger of some rows and holds.
fn filled() -> (tempfile::TempDir, Home, AuditLog) {
    let (folder, home) = home();
    AuditLog::create(&home).unwrap();
    Ledger::create(&home, now(), draft("home")).unwrap();
    let mut ledger = Ledger::open(&home).unwrap();
    let log = AuditLog::open(&home, &ledger).unwrap();
    assert_eq!(log.settle(&home, &ledger).unwrap(), Settled::Appended { records: 1, torn: 0 });
    for name in ["a", "b", "c", "d", "e"] {
        write(&home, &mut ledger, &log, |txn| txn.put(&row(name, txn.next_seq())));
    }
    write(&home, &mut ledger, &log, |txn| txn.hold(&HoldScope::Source("/bad".into()), txn.next_seq()));
    (folder, home, log)
}

fn write(
    home: &Home,
    ledger: &mut Ledger,
    log: &AuditLog,
    change: impl FnOnce(&mut Txn<'_>) -> Result<(), LedgerFault>,
) {
    let mut txn = ledger.begin().unwrap();
    change(&mut txn).unwrap();
    let sealed = txn.seal(now(), vec![draft("install")]).unwrap();
    if let Some(last) = sealed.change() {
        announce(home, &last).unwrap();
    }
    let rows = sealed.commit().unwrap();
    log.append(&rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>()).unwrap();
}

/// Runs SQL as somebody who has the file would: no triggers of ours in the way.
fn edit(home: &Home, sql: &str) {
    let conn = Connection::open(home.path().join(FILE)).unwrap();
    conn.execute_batch(sql).unwrap();
}

fn is_damaged<T>(result: Result<T, LedgerFault>) -> bool {
    matches!(result, Err(LedgerFault::Damaged(_)))
}

#[test]
fn what_is_written_is_read_back_and_proven() {
    let (_folder, home, log) = filled();
    let ledger = Ledger::open(&home).unwrap();
    assert_eq!(ledger.revisions().unwrap().len(), 5);
    assert_eq!(ledger.revision(&row("c", 0).revision).unwrap(), Some(row("c", 4)));
    assert_eq!(ledger.revisions_named(&SkillName::parse("d").unwrap()).unwrap(), [row("d", 5)]);
    assert_eq!(ledger.brakes().holds.len(), 1);
    assert_eq!(log.verify(&ledger).unwrap().records, 7);
    ledger.check_integrity().unwrap();
}

#[test]
fn without_a_commit_nothing_happened() {
    let (_folder, home, log) = filled();
    let mut ledger = Ledger::open(&home).unwrap();
    let before = ledger.head().clone();
    let mut txn = ledger.begin().unwrap();
    txn.put(&row("z", 8)).unwrap();
    drop(txn.seal(now(), vec![draft("install")]).unwrap());
    ledger.refresh().unwrap();
    assert_eq!(ledger.head(), &before);
    assert_eq!(ledger.revision(&row("z", 0).revision).unwrap(), None);
    assert_eq!(log.settle(&home, &ledger).unwrap(), Settled::Clean);
}

#[test]
fn events_are_neither_changed_nor_deleted() {
    let (_folder, home, _log) = filled();
    let conn = Connection::open(home.path().join(FILE)).unwrap();
    assert!(conn.execute("UPDATE event SET line = 'x' WHERE seq = 2", []).is_err());
    assert!(conn.execute("DELETE FROM event", []).is_err());
}

#[test]
fn a_row_changed_in_the_ledger_alone_is_damage() {
    let edits = [
        "UPDATE revision SET body = replace(body, 'installed', 'trusted') WHERE name = 'c'",
        "UPDATE revision SET state = 'trusted' WHERE name = 'c'",
        "UPDATE revision SET bucket = (bucket + 1) % 4096 WHERE name = 'c'",
        "UPDATE revision SET name = 'x' WHERE name = 'c'",
        "DELETE FROM revision WHERE name = 'c'",
        "UPDATE bucket SET hashes = zeroblob(2048)",
        "UPDATE bucket SET hashes = zeroblob(2048) WHERE id > 0",
        "DELETE FROM bucket WHERE id = 0",
        "DELETE FROM hold",
        "INSERT INTO hold VALUES ('name', 'c', 1)",
        "UPDATE hold SET value = '/other'",
        "UPDATE head SET epoch = 1",
        "UPDATE head SET hold = 'x'",
        "UPDATE head SET state = zeroblob(32)",
        "UPDATE head SET size = size - 1",
        "DELETE FROM head",
    ];
    for sql in edits {
        let (_folder, home, _log) = filled();
        edit(&home, sql);
        let found = Ledger::open(&home).and_then(|ledger| ledger.revisions().map(drop));
        assert!(is_damaged(found), "{sql}");
    }
}

#[test]
fn a_head_changed_in_the_ledger_alone_does_not_agree_with_the_last_record() {
    for sql in [
        "UPDATE head SET time = 0",
        "UPDATE head SET last = zeroblob(32)",
        "UPDATE head SET bytes = bytes - 1",
        "UPDATE head SET bytes = bytes + 1, settled = bytes",
        "UPDATE head SET settled = bytes + 1",
        // Rows, hashes and state digest all consistent, but not what was recorded.
        "DELETE FROM hold; UPDATE head SET state = STATE",
    ] {
        let (_folder, home, log) = filled();
        let mut brakes = Ledger::open(&home).unwrap().brakes().clone();
        brakes.holds.clear();
        let top = Ledger::open(&home).unwrap().top.clone();
        let forged = format!("x'{}'", state::state_digest(&brakes, &top, &Hashes::empty()).hex());
        edit(&home, &sql.replace("STATE", &forged));
        let ledger = Ledger::open(&home).unwrap();
        assert!(log.settle(&home, &ledger).is_err(), "{sql}");
    }
}

#[test]
fn one_point_read_notices_a_row_put_back_from_an_older_ledger() {
    let (_folder, home, log) = filled();
    let older: String = Connection::open(home.path().join(FILE))
        .unwrap()
        .query_row("SELECT body FROM revision WHERE name = 'c'", [], |row| row.get(0))
        .unwrap();
    let mut ledger = Ledger::open(&home).unwrap();
    write(&home, &mut ledger, &log, |txn| txn.put(&RevisionRow { bytes: 99, ..row("c", 8) }));
    drop(ledger);
    edit(&home, &format!("UPDATE revision SET body = '{older}' WHERE name = 'c'"));
    let ledger = Ledger::open(&home).unwrap();
    assert!(is_damaged(ledger.revision(&row("c", 0).revision)));
    assert!(ledger.revision(&row("a", 0).revision).unwrap().is_some(), "the others are still proven");
}

#[test]
fn a_planted_schema_is_damage_and_a_later_one_is_newer() {
    for sql in [
        "CREATE TRIGGER x AFTER INSERT ON event BEGIN DELETE FROM hold; END",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TABLE x (y)",
        "DROP TRIGGER event_is_never_deleted",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 0",
    ] {
        let (_folder, home, _log) = filled();
        edit(&home, sql);
        assert!(is_damaged(Ledger::open(&home)), "{sql}");
    }
    let (_folder, home, _log) = filled();
    edit(&home, "PRAGMA user_version = 2");
    assert!(matches!(Ledger::open(&home), Err(LedgerFault::Newer { found: 2 })));
}

#[test]
fn a_ledger_that_is_a_link_or_has_a_second_name_is_not_opened() {
    let (folder, home, _log) = filled();
    std::fs::hard_link(home.path().join(FILE), folder.path().join("second")).unwrap();
    assert!(matches!(Ledger::open(&home), Err(LedgerFault::Unsafe(_))));
    std::fs::remove_file(home.path().join(FILE)).unwrap();
    std::os::unix::fs::symlink(folder.path().join("second"), home.path().join(FILE)).unwrap();
    assert!(matches!(Ledger::open(&home), Err(LedgerFault::Unsafe(_))));
    std::fs::remove_file(home.path().join(FILE)).unwrap();
    assert!(matches!(Ledger::open(&home), Err(LedgerFault::Missing)));
}

#[test]
fn the_wal_does_not_grow_from_one_short_process_to_the_next() {
    let (_folder, home, log) = filled();
    for _ in 0..100 {
        let mut ledger = Ledger::open(&home).unwrap();
        write(&home, &mut ledger, &log, |_| Ok(()));
    }
    let wal = std::fs::metadata(home.path().join("ledger.db-wal")).unwrap().len();
    assert!(wal <= open::WAL_BYTES.cast_unsigned(), "{wal} bytes");
    assert_eq!(Ledger::open(&home).unwrap().head().size, 107);
}

#[test]
fn an_earlier_head_is_extended_and_no_other() {
    let (_folder, home, log) = filled();
    let mut ledger = Ledger::open(&home).unwrap();
    let mut heads = vec![(0, merkle::empty())];
    for _ in 0..20 {
        heads.push((ledger.head().size, ledger.head().frontier.root()));
        write(&home, &mut ledger, &log, |_| Ok(()));
    }
    for (size, root) in &heads {
        assert!(ledger.extends(*size, root).unwrap(), "{size}");
    }
    let (size, root) = heads[9];
    assert!(!ledger.extends(size, &sha256(&[b"other"])).unwrap());
    assert!(!ledger.extends(size + 1, &root).unwrap());
    assert!(!ledger.extends(1000, &root).unwrap());
}

#[test]
fn a_log_behind_by_one_transaction_is_completed_to_the_byte() {
    let (_folder, home, log) = filled();
    let path = home.path().join("audit/audit.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let ledger = Ledger::open(&home).unwrap();
    let settled = usize::try_from(ledger.head().settled).unwrap();
    for length in settled..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let torn = (length - settled) as u64;
        assert_eq!(
            log.settle(&home, &ledger).unwrap(),
            Settled::Appended { records: 1, torn },
            "cut at {length}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    // What was not announced is no crash, and what cannot be read announces nothing.
    std::fs::write(&path, &whole[..settled]).unwrap();
    let intent = home.path().join("audit/intent");
    let announced = std::fs::read(&intent).unwrap();
    for bad in [Vec::new(), announced[..64].to_vec(), [&announced[..], b"x"].concat(), vec![b'0'; 65]] {
        std::fs::write(&intent, bad).unwrap();
        assert!(matches!(log.settle(&home, &ledger), Err(LogFault::Unannounced { seq: 7 })));
        assert_eq!(std::fs::read(&path).unwrap(), whole[..settled]);
    }
    std::fs::write(&intent, announced).unwrap();
    // A power cut may leave zeros where bytes were written.
    let mut zeros = whole.clone();
    zeros[settled + 10..].fill(0);
    zeros.pop();
    std::fs::write(&path, &zeros).unwrap();
    assert!(matches!(log.settle(&home, &ledger).unwrap(), Settled::Appended { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn a_log_that_no_crash_explains_denies_and_is_not_touched() {
    let (_folder, home, log) = filled();
    let path = home.path().join("audit/audit.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let ledger = Ledger::open(&home).unwrap();
    let settled = usize::try_from(ledger.head().settled).unwrap();
    let shorter = whole[..settled - 1].to_vec();
    let mut edited = whole.clone();
    edited[whole.len() - 5] ^= 1;
    let mut torn_edited = whole[..whole.len() - 5].to_vec();
    *torn_edited.last_mut().unwrap() ^= 1;
    let longer = [&whole[..], b"{}\n"].concat();
    for bad in [&shorter, &edited, &torn_edited, &longer, &Vec::new()] {
        std::fs::write(&path, bad).unwrap();
        let found = log.settle(&home, &ledger);
        let known = matches!(
            found,
            Err(LogFault::Ahead { .. } | LogFault::Shortened { .. } | LogFault::Edited { .. })
        );
        assert!(known, "{found:?}");
        assert_eq!(&std::fs::read(&path).unwrap(), bad, "evidence is kept");
    }
    // A whole line before the end is what `verify` is for.
    let mut early = whole.clone();
    early[20] ^= 1;
    std::fs::write(&path, &early).unwrap();
    assert_eq!(log.settle(&home, &ledger).unwrap(), Settled::Clean);
    assert!(log.verify(&ledger).is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(AuditLog::open(&home, &ledger), Err(LogFault::Missing(7))));
}

#[test]
fn what_is_remembered_is_proven_and_so_is_that_nothing_is() {
    let (_folder, home, log) = filled();
    let mut ledger = Ledger::open(&home).unwrap();
    assert_eq!(ledger.memory("roots").unwrap(), None);
    let before = ledger.head().state;
    let mut kept = Digest::ZERO;
    write(&home, &mut ledger, &log, |txn| {
        txn.remember("roots", "one")?;
        txn.remember("lineage/a", "1.2.3")?;
        kept = txn.keep_blob(b"evidence")?;
        assert_eq!(txn.memory("roots")?.as_deref(), Some("one"));
        Ok(())
    });
    assert_ne!(ledger.head().state, before, "a record commits to it");
    write(&home, &mut ledger, &log, |txn| txn.remember("roots", "two"));
    drop(ledger);
    let mut ledger = Ledger::open(&home).unwrap();
    assert_eq!(ledger.memory("roots").unwrap().as_deref(), Some("two"));
    assert_eq!(ledger.memory("lineage/a").unwrap().as_deref(), Some("1.2.3"));
    assert_eq!(ledger.memory("lineage/b").unwrap(), None);
    assert_eq!(ledger.blob(&kept).unwrap().unwrap(), b"evidence");
    assert_eq!(ledger.blob(&Digest::ZERO).unwrap(), None);
    ledger.check_integrity().unwrap();
    write(&home, &mut ledger, &log, |txn| {
        txn.forget("roots")?;
        txn.forget("lineage/a")
    });
    assert_eq!(ledger.memory("roots").unwrap(), None);
    assert_eq!(ledger.head().state, before, "forgotten is as never known");
}

#[test]
fn attack_what_is_remembered_is_put_back_forgotten_or_moved() {
    for sql in [
        "UPDATE memory SET body = 'one' WHERE key = 'roots'",
        "DELETE FROM memory WHERE key = 'roots'",
        "UPDATE memory SET key = 'rootz' WHERE key = 'roots'",
        "INSERT INTO memory SELECT bucket, 'rootz', body FROM memory WHERE key = 'roots'",
        "UPDATE memory SET bucket = (bucket + 1) % 64 WHERE key = 'roots'",
        "UPDATE bucket SET hashes = zeroblob(2048) WHERE id = 65",
        "DELETE FROM bucket WHERE id = 65",
    ] {
        let (_folder, home, log) = filled();
        let mut ledger = Ledger::open(&home).unwrap();
        write(&home, &mut ledger, &log, |txn| txn.remember("roots", "two"));
        drop(ledger);
        edit(&home, sql);
        let said = Ledger::open(&home).and_then(|ledger| ledger.memory("roots"));
        assert!(is_damaged(said), "{sql}");
        assert!(is_damaged(Ledger::open(&home).and_then(|ledger| ledger.check_integrity())), "{sql}");
    }
    let (_folder, home, log) = filled();
    let mut ledger = Ledger::open(&home).unwrap();
    write(&home, &mut ledger, &log, |txn| txn.keep_blob(b"evidence").map(drop));
    drop(ledger);
    edit(&home, "UPDATE blob SET bytes = x'00'");
    assert_eq!(Ledger::open(&home).unwrap().blob(&sha256(&[b"evidence"])).unwrap(), None);
}
