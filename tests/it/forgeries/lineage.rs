//! Against what was trusted before: an older version brought again, another
//! signer, none any more, and one that was stopped.

use super::{Forge, SIGNED, arg};
use std::fs;
use std::path::PathBuf;

impl Forge {
    /// `demo` of a version, signed and trusted.
    fn trusted(&self, version: &str) -> PathBuf {
        let folder = self.demo("pub", version);
        self.sign(&folder, "acme");
        self.granted(&folder);
        folder
    }

    /// Installs what is there now beside what is trusted: its full name, and its digest.
    fn next(&self, folder: &std::path::Path) -> (String, String) {
        self.run(&["install", arg(folder)]).ok();
        let digest = self.bench.sandbox.digest(folder).to_string();
        (format!("demo@{}", &digest["sha256:".len()..][..16]), digest)
    }
}

#[test]
fn attack_an_older_version_that_was_rightly_signed() {
    let Some(forge) = Forge::new() else { return };
    forge.trusted("1.2.0");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    let (old, digest) = forge.next(&folder);
    assert_eq!(forge.seen(&old).vouched(), 1, "the signature is as good as ever");
    let why = forge.denied(&old, &[], "older");
    assert!(why.contains("1.0.0 is lower than 1.2.0"), "{why}");
    // A person's digest is no override either: it must be said by name.
    forge.run(&["trust", &old, "--digest", &digest]).code(3).says("--older");
    forge.run(&["trust", &old, "--digest", &digest, "--new-signer"]).code(3).says("--older");
    // It is said of one skill, and not passed over where several are meant.
    for option in ["--older", "--new-signer"] {
        forge.run(&["trust", &old, &old, option]).code(2).says("of one skill, not of several");
    }
    forge.run(&["trust", &old, "--by-policy", "--older"]).ok();
    let record = forge.record();
    assert!(record["reason"].as_str().unwrap().contains("although 1.2.0 was trusted before"), "{record}");
    // The highest is still remembered: what lies between is older too.
    let folder = forge.demo("pub", "1.1.0");
    forge.sign(&folder, "acme");
    let (between, _) = forge.next(&folder);
    forge.denied(&between, &[], "older");
    let folder = forge.demo("pub", "1.3.0");
    forge.sign(&folder, "acme");
    let (newer, _) = forge.next(&folder);
    forge.run(&["trust", &newer, "--by-policy"]).ok();
}

/// Attack: what was trusted is removed first, so that nothing is there to be older than.
#[test]
fn attack_a_removal_does_not_forget_what_was_trusted() {
    let Some(forge) = Forge::new() else { return };
    forge.trusted("1.2.0");
    forge.run(&["untrust", "demo"]).ok();
    forge.run(&["remove", "demo"]).ok();
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    let (old, _) = forge.next(&folder);
    forge.denied(&old, &[], "older");
    let folder = forge.demo("pub", "1.2.0");
    forge.sign(&folder, "acme");
    let (same, _) = forge.next(&folder);
    forge.run(&["trust", &same, "--by-policy"]).ok();
}

#[test]
fn attack_a_signed_skill_comes_unsigned() {
    let Some(forge) = Forge::new() else { return };
    forge.trusted("1.0.0");
    forge.policy("");
    let (next, digest) = forge.next(&forge.demo("pub", "1.1.0"));
    forge
        .run(&["trust", &next, "--digest", &digest])
        .code(3)
        .says("no signature on it can be checked now")
        .says("--new-signer");
    forge
        .run(&["trust", &next, "--digest", &digest, "--older"])
        .code(3)
        .says("no signature on it can be checked now");
    // Where signatures are demanded the override helps nobody.
    forge.policy(SIGNED);
    forge.denied(&next, &["--new-signer"], "policy-unmet");
    forge.policy("");
    forge.run(&["trust", &next, "--digest", &digest, "--new-signer"]).ok();
    let record = forge.record();
    assert!(record["reason"].as_str().unwrap().contains("; although it was signed by key:"), "{record}");
}

#[test]
fn attack_another_signer_takes_over() {
    let Some(forge) = Forge::new() else { return };
    forge.trusted("1.0.0");
    // Eve's key is named by the root as well: her signature counts, and it is not who it was.
    let (eve, ours) = (forge.bench.arg("eve.pub"), forge.pattern("pub/*"));
    forge.set("anchors/eve.pem", &eve, &["--for", &ours]);
    let folder = forge.demo("pub", "1.1.0");
    forge.bench.run_behind("eve", &[], &["publish", "sign", arg(&folder), "--key", "eve"]).ok();
    let (next, digest) = forge.next(&folder);
    assert_eq!(forge.seen(&next).vouched(), 1);
    let why = forge.denied(&next, &[], "signer-changed");
    assert!(why.contains(&forge.id("ana", "acme")) && why.contains(&forge.id("eve", "eve")), "{why}");
    forge.run(&["trust", &next, "--digest", &digest]).code(3).says("signer-changed");
    forge.run(&["trust", &next, "--digest", &digest, "--new-signer"]).ok();
    let record = forge.record();
    assert!(record["reason"].as_str().unwrap().contains("although the signer was key:"), "{record}");
    // And back again is a change again.
    let folder = forge.demo("pub", "1.2.0");
    forge.sign(&folder, "acme");
    let (back, _) = forge.next(&folder);
    forge.denied(&back, &[], "signer-changed");
}

