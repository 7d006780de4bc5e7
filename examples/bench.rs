//! Measures how fast and how small the program is, side by side in one run.
//!
//! ```text
//! scripts/bench             builds as it is shipped, measures, prints the table
//! bench table SKILLS DIR [PART…]    the table, with that program, in that empty
//!                           folder; parts: gate record open tree status growth kill memory audit
//! ```
//!
//! Every ratio is of medians of alternating runs. CPU is user plus system time
//! of the child, as the kernel counts it; so everything that is measured in CPU
//! is a process of its own, this program with another word among them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that fails says so and ends"
)]

use nix::sys::resource::{UsageWho, getrusage};
use rustix::fs::{FileType, Mode, OFlags};
use skill_trust::model::decision::{Decision, Question};
use skill_trust::model::digest::{Hasher, sha256};
use skill_trust::model::lifecycle::{Lifecycle, Pin, Placement, Placements, RevisionRow};
use skill_trust::model::permit::SkillPermit;
use skill_trust::model::record::{Draft, Outcome};
use skill_trust::model::skill::{Revision, SkillName};
use skill_trust::model::source::SourceSpec;
use skill_trust::ops::enable;
use skill_trust::ops::install::{self, Purpose, Selection};
use skill_trust::ops::look::{self, Job};
use skill_trust::ops::place::Place;
use skill_trust::ops::session::{Depth, Session};
use skill_trust::ops::status;
use skill_trust::ops::trust::{self, TrustRequest};
use skill_trust::ops::{Nobody, World, facts, gate, stop};
use skill_trust::system::fetch::FetchOptions;
use skill_trust::system::home::Home;
use skill_trust::system::kill;
use skill_trust::system::ledger::Ledger;
use skill_trust::system::placement;
use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match *words {
        ["table", skills, dir, ref parts @ ..] => table(Path::new(skills), Path::new(dir), parts),
        ["gate-unrecorded", home, name] => unrecorded(&world(home.into()), name),
        ["verify", home, threads] => verify(home, threads.parse().unwrap()),
        ["floor", list] => floor(list),
        ["status-bare", account] => status_bare(account),
        ["audit-verify", home] => audit_verify(home),
        ["peak", ref command @ ..] => peak(command),
        _ => eprintln!("bench table SKILLS DIR [PART…]"),
    }
}

fn world(home: PathBuf) -> World {
    let mut world = World::usual("library");
    world.home = home;
    world.agent = None;
    world
}

// ---- what is measured, as words of this program ----

/// All that a gate call does, but for its record.
fn unrecorded(world: &World, name: &str) {
    let session = Session::open(world, Depth::End).unwrap();
    let row = facts::resolve(&session.ledger, name, |_| true).unwrap();
    let folders = gate::observe(&session, &row, Question::Load);
    gate::decide_now(&session, &row, Question::Load, &folders, None).unwrap().unwrap();
}

/// Every stored revision read and hashed by the code of `skills verify`, and the
/// ledger's tree proven.
fn verify(home: &str, threads: usize) {
    let home = Home::open(Path::new(home)).unwrap();
    let rows = Ledger::open(&home).unwrap().revisions().unwrap();
    let checks = facts::store_checks(skill_trust::policy::config::Policy::DEFAULT.limits);
    let path = |row: &RevisionRow| facts::store_path(&home, &row.revision.digest);
    let jobs: Vec<_> = rows.iter().map(|row| Job { path: path(row), checks }).collect();
    let hashed = look::hash_on(&jobs, threads);
    assert!(rows.iter().zip(&hashed).all(|(row, hashed)| hashed.is(&row.revision.digest)));
}

/// The least that it can cost to find, read and hash what lies in the folders
/// of a list: each folder opened and listed, each file opened, asked for its
/// type and size, read and hashed; no names sorted, no path made, no rule checked.
fn floor(list: &str) {
    let (mut bytes, mut room) = (vec![0; 128 << 10], Vec::with_capacity(32 << 10));
    for path in fs::read_to_string(list).unwrap().lines() {
        let folder = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        floor_below(&folder, &mut bytes, &mut room);
    }
}

