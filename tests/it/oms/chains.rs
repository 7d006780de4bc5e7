//! Certificate chains made by OpenSSL, each with one thing wrong: what we say,
//! what OpenSSL says of the chain at the same second, and what the reference
//! says of the bundle.
//!
//! OpenSSL is asked about the chain alone, without a purpose; so it does not
//! look at how the leaf may be used.

use super::tools::{NOW, Yard, ask_openssl, cli, openssl, ours, reference, subject};
use skill_trust::model::digest::sha256;
use skill_trust::model::signer::SignerId;
use skill_trust::model::time::Timestamp;
use skill_trust::policy::provenance::dsse;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::{SecretKey, pem};
use skill_trust::policy::provenance::oms::{Beliefs, verify};
use skill_trust::policy::provenance::revocation::{Entry, Kind, Revocations};
use skill_trust::policy::provenance::verdict::Evidenced;
use skill_trust::policy::provenance::x509::Anchor;
use std::fmt::Write as _;
use std::fs;

const PAGE: &str = include_str!("../../../docs/conformance.md");

pub(crate) const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
const LEAF: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature";
const LONG: (&str, &str) = ("20200101000000Z", "20300101000000Z");
const PAST: (&str, &str) = ("20150101000000Z", "20160101000000Z");
const OVER: (&str, &str) = ("20200601000000Z", "20210101000000Z");
const TO_COME: (&str, &str) = ("20280101000000Z", "20300101000000Z");

/// One certificate: who it is, its extensions, its validity.
pub(crate) type One = (&'static str, &'static str, (&'static str, &'static str));

