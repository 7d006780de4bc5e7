//! The shape of the code, read from the code: who imports whom, where the
//! outside is touched, and who may change what lasts. `docs/ARCHITECTURE.md`
//! says why.
//!
//! What a file's tests do is not looked at: everything from the first
//! `#[cfg(test)]` on is left out, and so are comments.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A source file as the rules see it.
struct Source {
    /// Below `src`, such as `policy/gate.rs`.
    path: String,
    /// Its text without comments and tests.
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let mut code = String::new();
        for line in text.lines().take_while(|line| line.trim() != "#[cfg(test)]") {
            code.push_str(without_comment(line));
            code.push('\n');
        }
        Self { path: path.to_owned(), code }
    }

    /// The layer, by its folder.
    fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }

    /// The module path, such as `[policy, gate]`.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<_> = self.path.trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        parts
    }

    /// Every module of ours that it names, as `layer::module`.
    fn imports(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for root in ["crate::", "skill_trust::"] {
            for (_, after) in occurrences(&self.code, root) {
                found.extend(paths(after));
            }
        }
        // `super::super::x` from `[policy, gate]` is `x` at the crate's root.
        for (at, after) in occurrences(&self.code, "super::") {
            if self.code[..at].ends_with("super::") {
                continue;
            }
            let mut module = self.module();
            let mut rest = after;
            module.pop();
            while let Some(more) = rest.strip_prefix("super::") {
                module.pop();
                rest = more;
            }
            let below = paths(rest).into_iter().map(|path| {
                module.iter().map(|part| (*part).to_owned()).chain([path]).collect::<Vec<_>>().join("::")
            });
            if self.layer() != "bin" {
                found.extend(below.map(|path| path.split("::").take(2).collect::<Vec<_>>().join("::")));
            }
        }
        found
    }
}

fn without_comment(line: &str) -> &str {
    let text = line.trim_start();
    if text.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

/// Each place where `needle` stands at the start of a word, and what follows it.
fn occurrences<'a>(code: &'a str, needle: &str) -> Vec<(usize, &'a str)> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(needle)
        .filter(|(at, _)| !code[..*at].ends_with(part))
        .map(|(at, found)| (at, &code[at + found.len()..]))
        .collect()
}

/// The first two parts of a path, or of each path in braces.
fn paths(after: &str) -> Vec<String> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(inside) = after.strip_prefix('{') {
        return in_braces(inside).into_iter().flat_map(|path| paths(path.trim())).collect();
    }
    let first = &after[..after.find(|c| !part(c)).unwrap_or(after.len())];
    if first.is_empty() {
        return Vec::new();
    }
    let below = after[first.len()..].strip_prefix("::").map(paths).unwrap_or_default();
    let one = |path: String| format!("{first}::{}", path.split("::").next().unwrap_or_default());
    if below.is_empty() { vec![first.to_owned()] } else { below.into_iter().map(one).collect() }
}

/// What stands between commas up to the closing brace; inner braces stay whole.
fn in_braces(inside: &str) -> Vec<&str> {
    let (mut depth, mut from, mut pieces) = (0_usize, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                pieces.push(&inside[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces
}

fn sources() -> Vec<Source> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let files = crate::readme::files("src", &[".rs"]);
    files
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            Source::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text)
        })
        .collect()
}

fn verdict(faults: &[String], law: &str) {
    let mut list = String::new();
    for fault in faults {
        let _ = writeln!(list, "  {fault}");
    }
    assert!(
        faults.is_empty(),
        "\n{law}\n{list}See docs/ARCHITECTURE.md. A new exception goes into the table beside this test, with its reason.\n"
    );
}

// Law 1: imports.

/// What the program imports from below `ops`, and why.
const PROGRAM_EXTRA: &[(&str, &str)] = &[
    ("bin/skills/context.rs", "system::clock"),
    // The types of a fetch that `ops::install` takes as an argument.
    ("bin/skills/commands/install.rs", "system::fetch"),
    ("bin/skills/commands/roots_follow.rs", "system::fetch"),
    // The marks that are drawn beside files.
    ("bin/skills/render.rs", "policy::marks"),
];

