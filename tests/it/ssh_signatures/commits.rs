//! Signed commits and tags: made by the real git, by hand, and against us;
//! each judged by `git verify-commit` or `git verify-tag` too.

use super::bench::{Dice, NOON};
use super::statements::{SECRET, line};
use crate::sources::repo::{CARD, Repo, copy_within, open, open_at, open_with};
use crate::sources::ssh::serving;
use skill_trust::model::git_proof::GitProof;
use skill_trust::model::limits::Limits;
use skill_trust::model::path::EntryPath;
use skill_trust::model::source::Source;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::git::folder::{FolderHasher, GitFolder};
use skill_trust::policy::provenance::git::{Claim, verify_commit, verify_tag};
use skill_trust::policy::provenance::revocation::Revocations;
use skill_trust::policy::provenance::ssh::allowed_signers::AllowedSigners;
use skill_trust::policy::provenance::ssh::judge::Beliefs;
use skill_trust::policy::provenance::ssh::revoked::RevokedKeys;
use skill_trust::policy::provenance::ssh::sig::sign_ed25519;
use skill_trust::policy::provenance::verdict::{Evidenced, Method, Verdict};
use skill_trust::system::fetch::Origin;
use std::fs;
use std::process::Command;

const WHO: &str = "A <a@example.org> 1767323045 +0000";

/// A repository whose git signs with a key made by `ssh-keygen`. `SECRET` is
/// let sign as well, for objects that are made by hand.
struct Scene {
    repo: Repo,
    allowed: String,
}

/// What was fetched of one skill.
struct Fetched {
    proof: GitProof,
    source: Source,
    folder: GitFolder,
}

impl Fetched {
    fn of(origin: &dyn Origin, path: Option<&str>) -> Self {
        let skills = origin.skills().unwrap().skills;
        let at = |path: &Option<EntryPath>| path.as_ref().map(ToString::to_string);
        let skill = skills.iter().find(|skill| at(&skill.path).as_deref() == path).unwrap();
        let mut hasher = FolderHasher::new();
        for (path, (executable, bytes)) in copy_within(origin, skill, &Limits::DEFAULT).unwrap() {
            hasher.add(&EntryPath::parse(path.as_bytes()).unwrap(), executable, &bytes).unwrap();
        }
        let proof = origin.proof(skill).unwrap().unwrap();
        Self { proof, source: origin.source_of(skill), folder: hasher.finish().unwrap() }
    }

    fn claim(&self) -> Claim<'_> {
        Claim { proof: &self.proof, source: &self.source, folder: &self.folder, digest: self.folder.digest() }
    }
}

