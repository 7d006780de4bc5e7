//! `exec.decode`

use super::super::shell::machine::Event;
use super::super::shell::value::Origin;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "exec.decode",
    title: "runs what it decodes",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, Some(Tier::Warn)),
    owasp: &["AST01"],
    what: "A text is taken out of base64, hexadecimal or another encoding, and run by a shell or by a language.",
    why: "Nobody encodes a command but to keep it from being read. In thousands of public skills hardly one honest one does this, and whole campaigns do.",
    instead: "Write the command as it is, or ship it as a script.",
    limits: "Decoding to a file that is not run is left alone. Arithmetic that puts a text together byte by byte is not followed.",
    bad: "```sh\necho ZWNobyBoaQ== | base64 -D | bash\n```\n",
    alike: "```sh\necho LS0tLS1CRUdJTg== | base64 -d > cert.pem\nopenssl x509 -in cert.pem -noout -text\n```\n",
    look: Look::Event(|event, _| match event {
        Event::Run { what, .. } if what.from.has(Origin::Decoded) => {
            Some("runs a text that was encoded".to_owned())
        }
        _ => None,
    }),
};