fn bad_imports(source: &Source) -> Vec<String> {
    let allowed: &[&str] = match source.layer() {
        "model" => &["model"],
        "policy" => &["policy", "model"],
        "system" => &["system", "model"],
        "ops" => &["ops", "policy", "system", "model"],
        "bin" => &["ops", "model"],
        _ => return Vec::new(),
    };
    let layers = ["model", "policy", "system", "ops", "bin"];
    let bad = source.imports().into_iter().filter(|path| {
        let layer = path.split("::").next().unwrap_or_default();
        let extra = PROGRAM_EXTRA.iter().any(|(file, module)| *file == source.path && path == module);
        layers.contains(&layer) && !allowed.contains(&layer) && !extra
    });
    bad.map(|path| format!("src/{} imports {path}", source.path)).collect()
}

#[test]
fn imports_go_one_way() {
    let faults: Vec<_> = sources().iter().flat_map(bad_imports).collect();
    verdict(
        &faults,
        "model knows nothing of ours; policy and system know model; ops knows these; the program knows ops and model.",
    );
}

// Law 2: use cases do not call each other.

/// What use cases share: gathering and looking, changing, and the one opinion.
const SHARED: &[&str] = &[
    "facts",
    // What the rules say of a folder.
    "findings",
    // The same, as the policy has it, with the token that a decision needs.
    "judged",
    // Which rules are in force.
    "layers",
    "look",
    "pick",
    "place",
    "provenance",
    "refusals",
    // The account's own secret keys.
    "own_keys",
    "revoked",
    "unmanaged",
    "originals",
    "phrase",
    "session",
    "apply",
    "recover",
    "gate",
];

/// Use cases that borrow from another one, and what.
const BORROWED: &[(&str, &str)] = &[
    // An adoption is an installation of what lies there already.
    ("adopt", "install"),
    // An update is an installation of what is newer.
    ("update", "install"),
    // A set is judged by what its review shows.
    ("trust", "review"),
    // A kill order is a kill on somebody else's word, and nothing less.
    ("roots", "stop"),
    // What a source's fault means to a person.
    ("roots", "install"),
];

fn use_cases_called(source: &Source, cases: &[String]) -> Vec<String> {
    let module = source.module();
    if module.len() < 2 || module[0] != "ops" {
        return Vec::new();
    }
    let own = module[1];
    let others = cases.iter().filter(|case| {
        *case != own
            && !SHARED.contains(&case.as_str())
            && !SHARED.contains(&own)
            && !BORROWED.contains(&(own, case.as_str()))
    });
    let named = source.imports();
    let calls = |case: &&String| named.contains(&format!("ops::{case}"));
    others.filter(calls).map(|case| format!("src/{} calls the use case `{case}`", source.path)).collect()
}

#[test]
fn use_cases_do_not_call_each_other() {
    let all = sources();
    let in_ops = all.iter().filter(|source| source.layer() == "ops");
    let cases: Vec<_> =
        in_ops.filter_map(|source| source.module().get(1).map(|name| (*name).to_owned())).collect();
    let faults: Vec<_> = all.iter().flat_map(|source| use_cases_called(source, &cases)).collect();
    verdict(&faults, "A use case shares what is in SHARED with the others, and calls none of them.");
}

// Law 3: one door per dependency.

