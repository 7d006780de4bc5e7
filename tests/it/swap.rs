//! One revision takes another's place in a folder: one recorded step, after
//! which the old one stays trusted, and at no moment is there anything for an
//! agent to load but whole, verified bytes.

use crate::support::sandbox::{Sandbox, Story, chmod, tamper};
use skill_trust::model::digest::Digest;
use std::path::PathBuf;

/// Two trusted revisions of `pdf`, named `A` and `B`; `A` is enabled in `a/`.
fn two() -> (Sandbox, [Digest; 2]) {
    let sandbox = Sandbox::new();
    let pdf = sandbox.skill("pdf").make();
    let first = sandbox.trusted(&pdf, "A");
    sandbox.run(&["enable", "pdf", "--dir", &sandbox.arg("a")]).ok();
    let pdf = sandbox.skill("pdf").file("more.md", "more\n").make();
    let second = sandbox.digest(&pdf);
    sandbox.call("B", &second);
    sandbox.run(&["install", pdf.to_str().unwrap()]).ok();
    sandbox.run(&["trust", "pdf", "--digest", &second.to_string()]).ok();
    (sandbox, [first, second])
}

fn named(digest: &Digest) -> String {
    format!("pdf@{}", digest.short())
}

#[test]
fn two_folders_may_use_two_revisions() {
    let (sandbox, [first, second]) = two();
    sandbox.run(&["enable", &named(&first), "--dir", &sandbox.arg("b")]).ok();
    let mut story = Story::of(&sandbox);
    sandbox.run(&["enable", &named(&second), "--dir", &sandbox.arg("a")]).ok();
    story.changed(
        "> enable done pdf@B
         > disable done pdf@A
         - row pdf@A enabled a/pdf b/pdf
         - row pdf@B trusted
         + a/pdf/more.md 0444
         + home/evidence/skill-trust-withdrawn-ID/ 0700
         + home/permits/pdf@B 0600
         + row pdf@A enabled b/pdf
         + row pdf@B enabled a/pdf",
    );
    // Both go on, each where it is; the bare name means two and is not guessed.
    sandbox.run(&["gate", &named(&first)]).ok().says("b/pdf");
    sandbox.run(&["gate", &named(&second)]).ok().says("a/pdf");
    sandbox.run(&["gate", "pdf"]).code(2).says("ambiguous");
    // Named by its folder, the wrong one is not the other's.
    let of = |digest: &Digest, folder: &str| {
        sandbox.run(&["gate", &named(digest), "--path", &sandbox.arg(folder)])
    };
    of(&first, "b/pdf").ok();
    of(&second, "a/pdf").ok();
    of(&first, "a/pdf").code(5).says("path-differs");
    of(&second, "b/pdf").code(5).says("path-differs");
    // What befalls one does not touch the other.
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["gate", &named(&second)]).code(5).says("drift");
    sandbox.run(&["gate", &named(&first)]).ok();
    sandbox.run(&["kill", "--digest", &first.to_string()]).ok();
    sandbox.run(&["gate", &named(&first)]).code(6).says("held");
    assert!(!sandbox.at("b/pdf").exists());
    sandbox.is_tidy();
}

