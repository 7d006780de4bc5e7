//! Archives that common programs make of ordinary skills: all are taken, and
//! the digest is that of the folder and of the repository.

use super::make::{gzip, read, tar};
use crate::sources::repo::{CARD, Files, Repo, fails, only, open, open_at, places};
use crate::support::sandbox::{Sandbox, chmod};
use skill_trust::model::limits::Limits;
use skill_trust::model::source::{SourceKind, SourceSpec};
use skill_trust::system::fetch::{FetchError, FetchOptions};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A skill with what makes archives differ: programs, long and foreign names,
/// empty, large and binary files, folders of folders.
fn write(folder: &Path) {
    let long = format!("references/{}/{}.md", "a-long-folder-name-for-a-schema".repeat(3), "n".repeat(90));
    let files: &[(&str, Vec<u8>)] = &[
        ("SKILL.md", CARD.as_bytes().to_vec()),
        ("scripts/run.sh", b"#!/bin/sh\necho hello\n".to_vec()),
        ("scripts/lib/empty.py", Vec::new()),
        (
            "assets/data.bin",
            (0..70_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect(),
        ),
        ("assets/block", vec![b'x'; 512]),
        ("notes/\u{65e5}\u{672c}\u{8a9e} \u{e9}.md", b"text\n".to_vec()),
        (&long, b"long\n".to_vec()),
    ];
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        chmod(&path, 0o644);
    }
    chmod(&folder.join("scripts/run.sh"), 0o755);
}

/// The archives that the programs of this machine make, and which were absent.
fn packed(top: &Path) -> (Vec<String>, Vec<String>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/archives/packers.py");
    let output = Command::new("python3").arg(script).arg(top).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let of =
        |word: &str| lines.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect();
    (of("made "), of("absent "))
}

fn folder_of(path: &Path) -> Files {
    only(open(path.to_str().unwrap()).unwrap().as_ref()).unwrap()
}

#[test]
fn what_common_programs_pack_is_their_folder() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    write(&top.join("in"));
    let wanted = folder_of(&top.join("in"));
    assert!(wanted["scripts/run.sh"].0 && wanted.len() == 7);
    let (made, absent) = packed(&top);
    println!("compared {} archives; not there: {absent:?}", made.len());
    assert!(made.len() >= 20);
    // ustar has no room for the long name, and Java and these no modes.
    let modeless = ["jar.zip"];
    for path in made {
        let name = path.rsplit('/').next().unwrap();
        let mut found = match read(&path) {
            Ok(found) => found,
            // Python and Info-ZIP itself read such a name differently.
            Err(code) if ["zip-foreign.zip", "jar.zip"].contains(&name) && code == "zip-encoding" => continue,
            Err(code) => panic!("{name}: {code}"),
        };
        let ascii = |path: &String| !name.starts_with("zip") || !path.starts_with("notes/");
        let wanted: Files = wanted.clone().into_iter().filter(|(path, _)| ascii(path)).collect();
        if modeless.contains(&name) {
            found.get_mut("scripts/run.sh").unwrap().0 = true;
        }
        assert!(found == wanted, "{name}: {:?}", found.keys());
    }
}

#[test]
fn the_digest_is_the_same_from_a_folder_a_repository_and_archives() {
    let sandbox = Sandbox::new();
    let repo = Repo::new();
    write(&repo.work);
    let commit = repo.commit("first");
    let out = |name: &str| repo.top().join(name).to_str().unwrap().to_owned();
    for (format, name) in [("tar.gz", "a.tar.gz"), ("zip", "a.zip")] {
        repo.git(&["archive", "--format", format, "-o", &out(name), "HEAD"]);
    }
    repo.git(&["archive", "--format=tar.gz", "--prefix=pdf-main/", "-o", &out("prefix.tgz"), "HEAD"]);
    let folder = sandbox.at("work/pdf");
    write(&folder);
    let wanted = sandbox.digest(&folder).to_string();
    let mut sources = vec![(folder.to_str().unwrap().to_owned(), "pdf"), (repo.file_url(), "git")];
    sources.extend([(out("a.tar.gz"), "tar"), (out("a.zip"), "zip"), (out("prefix.tgz"), "prefix")]);
    for (source, name) in &sources {
        sandbox.run(&["install", source, "--as", name, "--digest", &wanted]).ok();
    }
    let other = "sha256:".to_owned() + &"0".repeat(64);
    let said = sandbox.run(&["install", &out("a.zip"), "--as", "other", "--digest", &other]);
    assert_eq!(said.code, 5, "{said:?}");
    assert_eq!(open(&repo.file_url()).unwrap().source().commit.as_deref(), Some(commit.as_str()));
}