/// Each dependency, as code names it, and the files that may name it: a file,
/// or a folder with its slash. An empty list: anywhere.
const DOORS: &[(&str, &[&str])] = &[
    ("anstream", &["bin/skills/render.rs"]),
    ("anstyle", &["bin/skills/render.rs"]),
    // Keys and signatures in text form, each in its own.
    (
        "base64",
        &[
            "model/note.rs",
            "model/signer.rs",
            "policy/review/",
            "policy/provenance/dsse.rs",
            "policy/provenance/ssh/key.rs",
            "policy/provenance/ssh/sig.rs",
            "system/keys.rs",
        ],
    ),
    ("caseless", &["policy/entry.rs"]),
    ("clap", &["bin/skills/"]),
    ("clap_complete", &["bin/skills/complete.rs"]),
    ("clap_mangen", &["bin/skills/commands/generate.rs"]),
    ("close_fds", &["system/descriptors.rs"]),
    (
        "ctrlc",
        &[
            "bin/skills/pager.rs",
            "bin/skills/commands/deps_install.rs",
            "bin/skills/commands/drill.rs",
            "bin/skills/commands/install.rs",
            "bin/skills/commands/roots_follow.rs",
            "bin/skills/commands/tour.rs",
        ],
    ),
    // One that signs and reads notes, three that read keys, one that signs statements, one that makes keys.
    (
        "ed25519_dalek",
        &[
            "model/note.rs",
            "model/tuf/key.rs",
            "policy/provenance/keys.rs",
            "policy/provenance/ssh/key.rs",
            "policy/provenance/ssh/sig.rs",
            "system/keys.rs",
        ],
    ),
    // The tour makes a repository; everything that reads one is in the door.
    ("git2", &["system/fetch/git.rs", "bin/skills/commands/tour/upstream.rs"]),
    ("indicatif", &["bin/skills/commands/deps_install.rs", "bin/skills/commands/install.rs"]),
    ("jiff", &["model/time.rs"]),
    ("miniz_oxide", &["system/fetch/archive/inflate.rs"]),
    ("nix", &["system/account.rs", "bin/skills/gate.rs"]),
    (
        "p256",
        &["model/tuf/key.rs", "policy/provenance/keys.rs", "policy/provenance/ssh/key.rs", "system/keys.rs"],
    ),
    ("p384", &["policy/provenance/keys.rs", "policy/provenance/ssh/key.rs"]),
    ("p521", &["policy/provenance/keys.rs", "policy/provenance/ssh/key.rs"]),
    ("pulldown_cmark", &["policy/review/markdown.rs"]),
    // One client; git and downloads speak through it.
    (
        "reqwest",
        &["system/fetch/web.rs", "system/fetch/http.rs", "system/fetch/download.rs", "system/fetch/site.rs"],
    ),
    ("rusqlite", &["system/ledger/"]),
    // Outside `system`: who we are, a lock on a scratch folder, the terminal.
    ("rustix", &["system/", "ops/mod.rs", "ops/facts.rs", "ops/install/open.rs", "bin/skills/"]),
    ("rustls", &["system/fetch/web.rs"]),
    ("rustls_pki_types", &["policy/provenance/x509.rs"]),
    ("schemars", &["model/decision.rs"]),
    // Ranges in a list, and whether a version lies in one.
    (
        "semver",
        &[
            "model/provenance.rs",
            "model/tuf/lists.rs",
            "model/tuf/advisory.rs",
            "policy/provenance/withdrawn.rs",
            "policy/provenance/withdrawn/",
            // Whether a version is one.
            "policy/deps/values.rs",
        ],
    ),
    ("serde", &[]),
    (
        "serde_json",
        &[
            "model/record.rs",
            "model/json.rs",
            "model/card/read.rs",
            "model/claim.rs",
            // The text of a plan, which its digest is of.
            "model/dependency.rs",
            "model/followed.rs",
            "model/provenance.rs",
            "policy/provenance/tuf/memory.rs",
            "system/ledger/",
            "system/audit_log.rs",
            // The index that a site publishes.
            "system/fetch/site.rs",
            "bin/skills/",
        ],
    ),
    ("serde_saphyr", &["model/card/tree.rs", "model/claim.rs"]),
    ("sha1_checked", &["policy/provenance/sha1.rs"]),
    // Beside the one hash of the project, those that other curves are signed with.
    ("sha2", &["model/digest.rs", "policy/provenance/keys.rs"]),
    ("similar", &["bin/skills/"]),
    (
        "tempfile",
        &["ops/drill.rs", "ops/install/open.rs", "ops/roots/follow.rs", "bin/skills/commands/tour.rs"],
    ),
    ("thiserror", &[]),
    // The policy, and lists of packages that are written so.
    ("toml", &["policy/config.rs", "policy/deps/collect/tables.rs"]),
    ("unicode_width", &["bin/skills/layout.rs"]),
    ("unicode_normalization", &["model/path.rs", "policy/entry.rs"]),
    ("webpki", &["policy/provenance/x509.rs"]),
    ("x509_cert", &["policy/provenance/x509.rs"]),
];