#[test]
fn attack_by_a_signer_who_is_revoked() {
    let Some(forge) = Forge::new() else { return };
    let acme = forge.id("ana", "acme");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "acme");
    let why = ["--signer", &acme, "--kind", "compromised", "--why", "stolen laptop"];
    forge.granted(&folder);
    forge.run(&["enable", "demo", "--dir", &forge.bench.sandbox.arg("a")]).ok();
    forge.bench.roots("ana", "revoke", &why).ok();
    forge.bench.sign("ana").ok();
    let refreshed = forge.run(&["roots", "refresh"]);
    assert!([0, 8].contains(&refreshed.code), "{refreshed:?}");
    forge.run(&["gate", "demo"]).code(3);
    let told = forge.run(&["status", "demo", "--json"]).ok().json().to_string();
    assert!(told.contains("\"installed\""), "{told}");
    forge.denied("demo", &[], "revoked");
    let folder = forge.demo("pub", "1.1.0");
    forge.sign(&folder, "acme");
    let (next, digest) = forge.next(&folder);
    let seen = forge.seen(&next);
    assert!(
        seen.vouched() == 0 && seen.lines.iter().any(|line| line.contains("compromised")),
        "{:#?}",
        seen.lines
    );
    forge.denied(&next, &["--new-signer"], "revoked");
    forge.run(&["trust", &next, "--digest", &digest]).code(3).says("revoked");
    // Somebody whom nobody revoked signs it: that is a new signer, and one that counts.
    fs::remove_file(folder.join("skill.oms.sig")).unwrap();
    forge.sign(&folder, "release");
    let (next, _) = forge.next(&folder);
    forge.run(&["trust", &next, "--by-policy", "--new-signer"]).ok();
}

#[test]
fn a_kill_of_a_signer_covers_what_it_signed_and_what_it_signs_next() {
    let Some(forge) = Forge::new() else { return };
    let acme = forge.id("ana", "acme");
    let agent = forge.bench.sandbox.arg("a");
    let folder = forge.demo("pub", "1.0.0");
    forge.sign(&folder, "release");
    let other = forge.bench.path("pub/other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("SKILL.md"), "---\nname: other\ndescription: x\n---\nx\n").unwrap();
    crate::support::sandbox::chmod(&other.join("SKILL.md"), 0o644);
    forge.sign(&other, "acme");
    for (name, folder) in [("demo", &folder), ("other", &other)] {
        forge.run(&["install", arg(folder)]).ok();
        forge.run(&["trust", name, "--by-policy"]).ok();
        forge.run(&["enable", name, "--dir", &agent]).ok();
    }
    forge.run(&["kill", "--signer", &acme]).ok();
    forge.run(&["gate", "demo"]).ok();
    forge.run(&["gate", "other"]).code(6).says("held");
    assert!(!forge.bench.sandbox.at("a/other").exists() && forge.bench.sandbox.at("a/demo").exists());
    let (next, digest) = {
        let folder = forge.demo("pub", "2.0.0");
        forge.sign(&folder, "acme");
        forge.next(&folder)
    };
    let why = forge.denied(&next, &["--new-signer"], "held");
    assert!(why.contains(&acme), "{why}");
    forge.run(&["trust", &next, "--digest", &digest, "--new-signer"]).code(6).says("held");
}

/// What is remembered is bound to the chain: whoever edits it is found out, and nothing is granted.
#[test]
fn attack_what_was_trusted_is_edited_or_deleted_in_the_ledger() {
    for sql in [
        "DELETE FROM memory WHERE key LIKE 'lineage/%'",
        "UPDATE memory SET body = '{\"highest\":\"0.1.0\",\"signers\":[]}' WHERE key LIKE 'lineage/%'",
        "UPDATE memory SET key = 'lineage/x' WHERE key LIKE 'lineage/%'",
    ] {
        let Some(forge) = Forge::new() else { return };
        forge.trusted("1.2.0");
        let folder = forge.demo("pub", "1.0.0");
        forge.sign(&folder, "acme");
        let (old, _) = forge.next(&folder);
        forge.denied(&old, &[], "older");
        let home = forge.bench.path("ana/.local/share/skill-trust/ledger.db");
        let ledger = rusqlite::Connection::open(home).unwrap();
        assert_eq!(ledger.execute(sql, []).unwrap(), 1, "{sql}");
        drop(ledger);
        forge.denied(&old, &[], "ledger-damaged");
    }
}