impl Scene {
    fn new(kind: &[&str]) -> Self {
        let repo = Repo::new();
        let key = repo.top().join("key");
        let done =
            Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "x", "-f"]).arg(&key).args(kind).status();
        assert!(done.unwrap().success());
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let allowed = format!("a@example.org {public}b@example.org {}\n", line(SECRET));
        let scene = Self { repo, allowed };
        scene.list(&scene.allowed.clone());
        for (name, value) in [
            ("gpg.format", "ssh"),
            ("user.signingkey", key.to_str().unwrap()),
            ("gpg.ssh.allowedSignersFile", scene.repo.top().join("allowed").to_str().unwrap()),
        ] {
            scene.repo.git(&["config", name, value]);
        }
        for skill in ["skills/one", "skills/deep/two"] {
            scene.repo.write(&format!("{skill}/SKILL.md"), CARD);
            scene.repo.write(&format!("{skill}/run.sh"), skill);
            scene.repo.executable(&format!("{skill}/run.sh"));
        }
        scene.repo.write("a.txt", "x");
        scene
    }

    fn ed25519() -> Self {
        Self::new(&["-t", "ed25519"])
    }

    /// Whom git lets sign.
    fn list(&self, text: &str) {
        fs::write(self.repo.top().join("allowed"), text).unwrap();
    }

    fn commit_signed(&self, message: &str) -> String {
        self.repo.git(&["add", "-A"]);
        self.repo.git(&["commit", "-q", "-S", "-m", message]);
        self.repo.git(&["rev-parse", "HEAD"])
    }

    fn commit_plain(&self) -> String {
        self.repo.commit("plain")
    }

    /// The raw bytes of an object.
    fn raw(&self, kind: &str, name: &str) -> Vec<u8> {
        let mut command = self.repo.command();
        let done = command.args(["cat-file", kind, name]).output().unwrap();
        assert!(done.status.success());
        done.stdout
    }

    /// Writes an object of exactly these bytes.
    fn object(&self, kind: &str, raw: &[u8]) -> String {
        self.repo.git_with(&["hash-object", "-t", kind, "-w", "--literally", "--stdin"], raw)
    }

    fn verdict_of_git(&self, what: &str, name: &str) -> bool {
        self.repo.command().args([what, name]).output().unwrap().status.success()
    }

    fn at_branch(&self) -> Fetched {
        self.skill(open(&self.repo.file_url()).unwrap().as_ref())
    }

    fn at(&self, reference: &str) -> Fetched {
        self.skill(open_at(&self.repo.file_url(), reference).unwrap().as_ref())
    }

    fn skill(&self, origin: &dyn Origin) -> Fetched {
        Fetched::of(origin, Some("skills/one"))
    }

    fn asked(&self, answer: fn(&Claim<'_>, &Beliefs<'_>) -> Verdict, claim: &Claim<'_>) -> Verdict {
        let allowed = AllowedSigners::parse(&fs::read(self.repo.top().join("allowed")).unwrap()).unwrap();
        let revoked: Vec<_> = fs::read(self.repo.top().join("revoked"))
            .iter()
            .map(|bytes| RevokedKeys::parse(bytes).unwrap())
            .collect();
        let beliefs = Beliefs {
            allowed: &allowed,
            revoked: &revoked,
            revocations: &Revocations::default(),
            at: Evidenced::FirstSeen(Timestamp::parse(NOON).unwrap()),
            first_seen_counts: false,
            principal: None,
        };
        answer(claim, &beliefs)
    }

    fn commit_verdict(&self, fetched: &Fetched) -> Verdict {
        self.asked(verify_commit, &fetched.claim())
    }

    fn tag_verdict(&self, fetched: &Fetched) -> Verdict {
        self.asked(verify_tag, &fetched.claim())
    }

    /// The branch is moved to a commit of exactly these bytes, and both say
    /// so of it.
    #[track_caller]
    fn commit_is(&self, label: &str, raw: &[u8], gits: bool, word: &str, said: &str) {
        let id = self.object("commit", raw);
        self.repo.git(&["update-ref", "refs/heads/main", &id]);
        assert_eq!(self.verdict_of_git("verify-commit", &id), gits, "git: {label}");
        let verdict = self.commit_verdict(&self.at_branch());
        assert_eq!(verdict.word(), word, "{label}: {verdict}");
        assert!(verdict.to_string().contains(said), "{label}: {verdict}, not {said}");
    }

    /// The same for the tag `v1`.
    #[track_caller]
    fn tag_is(&self, label: &str, raw: &[u8], gits: bool, word: &str, said: &str) {
        let id = self.object("tag", raw);
        self.repo.git(&["update-ref", "refs/tags/v1", &id]);
        assert_eq!(self.verdict_of_git("verify-tag", &id), gits, "git: {label}");
        let verdict = self.tag_verdict(&self.at("v1"));
        assert_eq!(verdict.word(), word, "{label}: {verdict}");
        assert!(verdict.to_string().contains(said), "{label}: {verdict}, not {said}");
    }
}

/// Signed by hand with `SECRET`, for git.
fn signature(payload: &[u8]) -> String {
    sign_ed25519(&SECRET, "git", payload).unwrap()
}