#[test]
fn a_swap_takes_away_a_changed_copy_and_keeps_it() {
    let (sandbox, [_, second]) = two();
    tamper(&sandbox.at("a/pdf/SKILL.md"));
    sandbox.run(&["enable", &named(&second), "--dir", &sandbox.arg("a")]).ok();
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), second);
    sandbox.run(&["gate", &named(&second)]).ok();
    let kept: Vec<PathBuf> = std::fs::read_dir(sandbox.home().join("evidence"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert_eq!(kept.len(), 1, "the changed copy is evidence: {kept:?}");
    sandbox.is_tidy();
}

#[test]
fn a_swap_that_cannot_be_done_leaves_the_old_revision() {
    let (sandbox, [first, second]) = two();
    // The new one's stored bytes are not what was trusted.
    let hex = second.hex();
    tamper(&sandbox.home().join("store").join(&hex[..2]).join(&hex).join("more.md"));
    let mut story = Story::of(&sandbox);
    sandbox.run(&["enable", &named(&second), "--dir", &sandbox.arg("a")]).code(5).says("digest-mismatch");
    story.changed(
        "> drift done [digest-mismatch] pdf@B
         > enable refused [digest-mismatch] pdf@B
         - row pdf@B trusted
         + row pdf@B installed",
    );
    sandbox.run(&["gate", &named(&first)]).ok();
    assert_eq!(sandbox.digest(&sandbox.at("a/pdf")), first);
    sandbox.is_tidy();
}

#[test]
fn something_that_is_not_ours_is_never_swapped_out() {
    let (sandbox, [first, _]) = two();
    let b = sandbox.at("b");
    // A folder or link may be moved aside with consent; nothing else is.
    for (make, code, word) in [
        ((|path| std::fs::create_dir(path)) as fn(PathBuf) -> std::io::Result<()>, 4, "person-needed"),
        (|path| std::fs::write(path, "a file"), 3, "target-taken"),
        (|path| std::os::unix::fs::symlink("/nowhere", path), 4, "person-needed"),
    ] {
        make(b.join("pdf")).unwrap();
        let before = b.join("pdf").symlink_metadata().unwrap().modified().unwrap();
        let mut story = Story::of(&sandbox);
        sandbox.run(&["enable", &named(&first), "--dir", &sandbox.arg("b")]).code(code).says(word);
        story.changed(&format!("> enable refused [{word}] pdf@A"));
        let path = b.join("pdf");
        assert_eq!(path.symlink_metadata().unwrap().modified().unwrap(), before);
        if path.symlink_metadata().unwrap().is_dir() {
            std::fs::remove_dir(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    sandbox.run(&["gate", &named(&first)]).ok();
}

#[test]
fn a_crash_in_the_middle_of_a_swap_leaves_less_than_before() {
    let (sandbox, [first, second]) = two();
    // As if the process had ended after it wrote the new permit and before
    // anything was recorded: the mark, the permit, the staged folder.
    let home = sandbox.home();
    std::fs::write(home.join("placing"), format!("pdf@{}\n", second.hex())).unwrap();
    chmod(&home.join("placing"), 0o600);
    let permit = std::fs::read_to_string(home.join("permits").join(format!("pdf@{}", first.hex()))).unwrap();
    let staged = sandbox.at("a/.pdf.skill-trust-0123456789abcdef0123456789abcdef");
    let lines: Vec<_> = permit
        .lines()
        .map(|line| match line.split_once(' ') {
            Some(("digest", _)) => format!("digest {second}"),
            Some(("seq", _)) => "seq 99".to_owned(),
            Some(("staged", _)) => format!("staged {}", staged.display()),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::create_dir(&staged).unwrap();
    let file = home.join("permits").join(format!("pdf@{}", second.hex()));
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    chmod(&file, 0o600);
    // Whoever comes first takes it back. The final path was the old one's: it
    // goes too, since nobody can tell any more whose bytes are there.
    let denied = sandbox.run(&["gate", &named(&second), "--json"]);
    assert_eq!(denied.code, 3, "{denied:?}");
    assert!(!staged.exists() && !home.join("placing").exists());
    sandbox.run(&["gate", &named(&second)]).code(3).says("not-enabled");
    let left = sandbox.run(&["gate", &named(&first)]);
    assert_eq!(left.code == 0, sandbox.at("a/pdf").exists(), "{left:?}");
    // By hand it is put right again.
    sandbox.run(&["disable", &named(&first)]).ok();
    sandbox.run(&["trust", "pdf", "--digest", &first.to_string()]).ok();
    sandbox.run(&["enable", &named(&first), "--dir", &sandbox.arg("a")]).ok();
    sandbox.run(&["gate", &named(&first)]).ok();
    sandbox.is_tidy();
}
