//! Archives that unpack to more than they should, and what they cost.

use super::make::{Item, code, gzip, outcome, pax, tar};
use crate::sources::repo::{CARD, copy_within, fails, open};
use crate::support::sandbox::Sandbox;
use skill_trust::model::limits::Limits;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a few lines of Python in a folder.
fn python(folder: &Path, lines: &str) -> String {
    let output = Command::new("python3").args(["-c", lines]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn code_of(items: &[Item]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let all = [&[Item::file("SKILL.md", CARD)], items].concat();
    outcome(scratch.path(), "x.tgz", &gzip(&tar(&all))).map_or_else(|code| code, |_| "taken".to_owned())
}

#[test]
fn attack_row_25_a_small_file_of_many_zeros() {
    let dir = tempfile::tempdir().unwrap();
    python(
        dir.path(),
        "import io, tarfile, zipfile\n\
         data = bytes(40 << 20)\n\
         with tarfile.open('x.tgz', 'w:gz') as out:\n\
         \tinfo = tarfile.TarInfo('SKILL.md'); info.size = len(data); out.addfile(info, io.BytesIO(data))\n\
         with zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_DEFLATED) as out:\n\
         \tout.writestr('SKILL.md', data)\n",
    );
    for name in ["x.tgz", "x.zip"] {
        let path = dir.path().join(name);
        assert!(path.metadata().unwrap().len() < 100_000);
        assert_eq!(code(&fails(open(path.to_str().unwrap()))), "archive-bomb", "{name}");
    }
}

#[test]
fn attack_row_25_a_size_that_no_skill_has() {
    assert_eq!(code_of(&[Item::file("a", "x").with(124, b"77777777777\0")]), "limit-file");
    let limits = Limits { file: 3, files: 1, total: 5, ..Limits::DEFAULT };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tgz");
    fs::write(&path, gzip(&tar(&[Item::file("SKILL.md", CARD), Item::file("a", "x")]))).unwrap();
    let origin = open(path.to_str().unwrap()).unwrap();
    let skill = origin.skills().unwrap().skills.remove(0);
    // Policy's own limits hold before the first file is handed out.
    let mut handed = 0;
    let refused = origin.copy(&skill, &limits, &mut |_, _, _, _| {
        handed += 1;
        Ok(())
    });
    let said = fails(refused).to_string();
    for wanted in ["limit-file]", "limit-files]", "limit-bytes]"] {
        assert!(said.contains(wanted), "{said}");
    }
    assert_eq!(handed, 0);
    assert!(copy_within(origin.as_ref(), &skill, &Limits::DEFAULT).is_ok());
}

#[test]
fn attack_row_26_more_than_one_stream() {
    let dir = tempfile::tempdir().unwrap();
    let good = tar(&[Item::file("SKILL.md", CARD)]);
    let (first, second) = good.split_at(512);
    let cases = [
        ([gzip(first), gzip(second)].concat(), "tar-end"),
        ([gzip(&good), gzip(b"")].concat(), "gzip-trailing"),
        ([gzip(&good), vec![0; 512]].concat(), "gzip-trailing"),
        (gzip(&gzip(&good)), "tar-format"),
        ([&b"BZh9"[..], &good].concat(), "gzip-header"),
        (good, "gzip-header"),
    ];
    for (bytes, wanted) in cases {
        let found = outcome(dir.path(), "x.tar.gz", &bytes).unwrap_err();
        // A member that ends early is an error at its own end.
        assert!(found == wanted || found == "gzip-trailing", "{found}, not {wanted}");
    }
    for flags in [1, 2, 4, 16, 32, 64, 128] {
        let mut bytes = gzip(&tar(&[Item::file("SKILL.md", CARD)]));
        bytes[3] = flags;
        assert_eq!(outcome(dir.path(), "x.tar.gz", &bytes), Err("gzip-header".to_owned()), "{flags}");
    }
}

#[test]
fn attack_row_27_depth_and_length() {
    let deep = "a/".repeat(40) + "x";
    assert_eq!(code_of(&[Item::file(&deep, "x")]), "limit-depth");
    assert_eq!(code_of(&[pax(b'x', &[("path", &"n".repeat(256))]), Item::file("n", "x")]), "name-too-long");
    let long = vec!["n".repeat(200); 6].join("/");
    assert_eq!(code_of(&[pax(b'x', &[("path", &long)]), Item::file("n", "x")]), "limit-path");
    let huge = "p".repeat(70_000);
    assert_eq!(code_of(&[pax(b'x', &[("path", &huge)]), Item::file("n", "x")]), "too-large");
    // Within the ceiling and above what holds unless policy says otherwise.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tgz");
    let twenty = "a/".repeat(20) + "x";
    fs::write(&path, gzip(&tar(&[Item::file("SKILL.md", CARD), Item::file(&twenty, "x")]))).unwrap();
    let origin = open(path.to_str().unwrap()).unwrap();
    let skill = origin.skills().unwrap().skills.remove(0);
    assert_eq!(code(&fails(copy_within(origin.as_ref(), &skill, &Limits::DEFAULT))), "limit-depth");
}

#[test]
fn attack_row_28_more_entries_than_any_skill() {
    let dir = tempfile::tempdir().unwrap();
    python(
        dir.path(),
        "import gzip, tarfile\n\
         head = tarfile.TarInfo('x').tobuf(tarfile.USTAR_FORMAT)\n\
         with gzip.open('x.tgz', 'wb', 1) as out:\n\
         \tfor n in range(100100):\n\
         \t\tout.write(tarfile.TarInfo('d%05d/%06d' % (n // 50, n)).tobuf(tarfile.USTAR_FORMAT))\n\
         \tout.write(bytes(1024))\n",
    );
    let path = dir.path().join("x.tgz");
    assert_eq!(code(&fails(open(path.to_str().unwrap()))), "too-large");
}

#[test]
fn a_large_archive_needs_little_memory() {
    let sandbox = Sandbox::new();
    let top = sandbox.at("work");
    let card = CARD.replace("pdf", "large");
    python(
        &top,
        &format!(
            "import io, os, tarfile, zipfile\n\
             card = {card:?}.encode()\n\
             with tarfile.open('x.tgz', 'w:gz', compresslevel=1) as tar, zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as out:\n\
             \tfor name, data in [('SKILL.md', card)] + [('data%d' % n, os.urandom(15 << 20)) for n in range(4)]:\n\
             \t\tinfo = tarfile.TarInfo(name); info.size = len(data); tar.addfile(info, io.BytesIO(data))\n\
             \t\tout.writestr(name, data)\n"
        ),
    );
    for name in ["x.tgz", "x.zip"] {
        let size = top.join(name).metadata().unwrap().len();
        assert!(size > 60_000_000);
        let program = env!("CARGO_BIN_EXE_skills");
        let home = sandbox.arg("home");
        let kilobytes = python(
            &top,
            &format!(
                "import resource, subprocess\n\
                 subprocess.run([{program:?}, '--home', {home:?}, 'install', {name:?}, '--as', 'from-{}'], \
                 check=True, stdout=subprocess.DEVNULL, env={{}})\n\
                 print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n",
                &name[2..]
            ),
        );
        let kilobytes: u64 = kilobytes.trim().parse().unwrap();
        println!("{name}: {size} bytes, {kilobytes} KiB of memory");
        assert!(kilobytes < 48 << 10, "{kilobytes} KiB");
    }
}
