//! Certificates made by OpenSSL, bundles made by the reference.

use super::{Forge, arg};
use crate::oms::chains::{CA, One};
use crate::oms::tools::{cli, reference};
use crate::support::sandbox::chmod;
use std::path::Path;

const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
const LONG: (&str, &str) = ("20200101000000Z", "20970101000000Z");
const ROOT: One = ("Root", CA, LONG);
const ACME: One = ("Acme Signing", LEAF, LONG);
const OVER: One = ("Acme Signing", LEAF, ("20200101000000Z", "20210101000000Z"));

/// Signs a folder with the last of a chain that the bundle brings along.
fn by(forge: &Forge, chain: &str, length: usize, with_root: bool, folder: &Path) {
    let file = |at: usize, kind: &str| forge.yard.arg(&format!("{chain}/{at}.{kind}"));
    let (key, leaf, root) = (file(length - 1, "key"), file(length - 1, "pem"), file(0, "pem"));
    let bundle = folder.join("skill.oms.sig");
    let mut words = vec!["sign", "certificate", "--private_key", &key, "--signing_certificate", &leaf];
    if with_root {
        words.extend(["--certificate_chain", &root]);
    }
    words.extend(["--signature", arg(&bundle), arg(folder)]);
    assert_eq!(reference(&forge.yard, &[cli(&words)]), ["ok"]);
    chmod(&bundle, 0o644);
}

/// A forge whose root names the first of a chain, and nobody else.
fn forge(chain: &[One]) -> Option<Forge> {
    let forge = Forge::new()?;
    forge.yard.chain("ours", chain);
    let ours = forge.pattern("pub/*");
    forge.set(
        "anchors/chained.pem",
        &forge.yard.arg("ours/0.pem"),
        &["--for", &ours, "--from", "2020-02-01"],
    );
    Some(forge)
}

#[test]
fn attack_a_leaf_certificate_that_has_ended() {
    let Some(forge) = forge(&[ROOT, ACME]) else { return };
    // The same authority, by its key, certified another that has ended.
    forge.yard.chain("over", &[ROOT, OVER]);
    let ours = forge.pattern("pub/*");
    forge.set("anchors/over.pem", &forge.yard.arg("over/0.pem"), &["--for", &ours, "--from", "2020-02-01"]);
    let folder = forge.demo("pub", "1.0.0");
    by(&forge, "over", 2, true, &folder);
    forge.refused(&folder, "policy-unmet", "ended 2021-01-01");
    let folder = forge.demo("pub", "1.0.0");
    by(&forge, "ours", 2, true, &folder);
    forge.granted(&folder);
}

#[test]
fn attack_a_root_certificate_that_only_the_bundle_brings() {
    let Some(forge) = forge(&[ROOT, ACME]) else { return };
    forge.yard.chain("theirs", &[ROOT, ACME]);
    let folder = forge.demo("pub", "1.0.0");
    by(&forge, "theirs", 2, true, &folder);
    forge.refused(&folder, "policy-unmet", "whom no followed trust root names");
    let folder = forge.demo("pub", "1.0.0");
    by(&forge, "ours", 2, true, &folder);
    let seen = forge.granted(&folder);
    assert!(
        seen.counts["vouched"][0]["signer"].as_str().unwrap().ends_with("/CN=Acme%20Signing"),
        "{}",
        seen.counts
    );
}
