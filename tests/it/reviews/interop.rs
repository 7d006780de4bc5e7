//! securesystemslib 1.6.0 as judge: it verifies what we seal, we count what it
//! signs, and a threshold is met for both or for neither.
//!
//! `scripts/interop-tools` installs it; `scripts/test` calls that.

use super::yard::*;
use serde_json::{Value, json};
use skill_trust::model::json;
use skill_trust::policy::provenance::dsse::{self, Envelope, IN_TOTO};
use skill_trust::policy::provenance::keys::PublicKey;
use skill_trust::policy::provenance::seal::seal;

/// Asks the other side, many questions at once.
pub(super) fn other(requests: &[Value]) -> Vec<Value> {
    crate::support::interop::ask("reviews/securesystemslib.py", requests)
}

/// Which of the thresholds 0 to 3 these keys meet, as we say.
fn ours(text: &str, keys: &[PublicKey]) -> Vec<bool> {
    let envelope = Envelope::read(&json::Value::evidence(text.as_bytes()).unwrap()).unwrap();
    (0..4).map(|threshold| envelope.verify(keys, threshold).is_ok()).collect()
}

fn question(text: &str, keys: &[PublicKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(PublicKey::pem).collect();
    json!({"do": "verify", "envelope": text, "keys": keys, "thresholds": [0, 1, 2, 3]})
}

#[test]
fn securesystemslib_verifies_what_we_seal() {
    let (one, two, third) = (ed(1), p256(2), ed(3));
    let [a, b, c] = [&one, &two, &third].map(|key| key.public());
    let statement = positive().to_sign().unwrap();
    let both = seal(&statement, &[&one, &two]).unwrap();
    let (only_ed, only_p256) = (seal(&statement, &[&one]).unwrap(), seal(&statement, &[&two]).unwrap());
    let mut changed: Value = serde_json::from_str(&both).unwrap();
    changed["payload"] = dsse::encode(violation().to_sign().unwrap().bytes()).into();
    let changed = changed.to_string();
    let all = [a.clone(), b.clone(), c.clone()];
    let cases: [(&str, &[PublicKey], [bool; 4]); 8] = [
        (&both, &all, [false, true, true, false]),
        (&both, &all[1..], [false, true, false, false]),
        (&both, &all[2..], [false, false, false, false]),
        (&only_ed, &all, [false, true, false, false]),
        (&only_p256, &all, [false, true, false, false]),
        // The same key twice is one.
        (&both, &[a.clone(), a.clone()], [false, true, false, false]),
        (&only_p256, &[b.clone(), b], [false, true, false, false]),
        (&changed, &all, [false, false, false, false]),
    ];
    let questions: Vec<_> = cases.iter().map(|(text, keys, _)| question(text, keys)).collect();
    for (at, ((text, keys, wanted), answer)) in cases.iter().zip(other(&questions)).enumerate() {
        assert_eq!(answer["met"], json!(wanted), "case {at}: {answer}");
        assert_eq!(ours(text, keys), wanted, "case {at}");
        assert_eq!(answer["type"], IN_TOTO);
    }
    let answer = &other(&[question(&both, &all)])[0];
    assert_eq!(answer["payload"].as_str().unwrap().as_bytes(), statement.bytes());
}

#[test]
fn we_count_what_securesystemslib_signs() {
    let statement = positive().to_sign().unwrap();
    let payload = dsse::encode(statement.bytes());
    let sign = |by: &[usize], kind: &str| json!({"do": "sign", "payload": payload, "type": kind, "by": by});
    let requests = [
        sign(&[0], IN_TOTO),
        sign(&[1], IN_TOTO),
        sign(&[0, 1, 0], IN_TOTO),
        sign(&[0, 1], "application/json"),
    ];
    let wanted: [&[&str]; 4] = [&["ana"], &["bea"], &["ana", "bea"], &[]];
    for (answer, wanted) in other(&requests).iter().zip(wanted) {
        let pems: Vec<_> =
            answer["keys"].as_array().unwrap().iter().map(|pem| pem.as_str().unwrap()).collect();
        let keys: Vec<_> = pems.iter().map(|pem| PublicKey::from_pem(pem).unwrap()).collect();
        let text = answer["envelope"].as_str().unwrap().to_owned();
        let listed = |names: [&str; 2]| {
            let lines = names
                .iter()
                .zip(&keys)
                .map(|(name, key)| format!("{name} namespaces=\"skill-review@v1\" {}\n", ssh_text(key)));
            people_of(&lines.collect::<String>())
        };
        assert_eq!(counted(std::slice::from_ref(&text), &listed(["ana", "bea"])), wanted);
        // Both keys are one person's: never two.
        assert_eq!(
            counted(std::slice::from_ref(&text), &listed(["ana", "ana"])).len(),
            usize::from(!wanted.is_empty())
        );
        if !wanted.is_empty() {
            assert_eq!(ours(&text, &keys), [false, true, wanted.len() == 2, false]);
        }
    }
}