const ROOT: One = ("Root", CA, LONG);
const BETWEEN: One =
    ("Between", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign", LONG);
const ACME: One = ("Acme Signing", LEAF, LONG);
const ACME_OVER: One = ("Acme Signing", LEAF, ("20200701000000Z", "20300101000000Z"));

/// What each of the three says of it, and why ours says no.
struct Row {
    what: &'static str,
    chain: &'static [One],
    ours: &'static str,
    openssl: bool,
    reference: bool,
}

const fn row(
    what: &'static str,
    chain: &'static [One],
    ours: &'static str,
    openssl: bool,
    reference: bool,
) -> Row {
    Row { what, chain, ours, openssl, reference }
}

const fn leaf(extensions: &'static str) -> One {
    ("Acme Signing", extensions, LONG)
}

const ROWS: &[Row] = &[
    row("sound", &[ROOT, BETWEEN, ACME], "valid", true, true),
    row("sound, straight below the root", &[ROOT, ACME], "valid", true, true),
    row("leaf ended in 2021", &[ROOT, BETWEEN, ("Acme Signing", LEAF, OVER)], "expired", false, true),
    row(
        "authority in between ended in 2021",
        &[ROOT, ("Between", CA, OVER), ACME_OVER],
        "expired",
        false,
        true,
    ),
    row(
        "leaf older than its authorities",
        &[ROOT, BETWEEN, ("Acme Signing", LEAF, PAST)],
        "expired",
        false,
        false,
    ),
    row("leaf begins in 2028", &[ROOT, BETWEEN, ("Acme Signing", LEAF, TO_COME)], "expired", false, true),
    row("authority in between ended in 2016", &[ROOT, ("Between", CA, PAST), ACME], "expired", false, false),
    row("root ended in 2016", &[("Root", CA, PAST), ACME], "expired", false, false),
    row("leaf without KeyUsage", &[ROOT, leaf("basicConstraints=critical,CA:FALSE")], "invalid", true, false),
    row("leaf for key agreement", &[ROOT, leaf("keyUsage=critical,keyAgreement")], "invalid", true, false),
    row(
        "leaf for key agreement, but for code",
        &[ROOT, leaf("keyUsage=critical,keyAgreement\nextendedKeyUsage=codeSigning")],
        "invalid",
        true,
        true,
    ),
    row(
        "leaf of a TLS server",
        &[ROOT, leaf("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth")],
        "invalid",
        true,
        true,
    ),
    row(
        "leaf for code",
        &[ROOT, leaf("keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning")],
        "valid",
        true,
        true,
    ),
    row(
        "leaf that is an authority",
        &[ROOT, leaf("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,keyCertSign")],
        "invalid",
        true,
        true,
    ),
    row("more authorities than allowed", &[ROOT, BETWEEN, ("Deep", CA, LONG), ACME], "invalid", false, false),
    row(
        "more than the root allows",
        &[
            ("Root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign", LONG),
            ("Between", CA, LONG),
            ACME,
        ],
        "invalid",
        false,
        false,
    ),
    row(
        "in between is no authority",
        &[
            ROOT,
            ("Between", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature", LONG),
            ACME,
        ],
        "invalid",
        false,
        false,
    ),
    row(
        "in between may not certify",
        &[
            ROOT,
            ("Between", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature", LONG),
            ACME,
        ],
        "invalid",
        false,
        false,
    ),
];

impl Yard {
    /// Makes a chain in the folder `name`: `0.pem` the root, the last one the leaf.
    pub(crate) fn chain(&self, name: &str, chain: &[One]) {
        self.write(&format!("{name}/index"), "");
        self.write(&format!("{name}/serial"), "1000\n");
        let dir = self.arg(name);
        self.write(
            &format!("{name}/conf"),
            &format!("[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={dir}\ndatabase={dir}/index\nserial={dir}/serial\ndefault_md=sha384\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=n\n[n]\n"),
        );
        let at = |file: String| format!("{dir}/{file}");
        let conf = at("conf".to_owned());
        for (place, (common, extensions, (from, until))) in chain.iter().enumerate() {
            self.write(&format!("{name}/{place}.ext"), extensions);
            let [key, request, made, ext] =
                ["key", "csr", "pem", "ext"].map(|kind| at(format!("{place}.{kind}")));
            openssl(&["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", &key]);
            let subject = format!("/CN={common}");
            openssl(&["req", "-new", "-config", &conf, "-key", &key, "-subj", &subject, "-out", &request]);
            let mut words = vec!["ca", "-batch", "-notext", "-config", &conf, "-in", &request, "-out", &made];
            words.extend(["-startdate", from, "-enddate", until, "-extfile", &ext]);
            let above = place.saturating_sub(1);
            let [issuer, by] = ["pem", "key"].map(|kind| at(format!("{above}.{kind}")));
            if place == 0 {
                words.extend(["-selfsign", "-keyfile", &key]);
            } else {
                words.extend(["-cert", &issuer, "-keyfile", &by]);
            }
            openssl(&words);
        }
    }

    /// A bundle in certificate mode over a fresh skill: its folder.
    pub(super) fn signed(&self, name: &str, length: usize, with_root: bool) -> std::path::PathBuf {
        let folder = self.skill(&format!("{name}-skill"));
        let (subject, bare) = subject(&folder);
        let read = |file: String| fs::read_to_string(self.at(&format!("{name}/{file}"))).unwrap();
        let key = SecretKey::from_pem(&read(format!("{}.key", length - 1))).unwrap();
        let chain: Vec<_> = (usize::from(!with_root)..length)
            .rev()
            .map(|at| pem("CERTIFICATE", &read(format!("{at}.pem"))).unwrap().remove(0))
            .collect();
        fs::write(folder.join("skill.oms.sig"), emit(&subject, &bare, &key, Naming::Chain(&chain)).unwrap())
            .unwrap();
        folder
    }

    pub(super) fn anchor(&self, name: &str) -> Anchor {
        Anchor::from_pem(&fs::read_to_string(self.at(&format!("{name}/0.pem"))).unwrap()).unwrap()
    }

    /// The question whether a folder verifies below that chain's root.
    fn question(&self, folder: &std::path::Path, root: &str) -> Vec<String> {
        let (root, folder) = (self.arg(&format!("{root}/0.pem")), folder.to_str().unwrap());
        let bundle = format!("{folder}/skill.oms.sig");
        cli(&["verify", "certificate", "--certificate_chain", &root, "--signature", &bundle, folder])
    }
}

#[test]
fn each_fault_of_a_chain_as_three_programs_see_it() {
    let yard = Yard::new();
    let (rows, mut questions, mut found) = (ROWS, Vec::new(), Vec::new());
    let second = Timestamp::parse(NOW).unwrap().unix().to_string();
    for (at, row) in rows.iter().enumerate() {
        let name = format!("chain{at}");
        yard.chain(&name, row.chain);
        let length = row.chain.len();
        let folder = yard.signed(&name, length, false);
        questions.push(yard.question(&folder, &name));
        let verdict = ours(&folder.join("skill.oms.sig"), &folder, &[], &[yard.anchor(&name)]);
        let pem = |at: usize| yard.arg(&format!("{name}/{at}.pem"));
        let between: String = (1..length - 1).map(|at| fs::read_to_string(pem(at)).unwrap()).collect();
        yard.write(&format!("{name}/between"), &between);
        let (root, leaf, between) = (pem(0), pem(length - 1), yard.arg(&format!("{name}/between")));
        let mut words = vec!["verify", "-attime", &second, "-CAfile", &root];
        if length > 2 {
            words.extend(["-untrusted", &between]);
        }
        words.push(&leaf);
        found.push((verdict, ask_openssl(&words)));
    }
    let answers = reference(&yard, &questions);
    let (mut wrong, mut table) = (Vec::new(), String::new());
    for ((row, (verdict, (openssl, said))), answer) in rows.iter().zip(&found).zip(&answers) {
        let word = |right: bool| if right { "verifies" } else { "refuses" };
        let (openssl_says, says) = (word(*openssl), word(answer == "ok"));
        let _ = writeln!(table, "| {} | {} | {openssl_says} | {says} |", row.what, verdict.word());
        if verdict.word() != row.ours || *openssl != row.openssl || (answer == "ok") != row.reference {
            wrong.push(format!("{}: {verdict} | {said} | {answer}", row.what));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(PAGE.contains(&table), "docs/conformance.md should have this table:\n{table}");
}

/// Attack: the bundle brings its own root.
#[test]
fn a_root_in_the_bundle_is_nobodys() {
    let yard = Yard::new();
    yard.chain("theirs", &[ROOT, BETWEEN, ACME]);
    yard.chain("ours", &[ROOT]);
    let folder = yard.signed("theirs", 3, true);
    let bundle = folder.join("skill.oms.sig");
    assert_eq!(ours(&bundle, &folder, &[], &[]).word(), "unknown-signer");
    assert_eq!(ours(&bundle, &folder, &[], &[yard.anchor("ours")]).word(), "unknown-signer");
    assert_eq!(ours(&bundle, &folder, &[], &[yard.anchor("theirs")]).word(), "valid");
    let answers = reference(&yard, &[yard.question(&folder, "ours"), yard.question(&folder, "theirs")]);
    assert!(answers[0].starts_with("refused") && answers[1] == "ok", "{answers:?}");
}

#[test]
fn what_the_reference_signs_by_certificate_we_verify() {
    let yard = Yard::new();
    yard.chain("chain", &[ROOT, BETWEEN, ACME]);
    let folder = yard.skill("skill");
    let [root, between, leaf] = [0, 1, 2].map(|at| yard.arg(&format!("chain/{at}.pem")));
    let (key, folder) = (yard.arg("chain/2.key"), folder.to_str().unwrap());
    let bundle = format!("{folder}/skill.oms.sig");
    let mut words = vec!["sign", "certificate", "--private_key", &key, "--signing_certificate", &leaf];
    words.extend([
        "--certificate_chain",
        &between,
        "--certificate_chain",
        &root,
        "--signature",
        &bundle,
        folder,
    ]);
    assert_eq!(reference(&yard, &[cli(&words)]), ["ok"]);
    let (bundle, folder) = (std::path::Path::new(&bundle), std::path::Path::new(folder));
    let anchor = yard.anchor("chain");
    let verdict = ours(bundle, folder, &[], std::slice::from_ref(&anchor));
    let vouched = verdict.vouched().unwrap_or_else(|| panic!("{verdict}"));
    assert_eq!(vouched.signer().as_str(), format!("cert:{}/CN=Acme%20Signing", anchor.spki().hex()));
    // One byte of the leaf: it is no longer what its authority signed.
    let text = fs::read_to_string(bundle).unwrap();
    let der = pem("CERTIFICATE", &fs::read_to_string(&leaf).unwrap()).unwrap().remove(0);
    let mut other = der.clone();
    let middle = other.len() - 10;
    other[middle] ^= 1;
    let forged = text.replace(&dsse::encode(&der), &dsse::encode(&other));
    assert_ne!(forged, text);
    fs::write(bundle, forged).unwrap();
    assert!(ours(bundle, folder, &[], &[anchor]).vouched().is_none());
}

/// A signer, a certificate or a key that is revoked, anywhere in the path.
#[test]
fn whatever_of_a_path_is_revoked_revokes() {
    let yard = Yard::new();
    yard.chain("chain", &[ROOT, BETWEEN, ACME]);
    let folder = yard.signed("chain", 3, false);
    let anchors = [yard.anchor("chain")];
    let text = fs::read(folder.join("skill.oms.sig")).unwrap();
    let (subject, bare) = subject(&folder);
    let ask = |revoked: &[SignerId]| {
        let mut revocations = Revocations::default();
        for id in revoked {
            revocations
                .add(id.clone(), Entry { kind: Kind::Retired, since: None, feed: "a list".to_owned() });
        }
        let now = Timestamp::parse(NOW).unwrap();
        let beliefs = Beliefs {
            keys: &[],
            anchors: &anchors,
            stamp_anchors: &[],
            revocations: &revocations,
            first_seen_counts: true,
        };
        verify(&text, &subject, &bare, &beliefs, Evidenced::Now(now))
    };
    let signer = ask(&[]).vouched().unwrap().signer().clone();
    assert_eq!(ask(&[signer]).word(), "revoked");
    for at in 0..3 {
        let der =
            pem("CERTIFICATE", &fs::read_to_string(yard.at(&format!("chain/{at}.pem"))).unwrap()).unwrap();
        assert_eq!(ask(&[SignerId::key(&sha256(&[&der[0]]))]).word(), "revoked", "certificate {at}");
        let (key, spki) = (yard.arg(&format!("chain/{at}.key")), yard.arg(&format!("chain/{at}.spki")));
        openssl(&["ec", "-in", &key, "-pubout", "-outform", "DER", "-out", &spki]);
        assert_eq!(ask(&[SignerId::key(&sha256(&[&fs::read(spki).unwrap()]))]).word(), "revoked", "key {at}");
    }
    assert_eq!(ask(&[SignerId::key(&sha256(&[b"somebody else"]))]).word(), "valid");
}