#[cfg(target_os = "linux")]
fn floor_below(folder: &OwnedFd, bytes: &mut [u8], room: &mut Vec<u8>) {
    let mut folders = Vec::new();
    let mut list = rustix::fs::RawDir::new(folder, room.spare_capacity_mut());
    while let Some(entry) = list.next() {
        let entry = entry.unwrap();
        match (entry.file_type(), entry.file_name()) {
            (_, name) if name == c"." || name == c".." => {}
            (FileType::Directory, name) => folders.push(name.to_owned()),
            (_, name) => {
                let file = rustix::fs::openat(folder, name, OFlags::CLOEXEC, Mode::empty()).unwrap();
                std::hint::black_box(rustix::fs::fstat(&file).unwrap());
                let mut hasher = Hasher::new();
                loop {
                    let count = rustix::io::read(&file, &mut *bytes).unwrap();
                    hasher.update(&bytes[..count]);
                    if count < bytes.len() {
                        break;
                    }
                }
                std::hint::black_box(hasher.finish());
            }
        }
    }
    for name in folders {
        let below =
            rustix::fs::openat(folder, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        std::hint::black_box(rustix::fs::fstat(&below).unwrap());
        floor_below(&below, bytes, room);
    }
}

#[cfg(not(target_os = "linux"))]
fn floor_below(_: &OwnedFd, _: &mut [u8], _: &mut Vec<u8>) {
    panic!("measured on Linux only");
}

/// `status` where nothing of ours exists, on an account with these skills.
fn status_bare(account: &str) {
    let mut world = world(Path::new(account).join("no-home"));
    world.account_home = Some(account.into());
    let found = status::status(&world, &status::StatusRequest::default()).unwrap();
    assert!(!found.exists && found.unmanaged.skills.len() == 100);
}

fn audit_verify(home: &str) {
    let world = world(home.into());
    let session = Session::open(&world, Depth::End).unwrap();
    session.log.verify(&session.ledger).unwrap();
}

/// Runs a command from a process that is small itself, since the kernel counts
/// the memory from before `exec` too, and prints the peak in KiB.
fn peak(command: &[&str]) {
    let done = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
}

// ---- measuring ----

/// User and system time of all children so far.
fn children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().cast_unsigned())
            + Duration::from_micros(time.tv_usec().cast_unsigned())
    };
    of(usage.user_time()) + of(usage.system_time())
}

