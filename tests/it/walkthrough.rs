//! `docs/walkthrough.md`, walked: every command of the page is run in its order,
//! each by an account of its own, and all that is shown must be what the page
//! says. `UPDATE_REFERENCE=1` writes the page anew; then a person reads it.
//!
//! Keys differ from run to run, and so do digests and signatures. What stands
//! on the page in their place is compared as what it is: the same one at every
//! place, and in the next command this run's.

use crate::reference::check;
use crate::support::sandbox::PROGRAM;
use crate::transcripts::without_times;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = "docs/walkthrough.md";
/// Who is on the page; each has an account, and they share a folder.
const PEOPLE: [&str; 4] = ["author", "team", "you", "stranger"];
/// What gives a command an account's own folders, and all of them one `/home`.
const AS: &str = r#"mount --bind "$0" /etc/passwd && mount --bind "$1" /home && cd "$HOME" && umask 022 && exec sh -c "$2" 2>&1"#;

struct Walk {
    top: PathBuf,
    /// What this run has, by what the page has.
    real: BTreeMap<String, String>,
    /// And the other way round.
    page: BTreeMap<String, String>,
    _dir: tempfile::TempDir,
}

impl Walk {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let top = dir.path().canonicalize().unwrap();
        fs::create_dir(top.join("home")).unwrap();
        fs::create_dir(top.join("home/share")).unwrap();
        for who in PEOPLE {
            let home = top.join("home").join(who);
            fs::create_dir(&home).unwrap();
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(top.join(who), format!("{who}:x:0:0::/home/{who}:/bin/sh\n")).unwrap();
        }
        for path in ["home", "home/share"] {
            fs::set_permissions(top.join(path), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { top, real: BTreeMap::new(), page: BTreeMap::new(), _dir: dir }
    }

    /// What a command shows, its exit code below if it is not 0.
    fn run(&self, who: &str, line: &str) -> String {
        assert!(PEOPLE.contains(&who), "{who}");
        let folder = Path::new(PROGRAM).parent().unwrap().display();
        let line = swap(line, &self.real);
        let done = Command::new("setsid")
            .args(["--wait", "unshare", "--mount", "sh", "-c", AS])
            .args([self.top.join(who), self.top.join("home")])
            .arg(line)
            .env_clear()
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .env("HOME", format!("/home/{who}"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut text = String::from_utf8(done.stdout).unwrap();
        if let Some(code @ 1..) = done.status.code() {
            text.push_str(&format!("[exit {code}]\n"));
        }
        without_times(&text)
    }

    /// Learns what is new in this output, and says it as the page does.
    fn said(&mut self, found: &str, on_page: &str) -> String {
        let new = |text: &str, known: &BTreeMap<String, String>| {
            let mut all: Vec<String> = Vec::new();
            for token in tokens(text) {
                if !known.contains_key(token) && !all.iter().any(|other| other == token) {
                    all.push(token.to_owned());
                }
            }
            all
        };
        let here = new(found, &self.page);
        let mut there = new(on_page, &self.real).into_iter();
        for one in here {
            let like = there.next().filter(|like| like.len() == one.len()).unwrap_or_else(|| one.clone());
            // Its first digits may stand on the page already.
            let short = self.page.get(one.get(..12).unwrap_or_default()).filter(|_| one.len() == 64);
            let like = short.map_or(like.clone(), |short| format!("{short}{}", &like[12..]));
            self.learn(&one, &like);
        }
        let text = swap(found, &self.page);
        // A stored folder lies below the first two digits of its digest.
        let mut pieces = text.split("/store/");
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            out.push_str("/store/");
            out.push_str(&piece[3..5]);
            out.push_str(&piece[2..]);
        }
        // Revisions of one name are shown in the order of their digests.
        if unordered(&out) == unordered(on_page) { on_page.to_owned() } else { out }
    }

    fn learn(&mut self, real: &str, page: &str) {
        self.real.entry(page.to_owned()).or_insert_with(|| real.to_owned());
        self.page.entry(real.to_owned()).or_insert_with(|| page.to_owned());
        // Digests are shown short too.
        if real.len() == 64 && page.len() == 64 {
            self.learn(&real[..12], &page[..12]);
        }
    }
}

/// The words of each line, and the lines, without their order.
fn unordered(text: &str) -> Vec<Vec<&str>> {
    let words = |line| {
        let mut words: Vec<_> = str::split_whitespace(line).collect();
        words.sort_unstable();
        words
    };
    let mut lines: Vec<_> = text.trim().lines().map(words).collect();
    lines.sort_unstable();
    lines
}

/// What differs from run to run: hex of 12, 40 or 64 digits, and OpenSSH's base64.
fn tokens(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/".contains(c)) {
        // A fingerprint may begin with a slash: only what stands before it tells it from a path.
        let before = &text[..word.as_ptr().addr() - text.as_ptr().addr()];
        if word.starts_with("AAAAC3") || (word.len() == 43 && before.ends_with("SHA256:")) {
            all.push(word);
            continue;
        }
        for part in word.split(['+', '/']) {
            let hex = part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
            if hex && [12, 40, 64].contains(&part.len()) {
                all.push(part);
            }
        }
    }
    all
}

fn swap(text: &str, with: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    for token in tokens(text) {
        let at = rest.find(token).unwrap();
        out.push_str(&rest[..at]);
        out.push_str(with.get(token).map_or(token, String::as_str));
        rest = &rest[at + token.len()..];
    }
    out + rest
}

/// A command's line, if it is one: who, and what.
fn command(line: &str) -> Option<(&str, &str)> {
    let (who, what) = line.split_once("$ ")?;
    PEOPLE.contains(&who).then_some((who, what))
}

#[test]
fn the_walkthrough_is_what_happens() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can give each command an account of its own; the other pass runs it");
        return;
    }
    let mut walk = Walk::new();
    if crate::unmanaged::with_account(&walk.top, &["true"]).is_none() {
        return;
    }
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let (mut out, mut lines, mut ran) = (String::new(), page.lines().peekable(), 0);
    let mut fenced = false;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.starts_with("```") {
            fenced = line != "```";
        }
        let Some((who, typed)) = command(line).filter(|_| fenced) else { continue };
        let mut typed = typed.to_owned();
        while typed.ends_with('\\') {
            let more = lines.next().unwrap();
            out.push_str(more);
            out.push('\n');
            typed = format!("{typed}\n{more}");
        }
        let mut on_page = String::new();
        while let Some(next) = lines.next_if(|next| *next != "```" && command(next).is_none()) {
            on_page.push_str(next);
            on_page.push('\n');
        }
        let found = walk.run(who, &typed);
        ran += 1;
        out.push_str(walk.said(&found, &on_page).trim_end_matches('\n'));
        if !found.trim().is_empty() {
            out.push('\n');
        }
        // Between two commands there is a line.
        if on_page.ends_with("\n\n") && lines.peek().is_some_and(|next| *next != "```") || on_page == "\n" {
            out.push('\n');
        }
    }
    assert!(ran > 20, "{ran} commands");
    check(PAGE, &out);
}