/// As a header of a commit.
fn header(name: &str, value: &str) -> String {
    format!("{name} {}\n", value.trim_end().replace('\n', "\n "))
}

/// A commit of this tree, with more headers and this message.
fn raw_commit(tree: &str, more: &str, message: &str) -> String {
    format!("tree {tree}\nauthor {WHO}\ncommitter {WHO}\n{more}\n{message}")
}

fn raw_tag(object: &str, kind: &str, name: &str, body: &str) -> String {
    format!("object {object}\ntype {kind}\ntag {name}\ntagger {WHO}\n\n{body}")
}

#[test]
fn what_git_signs_with_any_kind_of_key_vouches_for_each_folder_of_the_commit() {
    for (name, kind) in super::bench::KINDS {
        let scene = Scene::new(kind);
        let commit = scene.commit_signed("first");
        scene.repo.git(&["tag", "-s", "-m", "one", "v1"]);
        assert!(scene.verdict_of_git("verify-commit", &commit), "{name}");
        assert!(scene.verdict_of_git("verify-tag", "v1"), "{name}");
        for origin in [open(&scene.repo.file_url()).unwrap(), open_at(&scene.repo.file_url(), "v1").unwrap()]
        {
            for path in ["skills/one", "skills/deep/two"] {
                let fetched = Fetched::of(origin.as_ref(), Some(path));
                let verdict = scene.commit_verdict(&fetched);
                let vouched = verdict.vouched().unwrap_or_else(|| panic!("{name}: {verdict}"));
                assert_eq!(vouched.method(), Method::Commit);
                // The tree that git names, found by our own hashing.
                assert_eq!(
                    fetched.folder.tree().to_string(),
                    scene.repo.git(&["rev-parse", &format!("HEAD:{path}")])
                );
            }
        }
        let verdict = scene.tag_verdict(&scene.at("v1"));
        assert_eq!(verdict.vouched().unwrap_or_else(|| panic!("{name}: {verdict}")).method(), Method::Tag);
        // By the branch, no tag was asked for.
        assert_eq!(scene.tag_verdict(&scene.at_branch()).word(), "unsigned");
        assert_eq!(scene.commit_verdict(&scene.at("v1")).word(), "valid");
    }
}

#[test]
fn a_skill_at_the_root_is_the_tree_of_the_commit() {
    let scene = Scene::ed25519();
    fs::remove_dir_all(scene.repo.work.join("skills")).unwrap();
    scene.repo.write("SKILL.md", CARD);
    scene.commit_signed("root");
    let fetched = Fetched::of(open(&scene.repo.file_url()).unwrap().as_ref(), None);
    assert!(fetched.proof.trees.is_empty());
    assert_eq!(scene.commit_verdict(&fetched).word(), "valid");
}

#[test]
fn over_the_wire_the_same_objects_arrive_in_the_same_fetch() {
    let scene = Scene::ed25519();
    scene.commit_signed("first");
    scene.repo.git(&["tag", "-s", "-m", "one", "v1"]);
    scene.repo.git(&["tag", "-s", "-m", "outer", "v2", "v1"]);
    let options = serving(&scene.repo);
    for reference in [None, Some("main"), Some("v1"), Some("refs/tags/v1"), Some("v2")] {
        let there = open_with("ssh://host.example/x", reference, &options).unwrap();
        let fetched = scene.skill(there.as_ref());
        let here = open_with(&scene.repo.file_url(), reference, &options).unwrap();
        let local = scene.skill(here.as_ref());
        assert_eq!(fetched.proof, local.proof);
        assert_eq!(scene.commit_verdict(&fetched).word(), "valid", "{reference:?}");
        let (tags, word) = match reference {
            Some("v2") => (2, "valid"),
            Some("v1" | "refs/tags/v1") => (1, "valid"),
            _ => (0, "unsigned"),
        };
        assert_eq!(fetched.proof.tags.len(), tags, "{reference:?}");
        assert_eq!(scene.tag_verdict(&fetched).word(), word, "{reference:?}");
    }
}