fn other_doors(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, doors) in DOORS {
        let open = doors.is_empty()
            || doors
                .iter()
                .any(|door| *door == source.path || (door.ends_with('/') && source.path.starts_with(door)));
        // `crate::model::note::x` is not the dependency `note`.
        let named = occurrences(&source.code, &format!("{name}::"))
            .iter()
            .any(|(at, _)| !source.code[..*at].ends_with("::") || source.code[..*at].ends_with("use ::"));
        if named && !open {
            faults.push(format!("src/{} uses {name}; its door is {}", source.path, doors.join(", ")));
        }
    }
    faults
}

#[test]
fn each_dependency_has_one_door() {
    let faults: Vec<_> = sources().iter().flat_map(other_doors).collect();
    verdict(&faults, "A dependency is named in one place, so that it can be audited and replaced there.");
}

#[test]
fn no_dependency_is_without_a_door() {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let declared: Vec<_> = section
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.replace('-', "_")))
        .collect();
    let doors: BTreeSet<_> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let faults: Vec<_> = declared.iter().filter(|name| !doors.contains(*name)).cloned().collect();
    verdict(&faults, "Every dependency in Cargo.toml has a line in DOORS.");
    let faults: Vec<_> = doors.iter().filter(|name| !declared.contains(name)).cloned().collect();
    verdict(&faults, "Every line in DOORS is a dependency in Cargo.toml.");
}

// Law 4: nothing below the program prints, ends the process or reads the environment.

/// Ways to the outside that belong to the program.
const OUTSIDE: &[&str] = &[
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "process::exit",
    "process::abort",
    "env::",
    "stdout()",
    "stderr()",
    "stdin()",
];

/// What may be said below the program all the same, and why.
const OUTSIDE_ALLOWED: &[(&str, &str)] = &[
    // The person's own ssh is found on their PATH and given their agent's socket.
    ("system/fetch/ssh.rs", "env::"),
    // Where certificates lie, as every program that speaks TLS takes it.
    ("system/fetch/web.rs", "env::"),
    // Without a home, a listing is fetched into the temporary folder.
    ("ops/install/open.rs", "env::"),
    // A drill copies into the temporary folder, and first looks where that is.
    ("ops/drill.rs", "env::"),
];

fn reaches_outside(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for way in OUTSIDE {
        let inside = source.path.starts_with("bin/")
            && !(*way == "env::" && source.path.starts_with("bin/skills/commands/"));
        let allowed = OUTSIDE_ALLOWED.contains(&(source.path.as_str(), way));
        let found = occurrences(&source.code, way);
        // `env::current_exe` says where the program lies, nothing of the environment.
        let real = found.iter().any(|(_, after)| *way != "env::" || !after.starts_with("current_exe"));
        if real && !inside && !allowed {
            faults.push(format!("src/{} has `{way}`", source.path));
        }
    }
    faults
}

#[test]
fn below_the_program_nothing_prints_exits_or_reads_the_environment() {
    let faults: Vec<_> = sources().iter().flat_map(reaches_outside).collect();
    verdict(
        &faults,
        "Printing, ending the process and the environment belong to src/bin/skills; a command gets them through its context.",
    );
}

// Law 5: what lasts is changed in few places.

