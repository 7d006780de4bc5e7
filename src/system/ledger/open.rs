//! Opening the database file: who may open it, with which settings, and that
//! its schema is ours to the letter.

use super::rows::signed;
use super::state::Hashes;
use super::{FILE, Ledger, LedgerFault, random_id};
use crate::model::digest::Digest;
use crate::model::time::Timestamp;
use crate::system::home::Home;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};
use std::time::Duration;

/// `SKTR`, in the database header.
pub(super) const APPLICATION: i32 = 0x534b_5452;
/// Version of the schema this program writes.
pub(super) const SCHEMA: i32 = 1;
pub(super) const SQL: &str = include_str!("../../../schema/ledger.sql");
/// How long another process is waited for.
pub(super) const BUSY: Duration = Duration::from_secs(2);
/// Oldest SQLite without the WAL-reset corruption.
pub(super) const SQLITE_FLOOR: i32 = 3_051_003;
/// What was committed and is not in the file itself yet.
pub(super) const WAL: &str = "ledger.db-wal";
/// Most pages in [`WAL`] before it is begun anew. Every process reads all of
/// them when it opens; a gate call adds two or three.
pub(super) const WAL_MOST: i64 = 16;
/// Length that [`WAL`] is cut to when it is begun anew, after one large change.
pub(super) const WAL_BYTES: i64 = 2 * WAL_MOST * (4096 + 24);
/// Its name while it is being made.
pub(super) const NEW: &str = "ledger.db.new";

/// Keeps the database as it is now for every reading to come, until
/// [`let_go`]. Without that, head, hashes and rows read one after the other
/// would be of different moments while another process commits, and what is
/// only young would look damaged. Nobody waits for it.
pub(super) fn hold(conn: &Connection) -> Result<(), LedgerFault> {
    if conn.is_autocommit() {
        conn.execute_batch("BEGIN")?;
    }
    Ok(())
}

/// Begins the write-ahead log anew if it is long, unless somebody is reading. A
/// process that makes one commit and ends would otherwise leave a log that only
/// ever grows, and that the next one reads from its start. The file keeps its
/// length: bytes written over others are flushed sooner than bytes added.
pub(super) fn shorten_wal(conn: &Connection) -> Result<(), LedgerFault> {
    let pages = conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1))?;
    if pages <= WAL_MOST {
        return Ok(());
    }
    conn.busy_timeout(Duration::ZERO)?;
    let done = conn.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
    conn.busy_timeout(BUSY)?;
    match done.map_err(LedgerFault::from) {
        Ok(_) | Err(LedgerFault::Busy) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Ends what [`hold`] began.
pub(super) fn let_go(conn: &Connection) -> Result<(), LedgerFault> {
    if !conn.is_autocommit() {
        conn.execute_batch("COMMIT")?;
    }
    Ok(())
}

/// Attack: the ledger or one of its side files is a link, a second name or
/// somebody else's. Looked at without opening: see the module page on locks.
///
/// Returns the length of the write-ahead log.
pub(super) fn check_files(home: &Home) -> Result<u64, LedgerFault> {
    let mut ahead = 0;
    let ours = rustix::process::geteuid().as_raw();
    for name in [FILE, WAL, "ledger.db-shm"] {
        let stat = match rustix::fs::statat(home.dir(), name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT) if name == FILE => return Err(LedgerFault::Missing),
            Err(rustix::io::Errno::NOENT) => continue,
            Err(error) => return Err(LedgerFault::Unsafe(error.to_string())),
        };
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        if kind != rustix::fs::FileType::RegularFile || stat.st_nlink != 1 || stat.st_uid != ours {
            return Err(LedgerFault::Unsafe(format!("{name} is a link, has a second name or another owner")));
        }
        if name == WAL {
            ahead = u64::try_from(stat.st_size).unwrap_or(0);
        }
    }
    Ok(ahead)
}

pub(super) fn fill(conn: &Connection, now: Timestamp) -> Result<(), LedgerFault> {
    let name = random_id().map_err(|error| LedgerFault::Unsafe(error.to_string()))?;
    let txn = conn.unchecked_transaction()?;
    txn.execute_batch(SQL)?;
    txn.execute("INSERT INTO home VALUES (1, ?1, ?2)", params![name, now.unix()])?;
    let state = Ledger::empty_state();
    txn.execute(
        "INSERT INTO head VALUES (1, 0, ?1, x'', 0, 0, ?2, 0, NULL, ?3)",
        params![Digest::ZERO.as_bytes(), i64::MIN, state.as_bytes()],
    )?;
    for id in 0..=super::memory::ROW {
        txn.execute(
            "INSERT INTO bucket VALUES (?1, ?2)",
            params![signed(id as u64), Hashes::empty().as_bytes()],
        )?;
    }
    txn.pragma_update(None, "application_id", APPLICATION)?;
    txn.pragma_update(None, "user_version", SCHEMA)?;
    Ok(txn.commit()?)
}

/// Ends a connection to a new file that will be opened with a write-ahead log,
/// and leaves the one file.
pub(super) fn to_wal(conn: Connection) -> Result<(), LedgerFault> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    Ok(conn.close().map_err(|(_, error)| error)?)
}

pub(super) fn connect(home: &Home, file: &str, mode: &str) -> Result<Connection, LedgerFault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(home.path().join(file), flags)?;
    if rusqlite::version_number() < SQLITE_FLOOR {
        return Err(LedgerFault::Damaged(format!("SQLite {} has a known corruption", rusqlite::version())));
    }
    conn.busy_timeout(BUSY)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.execute_batch(mode)?;
    conn.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    conn.execute_batch(
        "PRAGMA wal_autocheckpoint = 64;
         PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(conn)
}

/// Attack: a trigger or view planted in the file would run inside our own
/// statements. The schema must be ours, to the letter.
pub(super) fn check_schema(conn: &Connection) -> Result<(), LedgerFault> {
    let header = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if header("application_id")? != APPLICATION {
        return Err(LedgerFault::Damaged("it is not a ledger of ours".into()));
    }
    let found = header("user_version")?;
    if found > SCHEMA {
        return Err(LedgerFault::Newer { found });
    }
    if found != SCHEMA || schema_text(conn)? != expected_schema() {
        return Err(LedgerFault::Damaged("its schema was changed".into()));
    }
    Ok(())
}

/// Every object's own SQL, sorted.
pub(super) fn schema_text(conn: &Connection) -> Result<Vec<String>, LedgerFault> {
    let mut query = conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let mut all = query.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    all.sort();
    Ok(all)
}

/// As SQLite keeps it: each statement as typed, without its last semicolon.
pub(super) fn expected_schema() -> Vec<&'static str> {
    let statement =
        |part: &'static str| part.find("CREATE ").map(|at| part[at..].trim_end().trim_end_matches(';'));
    let mut all: Vec<_> = SQL.split("\n\n").filter_map(statement).collect();
    all.sort_unstable();
    all
}