#[test]
fn the_source_is_the_file_and_the_hash_of_its_bytes() {
    let repo = Repo::with_skill();
    let out = repo.top().join("skill.zip").to_str().unwrap().to_owned();
    repo.git(&["archive", "--format", "zip", "-o", &out, "HEAD"]);
    let sum = Command::new("sha256sum").arg(&out).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    std::os::unix::fs::symlink(&out, repo.top().join("link.zip")).unwrap();
    for typed in [&out, repo.top().join("link.zip").to_str().unwrap()] {
        let origin = open(typed).unwrap();
        assert_eq!(origin.source().kind, SourceKind::Archive);
        assert_eq!(origin.source().location, out);
        assert_eq!(origin.source().commit.as_deref(), Some(format!("sha256:{sum}").as_str()));
        assert!(origin.source().to_string().ends_with(&format!("at {}", &sum[..12])));
    }
    // A name that leads to a file of another kind could not be found again.
    fs::copy(&out, repo.top().join("data")).unwrap();
    std::os::unix::fs::symlink(repo.top().join("data"), repo.top().join("other.zip")).unwrap();
    fails(open(repo.top().join("other.zip").to_str().unwrap()));
    assert!(matches!(fails(open("/nowhere/x.zip")), FetchError::Io { .. }));
}

#[test]
fn many_skills_are_found_as_in_a_folder() {
    let repo = Repo::new();
    for name in ["a", "b/c", "b/d", "b/d/inside"] {
        repo.write(&format!("{name}/SKILL.md"), &CARD.replace("pdf", name.rsplit('/').next().unwrap()));
        repo.write(&format!("{name}/more.txt"), name);
    }
    repo.write("README.md", "no skill");
    repo.commit("first");
    let wanted = places(open(&repo.file_url()).unwrap().as_ref());
    assert_eq!(wanted, ["a", "b/c", "b/d"]);
    for (format, name) in [("tar.gz", "a.tar.gz"), ("zip", "a.zip")] {
        let out = repo.top().join(name).to_str().unwrap().to_owned();
        repo.git(&["archive", "--format", format, "-o", &out, "HEAD"]);
        let origin = open(&out).unwrap();
        assert_eq!(places(origin.as_ref()), wanted, "{name}");
        let files = read(&out).unwrap();
        assert_eq!(files.len(), 8, "{:?}", files.keys());
        assert_eq!(files["b/d/inside/more.txt"].1, b"b/d/inside");
    }
}

#[test]
fn one_skill_of_many_is_installed_updated_and_held() {
    let sandbox = Sandbox::new();
    let folder = sandbox.at("work/all");
    for name in ["one", "two"] {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("SKILL.md"), CARD.replace("pdf", name)).unwrap();
    }
    let file = sandbox.arg("work/all.tgz");
    let pack = || {
        let done = Command::new("tar").args(["-czf", &file, "-C"]).arg(&folder).arg(".").status();
        assert!(done.unwrap().success());
    };
    pack();
    let said = sandbox.run(&["install", "all.tgz", "--list"]);
    assert!(said.stdout.contains("one") && said.stdout.contains("two"), "{said:?}");
    sandbox.run(&["install", "all.tgz", "--skill", "one"]).ok();
    sandbox.run(&["install", "./all.tgz", "--rev", "main", "--skill", "one"]).code(3);
    fs::write(folder.join("one/more.txt"), "more").unwrap();
    pack();
    sandbox.run(&["update", "one"]).ok();
    let said = sandbox.run(&["status", "one"]).ok();
    assert!(said.0.stdout.contains("all.tgz"), "{:?}", said.0);
    sandbox.run(&["kill", "--source", "./all.tgz"]).code(0);
    let said = sandbox.run(&["install", "all.tgz", "--skill", "two"]);
    assert_eq!(said.code, 6, "{said:?}");
}

#[test]
fn what_is_typed_means_one_thing() {
    let parse = |typed: &str| SourceSpec::parse(typed, |name| name == "folder.zip");
    for here in ["x.zip", "x.tgz", "x.tar.gz", "X.ZIP", "./a/x.zip", "/a/x.zip", "~/x.tgz"] {
        assert!(matches!(parse(here), Ok(SourceSpec::Archive { .. })), "{here}");
    }
    assert!(matches!(parse("folder.zip"), Ok(SourceSpec::Folder(_))));
    // Attack: the file was meant, and somebody owns the repository.
    for two in ["downloads/x.zip", "downloads/a/x.tgz"] {
        let said = parse(two).unwrap_err().to_string();
        assert!(
            said.contains(&format!("./{two}")) && said.contains("https://github.com/downloads/"),
            "{said}"
        );
    }
    assert!(matches!(parse("https://host.example/x.zip"), Ok(SourceSpec::WebArchive { .. })));
    assert!(matches!(parse("https://host.example/x.zip.git"), Ok(SourceSpec::Git { .. })));
    assert!(parse("./x.zip").unwrap().at("main").is_err());
}