#[test]
fn nobody_signed() {
    let scene = Scene::ed25519();
    let commit = scene.commit_plain();
    scene.repo.git(&["tag", "-a", "-m", "one", "v1"]);
    scene.repo.git(&["tag", "light"]);
    assert!(!scene.verdict_of_git("verify-commit", &commit) && !scene.verdict_of_git("verify-tag", "v1"));
    for reference in ["v1", "light"] {
        assert_eq!(scene.commit_verdict(&scene.at(reference)), Verdict::Unsigned);
        assert_eq!(scene.tag_verdict(&scene.at(reference)), Verdict::Unsigned);
    }
}

#[test]
fn commits_made_by_hand() {
    let scene = Scene::ed25519();
    scene.commit_plain();
    let tree = scene.repo.git(&["rev-parse", "HEAD^{tree}"]);
    let plain = raw_commit(&tree, "", "message\n");
    let good = signature(plain.as_bytes());
    let with = |more: &str| raw_commit(&tree, more, "message\n").into_bytes();
    let signed = header("gpgsig", &good);

    scene.commit_is("signed", &with(&signed), true, "valid", "");
    let crlf = raw_commit(&tree, "", "a\r\nb\r\n");
    let crlf = raw_commit(&tree, &header("gpgsig", &signature(crlf.as_bytes())), "a\r\nb\r\n");
    scene.commit_is("a message with CRLF", crlf.as_bytes(), true, "valid", "");
    let other = format!("{signed}{}", header("gpgsig-sha256", &good));
    scene.commit_is("also for SHA-256", &with(&other), true, "valid", "");
    let quoted = raw_commit(&tree, "", &format!("message\n{good}"));
    scene.commit_is("in the message it is text", quoted.as_bytes(), false, "unsigned", "");
    let other = header("gpgsig-sha256", &good);
    scene.commit_is("for SHA-256 alone", &with(&other), false, "unsigned", "");

    let wrong = raw_commit(&tree, &signed, "massage\n");
    scene.commit_is("another message", wrong.as_bytes(), false, "invalid", "does not fit");
    let file = sign_ed25519(&SECRET, "file", plain.as_bytes()).unwrap();
    scene.commit_is("for files", &with(&header("gpgsig", &file)), false, "invalid", "made for `file`");
    let stranger = sign_ed25519(&[8; 32], "git", plain.as_bytes()).unwrap();
    scene.commit_is("a stranger", &with(&header("gpgsig", &stranger)), false, "unknown-signer", "SHA256:");
    for (label, begin, end) in [
        ("OpenPGP", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"),
        ("OpenPGP message", "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----"),
        ("CMS", "-----BEGIN SIGNED MESSAGE-----", "-----END SIGNED MESSAGE-----"),
    ] {
        let armour = format!("{begin}\n\niQEzBAABCAAdFiEE\n=abcd\n{end}");
        let word = label.split(' ').next().unwrap();
        scene.commit_is(label, &with(&header("gpgsig", &armour)), false, "unsupported", word);
    }
    scene.commit_is("no armour", &with("gpgsig x\n"), false, "invalid", "no known kind");
    let crlf = header("gpgsig", &good.replace('\n', "\r\n"));
    scene.commit_is("CRLF in the armour", &with(&crlf), false, "invalid", "carriage return");
    let crlf = header("gpgsig", &good.replace("\n-----END", "\r\n-----END"));
    scene.commit_is("one CRLF in the armour", &with(&crlf), true, "invalid", "carriage return");
    // Git glues the two together, and `ssh-keygen` reads the first.
    let twice = format!("{signed}{}", header("gpgsig", &stranger));
    scene.commit_is("two signatures", &with(&twice), true, "invalid", "twice");
    let junk = header("gpgsig", &format!("{}\nanything", good.trim_end()));
    scene.commit_is("text after the end", &with(&junk), true, "invalid", "last line");
    // Git leaves every header that begins so out of what is signed.
    let unknown = format!("{signed}{}", header("gpgsig-more", "x"));
    scene.commit_is("unsigned words in a header", &with(&unknown), true, "invalid", "gpgsig-more");
}

#[test]
fn tags_made_by_hand() {
    let scene = Scene::ed25519();
    let commit = scene.commit_plain();
    let payload = raw_tag(&commit, "commit", "v1", "message\n");
    let good = signature(payload.as_bytes());
    let with = |tail: &str| format!("{payload}{tail}").into_bytes();

    scene.tag_is("signed", &with(&good), true, "valid", "");
    let crlf = raw_tag(&commit, "commit", "v1", "a\r\nb\r\n");
    let crlf = format!("{crlf}{}", signature(crlf.as_bytes()));
    scene.tag_is("a message with CRLF", crlf.as_bytes(), true, "valid", "");
    let header_too = String::from_utf8(with(&good)).unwrap();
    let header_too = header_too.replacen("\n\n", &format!("\n{}\n", header("gpgsig-sha256", &good)), 1);
    scene.tag_is("also for SHA-256", header_too.as_bytes(), true, "valid", "");
    let quoting = format!("{payload}{good}");
    let quoting = format!("{quoting}{}", signature(quoting.as_bytes()));
    scene.tag_is("the last one counts", quoting.as_bytes(), true, "valid", "");

    scene.tag_is("unsigned", &with(""), false, "unsigned", "");
    scene.tag_is("indented, it is text", &with(&format!(" {good}")), false, "unsigned", "");
    scene.tag_is("inside of a line, it is text", &with(&format!("x{good}")), false, "unsigned", "");
    // Not at the tail: `ssh-keygen` reads up to the end of the signature.
    scene.tag_is("text behind it", &with(&format!("{good}and more\n")), true, "invalid", "last line");
    scene.tag_is(
        "CRLF in the armour",
        &with(&good.replace("\n-----END", "\r\n-----END")),
        true,
        "invalid",
        "not base64",
    );
    scene.tag_is(
        "a first one of two",
        &with(&format!("{good}{}", signature(b"other"))),
        false,
        "invalid",
        "does not fit",
    );
    let other = raw_tag(&commit, "commit", "v1", "massage\n");
    scene.tag_is("another message", format!("{other}{good}").as_bytes(), false, "invalid", "does not fit");
    for begin in ["PGP SIGNATURE", "PGP MESSAGE", "SIGNED MESSAGE"] {
        let tail = format!("-----BEGIN {begin}-----\n\nabcd\n-----END {begin}-----\n");
        scene.tag_is(begin, &with(&tail), false, "unsupported", "");
        // Signed again by OpenSSH: what was under the first is text.
        let both = format!("{payload}{tail}");
        let both = format!("{both}{}", signature(both.as_bytes()));
        scene.tag_is(begin, both.as_bytes(), true, "valid", "");
    }
    let header = format!("{payload}{good}").replacen("\n\n", &format!("\n{}\n", header("gpgsig", &good)), 1);
    scene.tag_is("a header that a tag has not", header.as_bytes(), true, "invalid", "as a header");
}

/// A signed commit whose lines are doubled, dropped, moved and changed: what
/// git refuses, we refuse too.
#[test]
fn a_commit_with_its_lines_thrown_about_never_vouches_for_more() {
    let scene = Scene::ed25519();
    let commit = scene.commit_signed("first\n\n-----BEGIN SSH SIGNATURE-----\nx\n");
    let good = scene.raw("commit", &commit);
    let text = String::from_utf8(good).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let fetched = scene.at_branch();
    let mut dice = Dice::new(7);
    let (mut yes, mut narrower) = (0, 0);
    for _ in 0..250 {
        let mut changed: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=dice.below(2) {
            let (at, other) = (dice.below(changed.len()), dice.below(changed.len()));
            match dice.below(7) {
                0 => changed.insert(at, lines[other % lines.len()].to_owned()),
                1 => drop(changed.remove(at)),
                2 => changed.swap(at, other),
                3 => changed[at].insert(0, ' '),
                4 => changed.insert(at, "gpgsig-sha256 x\n y\n".to_owned()),
                5 => changed.insert(at, "gpgsigs x\n".to_owned()),
                _ => changed[at] = changed[at].replace('\n', "\r\n"),
            }
        }
        let raw = changed.concat();
        let id = scene.object("commit", raw.as_bytes());
        let mut forged =
            Fetched { proof: fetched.proof.clone(), source: fetched.source.clone(), folder: fetched.folder };
        forged.proof.commit = raw.clone().into_bytes();
        forged.source.commit = Some(id.clone());
        let (ours, gits) = (scene.commit_verdict(&forged), scene.verdict_of_git("verify-commit", &id));
        assert!(gits || ours.vouched().is_none(), "git refuses, and we do not: {raw}");
        yes += usize::from(ours.vouched().is_some());
        narrower += usize::from(gits && ours.vouched().is_none());
    }
    assert!(yes > 5 && narrower > 5, "{yes} {narrower}");
}

#[test]
fn a_tag_replayed_under_another_name() {
    let scene = Scene::ed25519();
    scene.commit_signed("first");
    scene.repo.git(&["tag", "-s", "-m", "one", "v1"]);
    scene.repo.git(&["update-ref", "refs/tags/v2", &scene.repo.git(&["rev-parse", "refs/tags/v1"])]);
    // Git verifies the object, whatever the reference is called.
    assert!(scene.verdict_of_git("verify-tag", "v2"));
    let verdict = scene.tag_verdict(&scene.at("v2"));
    assert!(verdict.to_string().contains("behind `v2` was made as `v1`"), "{verdict}");
    assert_eq!(scene.tag_verdict(&scene.at("refs/tags/v1")).word(), "valid");
    // And as a branch.
    let id = scene.repo.git(&["rev-parse", "refs/tags/v1"]);
    fs::write(scene.repo.work.join(".git/refs/heads/release"), format!("{id}\n")).unwrap();
    let verdict = scene.tag_verdict(&scene.at("release"));
    assert!(verdict.to_string().contains("was made as `v1`"), "{verdict}");
}

#[test]
fn a_tag_of_a_tag() {
    let scene = Scene::ed25519();
    scene.commit_plain();
    scene.repo.git(&["tag", "-a", "-m", "inner", "inner"]);
    scene.repo.git(&["tag", "-s", "-m", "outer", "outer", "inner"]);
    assert!(scene.verdict_of_git("verify-tag", "outer"));
    let fetched = scene.at("outer");
    assert_eq!(fetched.proof.tags.len(), 2);
    assert_eq!(scene.tag_verdict(&fetched).word(), "valid");
    assert_eq!(scene.commit_verdict(&fetched), Verdict::Unsigned);
    // The signature of an inner tag is not the outer one's.
    scene.repo.git(&["tag", "-s", "-f", "-m", "inner", "inner", "HEAD"]);
    scene.repo.git(&["tag", "-a", "-f", "-m", "outer", "outer", "inner"]);
    assert!(!scene.verdict_of_git("verify-tag", "outer"));
    assert_eq!(scene.tag_verdict(&scene.at("outer")), Verdict::Unsigned);

    let good = scene.at("inner");
    let inner = good.proof.tags[0].clone();
    for (tags, said) in [
        (vec![inner.clone(), inner.clone()], "no tag calls for"),
        (fetched.proof.tags[..1].to_vec(), "leads to no commit"),
        (vec![fetched.proof.tags[0].clone(), inner], "is called for"),
        (vec![fetched.proof.tags[0].clone(); 9], "more than 8"),
    ] {
        let mut forged = scene.at("outer");
        forged.source.reference = Some(if said == "no tag calls for" { "inner" } else { "outer" }.to_owned());
        forged.proof.tags = tags;
        let verdict = scene.tag_verdict(&forged);
        assert!(verdict.to_string().contains(said), "{verdict}, not {said}");
    }
}

#[test]
fn every_object_on_the_way_is_the_one_that_was_called_for() {
    let scene = Scene::ed25519();
    scene.commit_signed("first");
    let good = Fetched::of(open(&scene.repo.file_url()).unwrap().as_ref(), Some("skills/deep/two"));
    assert_eq!(good.proof.trees.len(), 3);
    assert_eq!(scene.commit_verdict(&good).word(), "valid");
    let broken = |change: &dyn Fn(&mut Fetched)| {
        let mut fetched =
            Fetched { proof: good.proof.clone(), source: good.source.clone(), folder: good.folder };
        change(&mut fetched);
        let verdict = scene.commit_verdict(&fetched);
        assert_eq!(verdict.word(), "invalid");
        verdict.to_string()
    };
    for at in 0..3 {
        assert!(broken(&|it| it.proof.trees[at].push(0)).contains("is called for"));
        assert!(broken(&|it| it.proof.trees[at][0] ^= 1).contains("is called for"));
        assert!(broken(&|it| it.proof.trees[at].clear()).contains("is called for"));
        assert!(broken(&|it| drop(it.proof.trees.remove(at))).contains("one tree for each"));
    }
    assert!(broken(&|it| it.proof.trees.swap(0, 1)).contains("is called for"));
    assert!(broken(&|it| *it.proof.commit.last_mut().unwrap() ^= 1).contains("does not fit"));
    assert!(broken(&|it| it.source.commit = None).contains("names no commit"));
    assert!(broken(&|it| it.source.commit = Some("0".repeat(40))).contains("is called for"));
    let path = |text: &str| Some(EntryPath::parse(text.as_bytes()).unwrap());
    assert!(broken(&|it| it.source.path = path("skills/deep/one")).contains("no folder `one`"));
    assert!(broken(&|it| it.source.path = path("skills/one/two")).contains("is called for"));
    assert!(broken(&|it| it.source.path = None).contains("one tree for each"));
    let claim = Claim { digest: skill_trust::model::digest::Digest::ZERO, ..good.claim() };
    assert!(scene.asked(verify_commit, &claim).to_string().contains("was asked about"));
}

#[test]
fn a_commit_of_another_folder() {
    let scene = Scene::ed25519();
    scene.commit_signed("first");
    let origin = open(&scene.repo.file_url()).unwrap();
    let (one, two) = (
        Fetched::of(origin.as_ref(), Some("skills/one")),
        Fetched::of(origin.as_ref(), Some("skills/deep/two")),
    );
    let claim = Claim { folder: &two.folder, digest: two.folder.digest(), ..one.claim() };
    let verdict = scene.asked(verify_commit, &claim);
    assert!(verdict.to_string().contains("at `skills/one`, and this folder is"), "{verdict}");
    // The proof of one, for the bytes of the other at its own place.
    let claim = Claim { proof: &one.proof, ..two.claim() };
    assert_eq!(scene.asked(verify_commit, &claim).word(), "invalid");
}

#[test]
fn a_tree_that_was_changed_under_the_signature() {
    let scene = Scene::ed25519();
    let signed = scene.commit_signed("first");
    let raw = String::from_utf8(scene.raw("commit", &signed)).unwrap();
    let old = scene.repo.git(&["rev-parse", "HEAD^{tree}"]);
    scene.repo.write("skills/one/run.sh", "something else");
    scene.commit_plain();
    let new = scene.repo.git(&["rev-parse", "HEAD^{tree}"]);
    scene.commit_is("its tree", raw.replacen(&old, &new, 1).as_bytes(), false, "invalid", "does not fit");
    // The signed commit at the claimed id, and the bytes of the later one.
    let mut fetched = scene.at_branch();
    fetched.proof.commit = raw.into_bytes();
    fetched.source.commit = Some(signed);
    let verdict = scene.commit_verdict(&fetched);
    assert!(verdict.to_string().contains("is called for"), "{verdict}");
}

#[test]
fn a_stolen_key_that_commits_under_an_old_date() {
    let scene = Scene::ed25519();
    let until = |end: &str| scene.allowed.replace(".org ssh", &format!(".org valid-before=\"{end}\" ssh"));
    scene.list(&until("20260301Z"));
    // The committer's date is 2 January 2026; we saw it in June.
    let commit = scene.commit_signed("first");
    assert!(scene.verdict_of_git("verify-commit", &commit), "git believes the date");
    let verdict = scene.commit_verdict(&scene.at_branch());
    assert_eq!(verdict.word(), "expired", "{verdict}");
    scene.list(&until("20260701Z"));
    assert_eq!(scene.commit_verdict(&scene.at_branch()).word(), "valid");
}

#[test]
fn a_revoked_key_and_one_for_another_purpose() {
    let scene = Scene::ed25519();
    let commit = scene.commit_signed("first");
    let revoked = scene.repo.top().join("revoked");
    fs::copy(scene.repo.top().join("key.pub"), &revoked).unwrap();
    scene.repo.git(&["config", "gpg.ssh.revocationFile", revoked.to_str().unwrap()]);
    assert!(!scene.verdict_of_git("verify-commit", &commit));
    assert_eq!(scene.commit_verdict(&scene.at_branch()).word(), "revoked");
    fs::write(&revoked, format!("{}\n", line([9; 32]))).unwrap();
    assert!(scene.verdict_of_git("verify-commit", &commit));
    assert_eq!(scene.commit_verdict(&scene.at_branch()).word(), "valid");
    for (namespaces, valid) in [("file", false), ("file,git", true)] {
        scene.list(&scene.allowed.replace(".org ssh", &format!(".org namespaces=\"{namespaces}\" ssh")));
        assert_eq!(scene.verdict_of_git("verify-commit", &commit), valid);
        assert_eq!(scene.commit_verdict(&scene.at_branch()).vouched().is_some(), valid);
    }
}

#[test]
fn an_older_commit_replayed_is_still_rightly_signed() {
    // Which revision may follow which is the ledger's to say; the verdict
    // names only who signed.
    let scene = Scene::ed25519();
    let first = scene.commit_signed("first");
    scene.repo.write("skills/one/run.sh", "a fix");
    scene.commit_signed("second");
    scene.repo.git(&["update-ref", "refs/heads/main", &first]);
    assert!(scene.verdict_of_git("verify-commit", &first));
    assert_eq!(scene.commit_verdict(&scene.at_branch()).word(), "valid");
}

#[test]
fn a_certified_key_signs_commits_too() {
    let scene = Scene::ed25519();
    let top = scene.repo.top();
    let run = |arguments: &[&str]| {
        let done = Command::new("ssh-keygen").arg("-q").args(arguments).current_dir(&top).status();
        assert!(done.unwrap().success(), "{arguments:?}");
    };
    run(&["-N", "", "-t", "ed25519", "-f", "ca"]);
    run(&["-s", "ca", "-I", "id", "-n", "a@example.org,b@example.org", "key.pub"]);
    let authority = fs::read_to_string(top.join("ca.pub")).unwrap();
    scene.list(&format!("*@example.org cert-authority,namespaces=\"git\" {authority}"));
    scene.repo.git(&["config", "user.signingkey", top.join("key-cert.pub").to_str().unwrap()]);
    let commit = scene.commit_signed("first");
    assert!(scene.verdict_of_git("verify-commit", &commit));
    let verdict = scene.commit_verdict(&scene.at_branch());
    let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
    assert!(vouched.signer().as_str().ends_with("/a@example.org"), "{}", vouched.signer());
    assert!(vouched.key().as_str().starts_with("key:"));
}
