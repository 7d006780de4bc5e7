//! Chains made here, each with one thing wrong. The same by OpenSSL, and what
//! OpenSSL and the reference say of them, are in `tests/it/oms`.

use super::*;
use crate::policy::provenance::keys::SecretKey;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};

const YEAR: (i32, i32) = (2020, 2030);

/// One certificate of a chain.
#[derive(Clone)]
struct Make {
    name: &'static str,
    authority: Option<Option<u8>>,
    usage: Vec<KeyUsagePurpose>,
    extended: Vec<ExtendedKeyUsagePurpose>,
    years: (i32, i32),
    key: &'static rcgen::SignatureAlgorithm,
}

fn root() -> Make {
    Make {
        name: "Root",
        authority: Some(None),
        usage: vec![KeyUsagePurpose::KeyCertSign],
        extended: Vec::new(),
        years: YEAR,
        key: &rcgen::PKCS_ECDSA_P384_SHA384,
    }
}

fn between() -> Make {
    Make { name: "Between", authority: Some(Some(0)), ..root() }
}

fn leaf() -> Make {
    Make {
        name: "Acme Signing",
        authority: None,
        usage: vec![KeyUsagePurpose::DigitalSignature],
        key: &rcgen::PKCS_ECDSA_P256_SHA256,
        ..root()
    }
}

impl Make {
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if !self.name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, self.name);
        }
        params.not_before = rcgen::date_time_ymd(self.years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(self.years.1, 1, 1);
        params.is_ca = match self.authority {
            Some(Some(length)) => IsCa::Ca(rcgen::BasicConstraints::Constrained(length)),
            Some(None) => IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
            None => IsCa::ExplicitNoCa,
        };
        params.key_usages.clone_from(&self.usage);
        params.extended_key_usages.clone_from(&self.extended);
        params
    }
}

/// A chain, root last; and the root.
fn chain(makes: &[Make]) -> (Vec<Vec<u8>>, Anchor) {
    let mut made: Vec<Vec<u8>> = Vec::new();
    let mut above: Option<Issuer<'_, KeyPair>> = None;
    for make in makes {
        let (params, key) = (make.params(), KeyPair::generate_for(make.key).unwrap());
        let der = match &above {
            None => params.self_signed(&key).unwrap(),
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
        };
        made.insert(0, der.der().to_vec());
        above = Some(Issuer::new(params, key));
    }
    let anchor = Anchor::from_der(made.last().unwrap()).unwrap();
    (made, anchor)
}

fn at(year: i64) -> Timestamp {
    Timestamp::parse(&format!("{year}-06-01T00:00:00Z")).unwrap()
}

/// What is said of a chain when its root is our anchor, in 2025, and why.
fn said(makes: &[Make]) -> String {
    let (chain, anchor) = chain(makes);
    match certify(&chain, &[anchor], at(2025)) {
        Ok(_) => "valid".to_owned(),
        Err(verdict) => verdict.to_string(),
    }
}

#[test]
fn a_sound_chain_has_its_signer() {
    let (made, anchor) = chain(&[root(), between(), leaf()]);
    // With its root, as bundles carry it, and without.
    for chain in [&made[..], &made[..2]] {
        let found = certify(chain, std::slice::from_ref(&anchor), at(2025)).unwrap();
        assert_eq!(found.signer.as_str(), format!("cert:{}/CN=Acme%20Signing", anchor.spki().hex()));
        assert_eq!(found.path.len(), 9, "three keys in two encodings and three certificates");
        assert_eq!(found.key.kind(), Kind::P256);
        assert!(found.path.contains(&found.key.id()));
        assert!(found.path.contains(&SignerId::key(&sha256(&[&made[0]]))));
    }
    for key in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        assert_eq!(said(&[root(), Make { key, ..leaf() }]), "valid");
    }
    // The order of what lies between does not matter; the first is the leaf.
    let (mut made, anchor) = chain(&[
        root(),
        Make { authority: Some(None), ..between() },
        Make { name: "Deep", ..between() },
        leaf(),
    ]);
    made.swap(1, 2);
    assert!(certify(&made, &[anchor], at(2025)).is_ok());
}