/// Each call that changes what lasts, and the files of `ops` that may make it.
const WRITERS: &[(&str, &[&str])] = &[
    // The log follows the ledger in one place.
    ("log.append(", &["session"]),
    ("keys::generate(&config", &["own_keys"]),
    ("txn.put(", &["apply", "disable", "enable", "install", "recover", "trust"]),
    ("txn.remove(", &["remove"]),
    // What came with bytes, what was said about them, and who signed what was trusted.
    ("txn.remember(", &["import", "install", "roots", "trust"]),
    ("txn.forget(", &["roots"]),
    ("txn.keep_blob(", &["import", "install", "roots"]),
    ("txn.drop_blob(", &["roots"]),
    ("permit::create_home(", &["recover"]),
    ("permit::release_home(", &["stop"]),
    ("permit::write_skill(", &["enable", "place"]),
    ("permit::withdraw(", &["apply", "place", "recover"]),
    ("placement::withdraw(", &["apply"]),
    ("Staged::begin(", &["enable"]),
    ("originals::announce(", &["originals"]),
    ("originals::announce_all(", &["clear"]),
    ("originals::take(Some(&session.home)", &["originals"]),
    ("originals::take(home.as_ref()", &["clear"]),
    (".put_back(home)", &["originals"]),
    ("originals::part(", &["uninstall"]),
    // A yes, its one use, the end of what it led to; and what was installed.
    ("txn.give_consent(", &["deps"]),
    ("txn.spend_consent(", &["deps"]),
    ("txn.end_run(", &["deps", "recover"]),
    ("txn.forget_dependencies(", &["remove"]),
    ("tools::lay_out(", &["deps"]),
    ("tools::clear_work(", &["deps", "recover"]),
    ("tools::remove(", &["remove"]),
    ("runner::run(", &["deps"]),
    ("store.promote(", &["install"]),
    ("store.remove(", &["remove"]),
    // A drill's is the copied home.
    ("kill::kill_all(", &["drill", "stop"]),
    ("kill::kill_matching(", &["stop"]),
    ("kill::finish(", &["recover", "uninstall"]),
    ("leaving::mark(", &["uninstall"]),
    ("leaving::drop_permit(", &["uninstall"]),
    ("leaving::loosen(", &["uninstall"]),
    ("leaving::remove_home(", &["uninstall"]),
    ("leaving::remove_config(", &["uninstall"]),
    // A publisher's folder, which is no part of a home.
    ("space.put(", &["roots"]),
    ("space.drop_file(", &["roots"]),
    ("space.replace_metadata(", &["roots"]),
];

/// Calls that write to the file system; in `ops` and above `system` none is made.
const RAW_WRITES: &[&str] = &[
    "fs::write(",
    "fs::create_dir",
    "fs::remove_",
    "fs::rename(",
    "fs::copy(",
    "fs::set_permissions(",
    "fs::hard_link(",
    "File::create",
    "OpenOptions",
    "fs::mkdirat(",
    "fs::unlinkat(",
    "fs::renameat",
    "fs::symlink",
];

fn wrong_writers(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let module = source.module();
    for (call, files) in WRITERS {
        let allowed = source.layer() == "system"
            || (module[0] == "ops" && module.get(1).is_some_and(|file| files.contains(file)));
        if source.code.contains(call) && !allowed {
            faults.push(format!("src/{} calls {call}…); only ops/{{{}}} may", source.path, files.join(",")));
        }
    }
    let raw = source.layer() != "system" && !source.path.starts_with("bin/skills/commands/tour");
    for call in RAW_WRITES.iter().filter(|call| raw && source.code.contains(**call)) {
        faults.push(format!("src/{} writes by itself: {call}", source.path));
    }
    faults
}

#[test]
fn what_lasts_is_changed_in_few_places() {
    let faults: Vec<_> = sources().iter().flat_map(wrong_writers).collect();
    verdict(
        &faults,
        "State changes inside one transaction with its record, and only the files named in WRITERS make one.",
    );
}