#[test]
fn a_file_that_is_none_never_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("x.zip");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(matches!(fails(open(fifo.to_str().unwrap())), FetchError::NotARepository { .. }));
    // The name says how it is read.
    let tgz = gzip(&tar(&[super::make::Item::file("SKILL.md", CARD)]));
    assert_eq!(super::make::outcome(dir.path(), "y.zip", &tgz), Err("zip-end".to_owned()));
    let zip = super::make::zip(&[super::make::Part::file("SKILL.md", CARD)]);
    assert_eq!(super::make::outcome(dir.path(), "y.tgz", &zip), Err("gzip-header".to_owned()));
}

#[test]
fn attack_the_file_changes_between_the_passes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zip");
    let pack = |text: &str| {
        super::make::zip(&[super::make::Part::file("SKILL.md", CARD), super::make::Part::file("a", text)])
    };
    let tar_of = |text: &str| {
        gzip(&tar(&[super::make::Item::file("SKILL.md", CARD), super::make::Item::file("a", text)]))
    };
    let tgz = dir.path().join("x.tgz");
    let cases = [(&path, pack("old"), pack("new")), (&tgz, tar_of("old"), tar_of("new"))];
    for (path, before, after) in cases {
        let all_after = [after.clone(), after[..after.len() / 2].to_vec(), Vec::new()];
        for changed in all_after {
            fs::write(path, &before).unwrap();
            let origin = open(path.to_str().unwrap()).unwrap();
            let skill = origin.skills().unwrap().skills.remove(0);
            // The same file, in place.
            fs::write(path, &changed).unwrap();
            let mut kept = Vec::new();
            let done = origin.copy(&skill, &Limits::DEFAULT, &mut |path, _, _, data| {
                let mut bytes = Vec::new();
                data.read_to_end(&mut bytes)?;
                kept.push((path.to_string(), bytes));
                Ok(())
            });
            assert!(done.is_err(), "{kept:?}");
        }
        // Moved away by name: what was opened is read.
        fs::write(path, &before).unwrap();
        let origin = open(path.to_str().unwrap()).unwrap();
        fs::remove_file(path).unwrap();
        fs::write(path, &after).unwrap();
        assert_eq!(only(origin.as_ref()).unwrap()["a"].1, b"old");
    }
}

#[test]
fn a_reference_is_of_git_alone() {
    let repo = Repo::with_skill();
    repo.git(&["tag", "v1"]);
    assert!(open_at(&repo.file_url(), "v1").is_ok());
    let spec = SourceSpec::parse("x.zip", |_| false).unwrap();
    assert!(spec.at("v1").is_err());
}

#[test]
fn an_interrupt_stops_the_reading() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tgz");
    fs::write(&path, gzip(&tar(&[super::make::Item::file("SKILL.md", CARD)]))).unwrap();
    let options = FetchOptions::default();
    options.interrupt.store(true, std::sync::atomic::Ordering::SeqCst);
    let spec = SourceSpec::here(path.to_str().unwrap());
    assert!(matches!(fails(crate::sources::repo::open_spec(&spec, &options)), FetchError::Cancelled));
}

#[test]
fn the_page_tells_every_reason_and_its_commands_work() {
    let page = include_str!("../../../docs/archives.md");
    for reason in skill_trust::system::fetch::archive::Reason::ALL {
        let row = format!("| `{}` | {} |", reason.code(), reason.summary());
        assert!(page.contains(&row), "docs/archives.md lacks: {row}");
    }
    let repo = Repo::new();
    repo.write("my-skill/SKILL.md", CARD);
    repo.write("my-skill/scripts/run.sh", "#!/bin/sh\n");
    repo.executable("my-skill/scripts/run.sh");
    repo.commit("first");
    let wanted = read(repo.work.join("my-skill").to_str().unwrap()).unwrap();
    let commands = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(commands.lines().count(), 4);
    for line in commands.lines() {
        let tool = line.split(' ').next().unwrap();
        if Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().stdout.is_empty()
        {
            println!("not there: {tool}");
            continue;
        }
        let done = Command::new("sh").args(["-c", line]).current_dir(&repo.work).status().unwrap();
        assert!(done.success(), "{line}");
        let name = line.split(' ').find(|word| word.starts_with("pack.")).unwrap();
        let file = repo.work.join(name);
        let found = read(file.to_str().unwrap()).unwrap_or_else(|code| panic!("{line}: {code}"));
        assert!(found == wanted, "{line}: {:?}", found.keys());
        fs::remove_file(file).unwrap();
    }
}
