//! What one signs, the other verifies, for every curve and both modes.

use super::tools::{Yard, cli, ours, reference, subject};
use skill_trust::model::json::Value;
use skill_trust::policy::provenance::dsse::Envelope;
use skill_trust::policy::provenance::emit::{Naming, emit};
use skill_trust::policy::provenance::keys::PublicKey;
use std::fs;

const CURVES: [&str; 3] = ["prime256v1", "secp384r1", "secp521r1"];

#[test]
fn what_the_reference_signs_we_verify() {
    let yard = Yard::new();
    let made: Vec<_> =
        CURVES.iter().map(|curve| (*curve, yard.key(curve, curve), yard.skill(curve))).collect();
    let questions: Vec<_> = made
        .iter()
        .map(|(curve, _, folder)| {
            let (key, folder) = (yard.arg(&format!("{curve}.key")), folder.to_str().unwrap());
            let bundle = format!("{folder}/skill.oms.sig");
            cli(&["sign", "key", "--private_key", &key, "--signature", &bundle, folder])
        })
        .collect();
    assert_eq!(reference(&yard, &questions), ["ok"; 3]);
    for (curve, (_, public), folder) in made {
        let bundle = folder.join("skill.oms.sig");
        let verdict = ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
        let vouched = verdict.vouched().unwrap_or_else(|| panic!("{curve}: {verdict}"));
        assert_eq!(vouched.signer(), &public.id());
        // The reference signs no modes, and names no more files to leave out than we know of.
        assert_eq!(vouched.notes(), ["executable, which is not signed: scripts/run.sh"]);
        fs::write(folder.join("SKILL.md"), "other words").unwrap();
        assert_eq!(ours(&bundle, &folder, &[public], &[]).word(), "invalid");
    }
}

#[test]
fn what_we_sign_the_reference_verifies() {
    let yard = Yard::new();
    let (mut questions, mut wanted) = (Vec::new(), Vec::new());
    for curve in CURVES {
        let (secret, public) = yard.key(curve, curve);
        for changed in [false, true] {
            let folder = yard.skill(&format!("{curve}-{changed}"));
            let (subject, bare) = subject(&folder);
            let bundle = folder.join("skill.oms.sig");
            fs::write(&bundle, emit(&subject, &bare, &secret, Naming::Key).unwrap()).unwrap();
            if changed {
                fs::write(folder.join("scripts-old/x"), "y\n").unwrap();
            }
            let said = ours(&bundle, &folder, std::slice::from_ref(&public), &[]);
            assert_eq!(said.word(), if changed { "invalid" } else { "valid" }, "{said}");
            assert!(changed || said.vouched().unwrap().notes().is_empty());
            let public = yard.arg(&format!("{curve}.pub"));
            let (folder, bundle) = (folder.to_str().unwrap(), bundle.to_str().unwrap());
            questions.push(cli(&["verify", "key", "--public_key", &public, "--signature", bundle, folder]));
            wanted.push(if changed { "refused" } else { "ok" });
        }
    }
    let found = reference(&yard, &questions);
    let words: Vec<_> = found.iter().map(|answer| answer.split(':').next().unwrap()).collect();
    assert_eq!(words, wanted, "{found:?}");
}

/// An envelope by `securesystemslib`, over keys of two kinds: the same thresholds are met.
#[test]
fn thresholds_of_an_envelope_are_those_of_another_program() {
    let yard = Yard::new();
    let answer = reference(&yard, &[vec!["dsse".to_owned()]]).remove(0);
    let told: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let keys: Vec<_> = told["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pem| PublicKey::from_pem(pem.as_str().unwrap()).unwrap())
        .collect();
    let text = told["envelope"].as_str().unwrap();
    let envelope = Envelope::read(&Value::evidence(text.as_bytes()).unwrap()).unwrap();
    let met: Vec<_> = (0..4).map(|threshold| envelope.verify(&keys, threshold).is_ok()).collect();
    assert_eq!(serde_json::json!(met), told["met"]);
    assert_eq!(met, [false, true, true, false]);
    let (payload, signers) = envelope.verify(&keys, 2).unwrap();
    assert_eq!(payload, b"{\"words\": 1}");
    assert!(signers.contains(&keys[0].id()) && signers.contains(&keys[1].id()) && signers.len() == 2);
}