#[test]
fn every_writer_is_one() {
    let all = sources();
    let unused = WRITERS
        .iter()
        .flat_map(|(call, files)| files.iter().map(move |file| (*call, *file)))
        .filter(|(call, file)| {
            !all.iter()
                .any(|source| source.module().starts_with(&["ops", file]) && source.code.contains(call))
        });
    let faults: Vec<_> = unused.map(|(call, file)| format!("ops/{file}.rs does not call {call}")).collect();
    verdict(&faults, "An entry of WRITERS that nothing uses is taken out.");
}

// Law 5a: other programs are started in few places.

/// The files that start another program, and which.
const STARTERS: &[(&str, &str)] = &[
    ("system/fetch/ssh.rs", "the person's own ssh"),
    ("system/runner.rs", "the steps of a confirmed plan, and nothing else"),
    ("system/sandbox/mod.rs", "bubblewrap, around such a step"),
    ("bin/skills/pager.rs", "the system's less"),
    ("bin/skills/commands/tour.rs", "this program itself"),
];

fn starts_programs(source: &Source) -> Vec<String> {
    let allowed = STARTERS.iter().any(|(file, _)| *file == source.path);
    let named = !occurrences(&source.code, "process::Command").is_empty()
        || source.code.contains("process::{") && source.code.contains("Command::new(");
    if named && !allowed { vec![format!("src/{} starts programs", source.path)] } else { Vec::new() }
}

#[test]
fn programs_are_started_in_few_places() {
    let all = sources();
    let faults: Vec<_> = all.iter().flat_map(starts_programs).collect();
    verdict(&faults, "What a skill brings along is run by the runner alone, which wants a confirmed plan.");
    for (file, _) in STARTERS {
        let text = all.iter().find(|source| source.path == *file).map_or("", |source| &source.code);
        assert!(text.contains("Command::new("), "{file} starts nothing any more");
    }
}

// Law 6: what kill stands on is small.

/// The files that act before anything else may fail.
const KILL: &[&str] =
    &["system/kill.rs", "system/kill/", "system/placement/leaf.rs", "system/placement/withdraw.rs"];

/// What these files import besides, and why.
const KILL_EXTRA: &[(&str, &str)] = &[
    // `collect` moves aside what a kill has already taken away.
    ("system/placement/withdraw.rs", "system::home"),
];

fn kill_stands_on(source: &Source) -> Vec<String> {
    let is_kill = KILL
        .iter()
        .any(|file| *file == source.path || (file.ends_with('/') && source.path.starts_with(file)));
    if !is_kill {
        return Vec::new();
    }
    let ours = source.imports().into_iter().filter(|path| {
        !path.starts_with("model")
            && !path.starts_with("system::kill")
            && !path.starts_with("system::placement")
            && !KILL_EXTRA.contains(&(source.path.as_str(), path.as_str()))
    });
    let mut faults: Vec<_> = ours.map(|path| format!("src/{} imports {path}", source.path)).collect();
    for (name, _) in DOORS.iter().filter(|(name, _)| !["rustix", "thiserror"].contains(name)) {
        if !occurrences(&source.code, &format!("{name}::")).is_empty() {
            faults.push(format!("src/{} uses {name}", source.path));
        }
    }
    faults
}

#[test]
fn kill_stands_on_std_rustix_and_model_alone() {
    let faults: Vec<_> = sources().iter().flat_map(kill_stands_on).collect();
    verdict(
        &faults,
        "A kill needs no ledger, lock, configuration or network: its files import std, rustix and model.",
    );
}

// Law 7: every test file is run.

/// Who may read when a revision arrived: to show it, and to tell its age. Which
/// of two came later is told by `arrived`, the number of a record.
const ARRIVAL_TIMES: &[&str] = &[
    "bin/skills/commands/status.rs",
    "bin/skills/commands/trust.rs",
    "ops/provenance/read.rs",
    "ops/trust.rs",
    "ops/trust/set.rs",
    "policy/gate.rs",
];

