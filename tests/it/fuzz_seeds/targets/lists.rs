//! The two lists of a trust root that take trust away: an entry is understood,
//! or the whole list is refused; none is lost.

use super::{now, shown};
use skill_trust::model::tuf::Value;
use skill_trust::model::tuf::lists::{Kind, Subject, kill_orders, revocations};
use skill_trust::policy::provenance::tuf::signers;

/// How many entries another reader counts.
fn count(data: &[u8], name: &str) -> usize {
    let other: serde_json::Value = serde_json::from_slice(data).unwrap();
    other[name].as_array().unwrap().len()
}

/// Both lists, of the same bytes.
pub(crate) fn lists(data: &[u8]) {
    match revocations(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(list) => {
            assert_eq!(list.len(), count(data, "revocations"));
            assert_eq!(revocations(&Value::parse(data).unwrap().to_json()).as_ref(), Ok(&list));
            let revoked = signers(&list, "feed");
            for one in &list {
                let Subject::Signer(signer) = &one.subject else { continue };
                assert!(matches!(one.kind, Kind::Retired | Kind::Compromised), "{one:?}");
                // Without evidence of its time nothing escapes a revocation.
                let verdict = revoked.judge(signer, now(), true).unwrap_err();
                shown(&verdict.to_string());
            }
        }
    }
    match kill_orders(data) {
        Err(fault) => shown(&fault.to_string()),
        Ok(list) => {
            assert_eq!(list.orders.len(), count(data, "orders"));
            assert_eq!(kill_orders(&Value::parse(data).unwrap().to_json()).as_ref(), Ok(&list));
        }
    }
}