#[test]
fn each_thing_that_can_be_wrong() {
    use ExtendedKeyUsagePurpose as For;
    use KeyUsagePurpose as May;
    let signs = || vec![May::DigitalSignature];
    let table: &[(&[Make], &str)] = &[
        (
            &[root(), Make { years: (2020, 2024), ..leaf() }],
            "expired: `CN=Acme Signing`: a certificate of the path ended 2024-01-01",
        ),
        (
            &[root(), Make { years: (2026, 2030), ..leaf() }],
            "expired: `CN=Acme Signing`: a certificate of the path begins 2026-01-01",
        ),
        (
            &[root(), Make { years: (2020, 2024), ..between() }, leaf()],
            "expired: `CN=Acme Signing`: a certificate of the path ended 2024-01-01",
        ),
        (&[Make { years: (2020, 2024), ..root() }, leaf()], "expired: `CN=Root`: it ended 2024-01-01"),
        (&[root(), Make { usage: vec![], ..leaf() }], "invalid: `CN=Acme Signing` may not sign"),
        (
            &[root(), Make { usage: vec![May::KeyAgreement], ..leaf() }],
            "invalid: `CN=Acme Signing` may not sign",
        ),
        (&[root(), Make { extended: vec![For::CodeSigning], ..leaf() }], "valid"),
        (
            &[root(), Make { extended: vec![For::ServerAuth], ..leaf() }],
            "invalid: `CN=Acme Signing` is for other uses",
        ),
        (
            &[root(), Make { extended: vec![For::ServerAuth], ..between() }, leaf()],
            "invalid: `CN=Acme Signing` is for other uses",
        ),
        (
            &[root(), Make { authority: Some(None), usage: signs(), ..leaf() }],
            "invalid: `CN=Acme Signing` is an authority's certificate",
        ),
        (
            &[root(), Make { authority: None, ..between() }, leaf()],
            "invalid: what certifies `CN=Acme Signing` is no authority",
        ),
        (
            &[root(), Make { usage: signs(), ..between() }, leaf()],
            "invalid: `CN=Between` may not certify others",
        ),
        (&[Make { usage: signs(), ..root() }, leaf()], "invalid: `CN=Root` may not certify others"),
        (&[Make { authority: None, ..root() }, leaf()], "invalid: `CN=Root` is no authority"),
        (
            &[root(), between(), Make { name: "Deep", ..between() }, leaf()],
            "invalid: more authorities above `CN=Acme Signing`",
        ),
        // webpki does not look at what the anchor itself allows.
        (
            &[Make { authority: Some(Some(0)), ..root() }, between(), leaf()],
            "invalid: more authorities below `CN=Root`",
        ),
        (&[Make { authority: Some(Some(1)), ..root() }, between(), leaf()], "valid"),
        (&[root(), Make { name: "", ..leaf() }], "invalid: the certificate's subject is empty"),
        (
            &[root(), Make { key: &rcgen::PKCS_ED25519, ..leaf() }],
            "not evaluated: the key of `CN=Acme Signing`",
        ),
        (
            &[Make { key: &rcgen::PKCS_ED25519, ..root() }, leaf()],
            "not evaluated: the certificates above `CN=Acme Signing`",
        ),
    ];
    for (makes, wanted) in table {
        let found = said(makes);
        assert!(found.starts_with(wanted), "{found}\nwanted {wanted}");
    }
}

#[test]
fn an_authority_is_ours_or_nobodys() {
    let (made, anchor) = chain(&[root(), between(), leaf()]);
    let (_, namesake) = chain(&[root()]);
    let (_, stranger) = chain(&[Make { name: "Elsewhere", ..root() }]);
    let word = |anchors: &[Anchor]| {
        certify(&made, anchors, at(2025)).map_or_else(|verdict| verdict.word(), |_| "valid")
    };
    // Attack: the root in the bundle proves the bundle.
    assert_eq!(word(&[]), "unknown-signer");
    assert_eq!(word(std::slice::from_ref(&stranger)), "unknown-signer");
    assert_eq!(word(std::slice::from_ref(&namesake)), "unknown-signer");
    assert_eq!(word(&[stranger, namesake, anchor.clone()]), "valid");
    // What comes in between may be believed by itself.
    let middle = Anchor::from_der(&made[1]).unwrap();
    assert_eq!(word(std::slice::from_ref(&middle)), "valid");
    assert_eq!(
        certify(&made, std::slice::from_ref(&middle), at(2025)).unwrap().signer.as_str(),
        format!("cert:{}/CN=Acme%20Signing", middle.spki().hex())
    );
    // A leaf that is renewed, with another key, is the same signer.
    let window = Window { from: None, until: Some(at(2024)) };
    assert_eq!(word(&[Anchor { window, ..anchor }]), "expired");
    assert_eq!(certify(&[], &[], at(2025)).unwrap_err().word(), "invalid");
    assert_eq!(certify(&[vec![1, 2, 3]], &[], at(2025)).unwrap_err().word(), "invalid");
    assert_eq!(certify(&vec![made[0].clone(); 11], &[], at(2025)).unwrap_err().word(), "invalid");
}

#[test]
fn a_certificate_may_be_believed_by_itself() {
    let alone = Make { usage: vec![KeyUsagePurpose::DigitalSignature], ..leaf() };
    let (made, anchor) = chain(std::slice::from_ref(&alone));
    let found = certify(&made, std::slice::from_ref(&anchor), at(2025)).unwrap();
    assert_eq!(found.signer.as_str(), format!("cert:{}/CN=Acme%20Signing", anchor.spki().hex()));
    assert_eq!(certify(&made, std::slice::from_ref(&anchor), at(2031)).unwrap_err().word(), "expired");
    assert_eq!(certify(&made, std::slice::from_ref(&anchor), at(2019)).unwrap_err().word(), "expired");
    // Another key under the same name is nobody we know.
    let (other, _) = chain(&[alone]);
    assert_eq!(certify(&other, &[anchor], at(2025)).unwrap_err().word(), "unknown-signer");
}

#[test]
fn an_anchor_is_one_certificate() {
    let (made, anchor) = chain(&[root(), leaf()]);
    let pem = |der: &[u8]| {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            crate::policy::provenance::dsse::encode(der)
        )
    };
    assert_eq!(Anchor::from_pem(&pem(&made[1])).as_ref(), Ok(&anchor));
    assert_eq!(Anchor::from_pem(&(pem(&made[1]) + &pem(&made[0]))), Err(AnchorFault::NotPem));
    assert_eq!(
        Anchor::from_pem(&SecretKey::p256(&[7; 32]).unwrap().public().pem()),
        Err(AnchorFault::NotPem)
    );
    assert_eq!(Anchor::from_pem(&pem(b"x")), Err(AnchorFault::NotACertificate));
    assert_eq!(Anchor::from_pem(&pem(&[&made[1][..], b"x"].concat())), Err(AnchorFault::NotACertificate));
}