#[test]
fn what_differs_is_compared_as_what_it_is() {
    let (a, b, c) = ("a".repeat(64), "b".repeat(64), "c".repeat(64));
    assert_eq!(tokens(&format!("x {a}, key:{b} store/aa/{a} deadbeef")), [&a, &b, &a]);
    let print = "/bGBzpqIPDd+bZL6S3tysK7Zi6PVq+bz/eAHlviZ8NU".to_owned();
    assert_eq!(tokens(&format!("ssh:SHA256:{print}\nfile /home/author/{}", "x".repeat(30))), [&print]);
    let mut walk = Walk::new();
    assert_eq!(walk.said(&format!("{a} {b} {a}"), &format!("{c} {b} {c}")), format!("{c} {b} {c}"));
    assert_eq!(walk.said(&a[..12], ""), c[..12]);
    assert_eq!(walk.said(&format!("/store/aa/{a}"), ""), format!("/store/cc/{c}"));
    let (long, short) = (format!("{}{b}", &a[..12]), "c".repeat(12));
    assert_eq!(walk.said(&long[..64], ""), format!("{short}{}", "b".repeat(52)));
    assert_eq!(swap(&format!("--pin sha256:{c}"), &walk.real), format!("--pin sha256:{a}"));
    // Another one in the same place is another.
    assert_ne!(walk.said(&b, &c), c);
}