fn times_of_arrival(source: &Source) -> Vec<String> {
    if ARRIVAL_TIMES.contains(&source.path.as_str()) || !source.code.contains(".installed") {
        return Vec::new();
    }
    vec![format!("{} reads when a revision arrived", source.path)]
}

#[test]
fn what_came_later_is_never_told_by_a_clock() {
    let faults: Vec<_> = sources().iter().flat_map(times_of_arrival).collect();
    verdict(&faults, "which revision is newer is told by the number of a record");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = include_str!("main.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main")
            && !main.contains(&format!("mod {module};"))
        {
            faults.push(format!("tests/it/{name} is not a module of tests/it/main.rs"));
        }
    }
    verdict(&faults, "A test that is not compiled shows nothing.");
}

// The laws can be broken: each test above would fail for these files.

#[test]
fn each_law_can_be_broken() {
    let source = Source::new;
    let text = "use crate::{model::digest::Digest, system::{home::Home, lock}};\nfn f() { crate::ops::gate::ask(); }\n";
    assert_eq!(
        bad_imports(&source("policy/gate.rs", text)).len(),
        3,
        "{:?}",
        source("policy/gate.rs", text).imports()
    );
    assert!(bad_imports(&source("ops/gate.rs", text)).is_empty());
    assert_eq!(
        bad_imports(&source("policy/review/rule.rs", "use super::super::super::system::tree;\n")).len(),
        1
    );
    assert_eq!(bad_imports(&source("bin/skills/cli.rs", "use skill_trust::system::kill;\n")).len(), 1);
    assert!(bad_imports(&source("bin/skills/cli.rs", "use super::context::Context;\n")).is_empty());

    let cases = ["enable".to_owned(), "update".to_owned(), "gate".to_owned()];
    assert_eq!(use_cases_called(&source("ops/enable.rs", "use super::{World, update};\n"), &cases).len(), 1);
    assert!(use_cases_called(&source("ops/enable.rs", "use super::gate;\n"), &cases).is_empty());

    assert_eq!(other_doors(&source("ops/x.rs", "use rusqlite::Connection;\n")).len(), 1);
    assert!(
        other_doors(&source("ops/x.rs", "// rusqlite::Connection\nuse crate::model::similar::x;\n"))
            .is_empty()
    );

    assert_eq!(
        reaches_outside(&source("ops/x.rs", "fn f() { println!(\"x\"); std::env::var(\"X\"); }\n")).len(),
        2
    );
    assert_eq!(
        reaches_outside(&source("bin/skills/commands/x.rs", "fn f() { std::env::var(\"X\"); }\n")).len(),
        1
    );
    assert!(
        reaches_outside(&source(
            "ops/x.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests { fn f() { println!(); } }\n"
        ))
        .is_empty()
    );

    assert_eq!(
        wrong_writers(&source("ops/gate.rs", "fn f() { txn.put(&row); std::fs::write(a, b); }\n")).len(),
        2
    );
    assert_eq!(wrong_writers(&source("bin/skills/x.rs", "fn f() { kill::kill_all(d); }\n")).len(), 1);

    let text = "fn f() { std::process::Command::new(program); }\n";
    assert_eq!(starts_programs(&source("ops/deps/install.rs", text)).len(), 1);
    let text = "use std::process::{Command, Stdio};\nfn f() { Command::new(program); }\n";
    assert_eq!(starts_programs(&source("ops/x.rs", text)).len(), 1);
    assert!(starts_programs(&source("system/runner.rs", text)).is_empty());

    let text = "fn f() { a.installed < b.installed; }\n";
    assert_eq!(times_of_arrival(&source("ops/pick.rs", text)).len(), 1);
    assert!(times_of_arrival(&source("ops/trust.rs", text)).is_empty());

    let text = "use crate::system::ledger::Ledger;\nuse nix::x;\n";
    assert_eq!(kill_stands_on(&source("system/kill/sweep.rs", text)).len(), 2);
    assert!(kill_stands_on(&source("system/store.rs", text)).is_empty());
}