/// CPU and wall time of one run.
fn once(command: &[&str]) -> (f64, f64) {
    let (cpu, start) = (children(), Instant::now());
    let mut child = Command::new(command[0]);
    child.args(&command[1..]).env_clear().env("PATH", "/usr/bin:/bin").stdout(Stdio::null());
    let done = child.status().unwrap();
    assert!(done.success(), "{command:?}: {done}");
    ((children() - cpu).as_secs_f64() * 1e3, start.elapsed().as_secs_f64() * 1e3)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Medians in milliseconds, CPU and wall, of commands run in turn.
fn alternate(rounds: usize, commands: &[&[&str]]) -> Vec<(f64, f64)> {
    let mut all = vec![(Vec::new(), Vec::new()); commands.len()];
    for command in commands {
        once(command);
    }
    for _ in 0..rounds {
        for (command, (cpu, wall)) in commands.iter().zip(&mut all) {
            let (c, w) = once(command);
            cpu.push(c);
            wall.push(w);
        }
    }
    all.into_iter().map(|(cpu, wall)| (median(cpu), median(wall))).collect()
}

/// Medians in milliseconds of things done in turn in this process.
fn in_turn(rounds: usize, acts: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut all = vec![Vec::new(); acts.len()];
    for _ in 0..rounds {
        for (act, times) in acts.iter_mut().zip(&mut all) {
            let start = Instant::now();
            act();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    all.into_iter().map(median).collect()
}

struct Rows(usize, usize);

impl Rows {
    fn head() -> Self {
        println!(
            "{:<58} {:>12}  {:<38} {:>12} {:>7} {:>6}  met",
            "what", "value", "against", "value", "ratio", "goal"
        );
        Self(0, 0)
    }

    fn ratio(&mut self, what: &str, value: f64, against: &str, other: f64, goal: f64) {
        let (ratio, met) = (value / other, value / other <= goal);
        self.0 += usize::from(met);
        self.1 += 1;
        let yes = if met { "yes" } else { "NO" };
        println!("{what:<58} {value:>9.3} ms  {against:<38} {other:>9.3} ms {ratio:>7.2} {goal:>6.2}  {yes}");
    }

    fn memory(&mut self, what: &str, kib: f64, goal: f64) {
        let met = kib / 1024.0 <= goal;
        self.0 += usize::from(met);
        self.1 += 1;
        let yes = if met { "yes" } else { "NO" };
        let (value, goal) = (kib / 1024.0, format!("{goal} MB"));
        println!("{what:<58} {value:>9.2} MB  {:<38} {:>12} {:>7} {goal:>6}  {yes}", "peak memory", "", "");
    }
}

// ---- what it is measured on ----

/// Files of a skill: ten, of these bytes in all.
fn write_skill(folder: &Path, name: &str, bytes: usize) {
    fs::create_dir_all(folder.join("docs")).unwrap();
    let card = format!("---\nname: {name}\ndescription: Measures\n---\nBody of {name}.\n");
    fs::write(folder.join("SKILL.md"), &card).unwrap();
    let rest = bytes - card.len();
    for at in 0..9 {
        let size = rest / 9 + if at == 0 { rest % 9 } else { 0 };
        let line = format!("{name} {at} some words that an agent would read\n");
        let text: String = line.chars().cycle().take(size).collect();
        fs::write(folder.join(format!("docs/{at}.md")), text).unwrap();
    }
}

fn install_all(world: &World, source: &Path) {
    let opened =
        install::open(world, &SourceSpec::Folder(source.to_owned()), &FetchOptions::default(), Purpose::Take)
            .unwrap();
    let selection = Selection { all: true, ..Selection::default() };
    let picked = opened.select(&selection).unwrap();
    for arrival in opened.take(world, &picked, &selection).unwrap() {
        arrival.outcome.unwrap();
    }
}

fn enabled(world: &World, agent: &Path, source: &Path, name: &str, bytes: usize) {
    write_skill(source, name, bytes);
    install_all(world, source);
    let home = Home::open(&world.home).unwrap();
    let name = SkillName::parse(name).unwrap();
    let rows = Ledger::open(&home).unwrap().revisions_named(&name).unwrap();
    let request = TrustRequest {
        skill: rows[0].revision.file_name(),
        digest: Some(rows[0].revision.digest),
        ..TrustRequest::default()
    };
    let plan = trust::plan(world, &request).unwrap();
    trust::trust(world, &plan, "", &mut Nobody).unwrap();
    enable::enable(world, name.as_str(), &Place::Folder(agent.to_owned())).unwrap();
}

/// Rows as an installation with so many skills has them, in one transaction.
fn add_rows(world: &World, count: usize, enabled_in: Option<&Path>) {
    let mut session = Session::open(world, Depth::End).unwrap();
    let like = session.ledger.revisions().unwrap().remove(0);
    let pin = like.lifecycle.pin().unwrap().clone();
    let rows: Vec<_> = (0..count).map(|at| row(&like, &pin, at, enabled_in)).collect();
    let draft = session.draft("bench", Outcome::Done, "rows for a measurement");
    let records = session
        .commit(|txn| {
            let seq = txn.next_seq();
            for row in &rows {
                txn.put(&RevisionRow { seq, ..row.clone() }).unwrap();
            }
            Ok(vec![draft])
        })
        .unwrap();
    let event = session.ledger.event(records[0].seq).unwrap().unwrap();
    for row in rows.iter().filter(|_| enabled_in.is_some()) {
        let permit = SkillPermit {
            revision: row.revision.clone(),
            source: row.source.identity().to_owned(),
            signers: Vec::new(),
            epoch: session.ledger.brakes().epoch,
            seq: event.seq,
            hash: event.hash,
            until: None,
            placements: row.lifecycle.placements().to_vec(),
        };
        // Without a flush each: it is not their writing that is measured.
        let path = session.home.path().join("permits").join(permit.revision.file_name());
        fs::write(&path, permit.text()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn row(like: &RevisionRow, pin: &Pin, at: usize, enabled_in: Option<&Path>) -> RevisionRow {
    let name = SkillName::parse(&format!("skill-{at}")).unwrap();
    let digest = sha256(&[name.as_str().as_bytes()]);
    let pin = Pin { name: name.clone(), digest, ..pin.clone() };
    let lifecycle = match enabled_in {
        None => Lifecycle::Trusted { pin },
        Some(agent) => {
            let path = agent.join(name.as_str()).to_string_lossy().into_owned();
            let staged = agent.join(placement::staged_name(&name, &digest.hex()[..32]));
            let staged = staged.to_string_lossy().into_owned();
            let placements = Placements::try_from(vec![Placement { agent: None, path, staged }]).unwrap();
            Lifecycle::Enabled { pin, placements }
        }
    };
    RevisionRow { revision: Revision { name, digest }, lifecycle, ..like.clone() }
}

/// A database of the same settings with nothing of ours in it.
struct Bare {
    conn: rusqlite::Connection,
    log: fs::File,
}

impl Bare {
    fn new(dir: &Path, rows: usize) -> Self {
        fs::create_dir_all(dir).unwrap();
        let conn = rusqlite::Connection::open(dir.join("bare.db")).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 64;
            CREATE TABLE event (seq INTEGER PRIMARY KEY, line TEXT, hash BLOB) STRICT;
            CREATE TABLE revision (name TEXT PRIMARY KEY, state TEXT, body TEXT) STRICT, WITHOUT ROWID; BEGIN")
            .unwrap();
        let body = "x".repeat(700);
        for at in 0..rows {
            let name = format!("skill-{at}");
            conn.execute("INSERT INTO revision VALUES (?1, 'enabled', ?2)", [&name, &body]).unwrap();
        }
        conn.execute_batch("COMMIT").unwrap();
        let log = fs::OpenOptions::new().append(true).create(true).open(dir.join("log")).unwrap();
        Self { conn, log }
    }

    /// One commit, one append, one flush.
    fn record(&mut self) {
        let line = format!("{}\n", "x".repeat(600));
        let mut insert = self.conn.prepare_cached("INSERT INTO event (line, hash) VALUES (?1, ?2)").unwrap();
        insert.execute(rusqlite::params![line, [0_u8; 32]]).unwrap();
        self.log.write_all(line.as_bytes()).unwrap();
        self.log.sync_data().unwrap();
    }

    fn update_all(&self, state: &str) {
        self.conn.execute("UPDATE revision SET state = ?1", [state]).unwrap();
    }
}

// ---- the table ----

fn table(skills: &Path, dir: &Path, parts: &[&str]) {
    let dir = &dir.canonicalize().unwrap();
    let skills = skills.to_str().unwrap();
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let mut rows = Rows::head();
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    // Later parts use what these make.
    small_home(dir);
    if wanted("gate") {
        gate_rows(&mut rows, skills, own, dir);
    }
    if wanted("record") {
        record_row(&mut rows, dir);
    }
    if wanted("open") {
        opening_row(&mut rows, dir);
    }
    if wanted("tree") || wanted("memory") {
        thousand(dir);
    }
    if wanted("tree") {
        tree_rows(&mut rows, own, dir);
    }
    if wanted("status") {
        status_row(&mut rows, own, dir);
    }
    if wanted("growth") {
        growth_row(&mut rows, skills, dir);
    }
    if wanted("kill") {
        kill_rows(&mut rows, dir);
    }
    if wanted("memory") {
        memory_rows(&mut rows, skills, own, dir);
    }
    if wanted("audit") {
        audit_row(&mut rows, own, dir);
    }
    println!("{} of {} met", rows.0, rows.1);
}

fn small_home(dir: &Path) {
    let (world, agent) = (world(dir.join("small")), dir.join("agent"));
    enabled(&world, &agent, &dir.join("s150"), "big", 150_000);
    enabled(&world, &agent, &dir.join("s32"), "small", 32_000);
}

fn thousand(dir: &Path) {
    let source = dir.join("s1000");
    for at in 0..1000 {
        write_skill(&source.join(format!("skill-{at}")), &format!("skill-{at}"), 32_000);
    }
    install_all(&world(dir.join("thousand")), &source);
}

fn gate_rows(rows: &mut Rows, skills: &str, own: &str, dir: &Path) {
    let (world, agent) = (world(dir.join("small")), dir.join("agent"));
    let home = world.home.to_str().unwrap();
    let files = |name: &str| -> Vec<String> {
        let folder = agent.join(name);
        let mut all = vec![folder.join("SKILL.md").to_string_lossy().into_owned()];
        all.extend((0..9).map(|at| folder.join(format!("docs/{at}.md")).to_string_lossy().into_owned()));
        all
    };
    let big = files("big");
    let mut sums = vec!["sha256sum"];
    sums.extend(big.iter().map(String::as_str));
    let ask = [skills, "gate", "big", "--json", "--home", home];
    let got = alternate(60, &[&ask, &sums]);
    rows.ratio(
        "gate, 10 files / 150 KB, with its record, CPU",
        got[0].0,
        "sha256sum of the same files",
        got[1].0,
        1.0,
    );
    let silent = [own, "gate-unrecorded", home, "small"];
    let got = alternate(60, &[&silent, &["/bin/true"]]);
    rows.ratio("gate, 10 files / 32 KB, without its record, CPU", got[0].0, "true", got[1].0, 1.5);
}

fn record_row(rows: &mut Rows, dir: &Path) {
    let world = world(dir.join("small"));
    let mut bare = Bare::new(&dir.join("bare"), 0);
    let request = gate::bare_request("small");
    let got = in_turn(
        100,
        &mut [
            &mut || assert_eq!(gate::ask(&world, &request).decision, Decision::Allow),
            &mut || unrecorded(&world, "small"),
            &mut || bare.record(),
        ],
    );
    let share = got[0] - got[1];
    rows.ratio(
        "the record's share of a gate call, wall",
        share,
        "SQLite commit + append + fdatasync",
        got[2],
        1.5,
    );
}

fn opening_row(rows: &mut Rows, dir: &Path) {
    let (young, old) = (world(dir.join("young")), world(dir.join("old")));
    for (world, commits) in [(&young, 1), (&old, 10_000)] {
        let mut session = Session::open_or_create(world).unwrap();
        for _ in 0..commits {
            session.note("bench", "one of many").unwrap();
        }
    }
    let homes = [Home::open(&young.home).unwrap(), Home::open(&old.home).unwrap()];
    let open = |home: &Home| drop(Ledger::open(home).unwrap());
    let got = in_turn(300, &mut [&mut || open(&homes[0]), &mut || open(&homes[1])]);
    rows.ratio("opening the ledger after 10,000 commits, wall", got[1], "after one", got[0], 1.1);
}

fn tree_rows(rows: &mut Rows, own: &str, dir: &Path) {
    let world = world(dir.join("thousand"));
    let home = world.home.to_str().unwrap();
    let store = world.home.join("store");
    let list = dir.join("list");
    let found = Command::new("find").arg(&store).args(["-mindepth", "2", "-maxdepth", "2"]).output().unwrap();
    fs::write(&list, &found.stdout).unwrap();
    let sums = format!("find {} -type f -print0 | xargs -0 sha256sum", store.display());
    let got = alternate(
        9,
        &[
            &[own, "verify", home, "1"],
            &[own, "floor", list.to_str().unwrap()],
            &[own, "verify", home, "2"],
            &["sh", "-c", &sums],
        ],
    );
    let what = "verify, 1,000 skills / 10,000 files / 32 MB";
    rows.ratio(&format!("{what}, CPU"), got[0].0, "list + read + SHA-256, no checks", got[1].0, 1.15);
    rows.ratio(&format!("{what}, 2 threads, wall"), got[2].1, "one thread", got[0].1, 0.7);
    rows.ratio(&format!("{what}, CPU"), got[0].0, "find | xargs sha256sum", got[3].0, 0.4);
}

fn status_row(rows: &mut Rows, own: &str, dir: &Path) {
    let account = dir.join("account");
    let skills = account.join(".claude/skills");
    for at in 0..100 {
        write_skill(&skills.join(format!("skill-{at}")), &format!("skill-{at}"), 32_000);
    }
    let list = dir.join("bare-list");
    fs::write(&list, format!("{}\n", skills.display())).unwrap();
    let got = alternate(
        31,
        &[&[own, "status-bare", account.to_str().unwrap()], &[own, "floor", list.to_str().unwrap()]],
    );
    rows.ratio(
        "status, bare account, 100 skills / 1,000 files, CPU",
        got[0].0,
        "list + read + SHA-256, no checks",
        got[1].0,
        3.0,
    );
}

fn growth_row(rows: &mut Rows, skills: &str, dir: &Path) {
    let homes = [10, 100_000].map(|count| {
        let world = world(dir.join(format!("home-{count}")));
        enabled(&world, &dir.join(format!("agent-{count}")), &dir.join("s32"), "small", 32_000);
        add_rows(&world, count, None);
        world.home.to_string_lossy().into_owned()
    });
    let ask =
        |home: &'static str| [skills.to_owned(), "gate".into(), "small".into(), "--home".into(), home.into()];
    let commands: Vec<Vec<String>> = homes.iter().map(|home| ask(home.clone().leak()).to_vec()).collect();
    let commands: Vec<Vec<&str>> =
        commands.iter().map(|command| command.iter().map(String::as_str).collect()).collect();
    let got = alternate(80, &[&commands[0], &commands[1]]);
    rows.ratio("gate at 100,000 skills, CPU", got[1].0, "gate at 10 skills", got[0].0, 1.1);
}

/// Kills everything in a home. Milliseconds until every gate denies, and until
/// all is done and recorded.
fn timed_kill(world: &World) -> (f64, f64) {
    let home = Home::open(&world.home).unwrap();
    // What was enabled long ago is on the disk already, and in the database's
    // own file: who commits first after a large commit moves it there.
    Session::open(world, Depth::End).unwrap().note("bench", "settles what the rows left").unwrap();
    rustix::fs::sync();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while kill::kill_state(home.dir()).clear().is_some() {
                std::hint::spin_loop();
            }
            start.elapsed().as_secs_f64() * 1e3
        });
        let killed = stop::kill_all(world, None);
        let whole = start.elapsed().as_secs_f64() * 1e3;
        assert!(killed.pending.is_none() && killed.report.failures.is_empty(), "{killed:?}");
        (watcher.join().unwrap(), whole)
    })
}

fn kill_rows(rows: &mut Rows, dir: &Path) {
    let (mut first, mut whole, mut apart) = (Vec::new(), Vec::new(), Vec::new());
    let (mut record, mut update) = (Vec::new(), Vec::new());
    for round in 0..6 {
        let world = world(dir.join(format!("kill-{round}")));
        let agent = dir.join(format!("agent-kill-{round}"));
        enabled(&world, &agent, &dir.join("s32"), "small", 32_000);
        add_rows(&world, 10_000, Some(&agent));
        let mut bare = Bare::new(&dir.join(format!("bare-{round}")), 10_000);
        if round % 2 == 0 {
            let (denied, done) = timed_kill(&world);
            first.push(denied);
            whole.push(done);
        } else {
            // The same rows without their permits: ledger, records and log.
            for permit in fs::read_dir(world.home.join("permits")).unwrap() {
                fs::remove_file(permit.unwrap().path()).unwrap();
            }
            apart.push(timed_kill(&world).1);
        }
        for act in 0..20 {
            let start = Instant::now();
            bare.record();
            record.push(start.elapsed().as_secs_f64() * 1e3);
            if act < 2 {
                let start = Instant::now();
                bare.update_all(["trusted", "enabled"][act]);
                update.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        fs::remove_dir_all(&world.home).unwrap();
    }
    let bare = "SQLite commit + append + fdatasync";
    rows.ratio(
        "kill --all, 10,000 enabled, until gates deny, wall",
        median(first),
        bare,
        median(record),
        3.0,
    );
    let (bare, update) = ("bare UPDATE of 10,000 rows", median(update));
    rows.ratio("kill --all, 10,000, ledger and log, wall", median(apart), bare, update, 8.0);
    rows.ratio("the same with permits and looks at placements, wall", median(whole), bare, update, 8.0);
}

fn memory_rows(rows: &mut Rows, skills: &str, own: &str, dir: &Path) {
    let peak = |command: &[&str]| -> f64 {
        let out = Command::new(own).arg("peak").args(command).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim().parse().unwrap()
    };
    let small = dir.join("small");
    rows.memory("gate, 150 KB", peak(&[skills, "gate", "big", "--home", small.to_str().unwrap()]), 8.0);
    let thousand = dir.join("thousand");
    rows.memory("verify, 1,000 skills", peak(&[own, "verify", thousand.to_str().unwrap(), "1"]), 24.0);
    let heavy = dir.join("heavy");
    write_skill(&heavy, "heavy", 5_000);
    for at in 0..4 {
        fs::write(heavy.join(format!("{at}.bin")), vec![at; 15 << 20]).unwrap();
    }
    let home = dir.join("heavy-home");
    let install = [skills, "--home", home.to_str().unwrap(), "install", heavy.to_str().unwrap()];
    rows.memory("installing a folder of 60 MB", peak(&install), 48.0);
}

fn audit_row(rows: &mut Rows, own: &str, dir: &Path) {
    let world = world(dir.join("million"));
    let mut session = Session::open_or_create(&world).unwrap();
    let name = SkillName::parse("some-skill").unwrap();
    while session.ledger.head().size < 1_000_000 {
        let count = (1_000_000 - session.ledger.head().size).min(5_000);
        let draft = |at: u64| {
            let mut draft = Draft::new(world.actor.clone(), "gate", Outcome::Allow, "may be used as of now");
            draft.skill = Some(name.clone());
            draft.digest = Some(sha256(&[&at.to_be_bytes()]));
            draft.pin = Some(at + 1);
            draft
        };
        session.commit(|_| Ok((0..count).map(draft).collect())).unwrap();
    }
    drop(session);
    let log = world.home.join("audit/audit.jsonl");
    let size = fs::metadata(&log).unwrap().len() >> 20;
    let got = alternate(
        3,
        &[&[own, "audit-verify", world.home.to_str().unwrap()], &["sha256sum", log.to_str().unwrap()]],
    );
    let what = format!("audit verify, a million records ({size} MB), CPU");
    rows.ratio(&what, got[0].0, "sha256sum of the log", got[1].0, 1.0);
}
