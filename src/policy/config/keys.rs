//! Every key of a policy file, with what it is without one and how the values
//! of two files become one. The reference page is made of this table.

/// A key of a policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its table and its name.
    pub name: &'static str,
    /// A value, as it is written.
    pub example: &'static str,
    /// What holds where no file has it.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What holds where several files have it.
    pub several: &'static str,
    /// Whether every file's value counts, not only one.
    pub adds: bool,
}

/// All keys, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    Key {
        name: "sources.allow",
        example: "[\"https://github.com/acme/\"]",
        default: "every source",
        about: "Sources that may be used, by the beginning of their address up to a `/`; all others may not",
        several: "a source must be in each list",
        adds: true,
    },
    Key {
        name: "sources.deny",
        example: "[\"https://github.com/acme/old\"]",
        default: "none",
        about: "Sources that may not be used, in whatever spelling; wins over `allow`",
        several: "all lists count",
        adds: true,
    },
    Key {
        name: "trust.min-age",
        example: "\"3d\"",
        default: "none",
        about: "Time from the moment this home first had a revision to the moment it can be trusted or enabled; days `3d` or hours `36h`",
        several: "the longest counts",
        adds: true,
    },
    Key {
        name: "trust.early",
        example: "[\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]",
        default: "none",
        about: "Bytes that need not wait for `min-age`, by their full digest: a security fix, once somebody has read it",
        several: "excepts from the `min-age` of its own file and of those it wins over, never from a stronger file's",
        adds: true,
    },
    Key {
        name: "trust.expires",
        example: "\"90d\"",
        default: "no end",
        about: "When a trust decision ends that names no end; days or hours",
        several: "the shortest counts",
        adds: false,
    },
    Key {
        name: "trust.max-days",
        example: "365",
        default: "no limit",
        about: "Days after which every trust decision ends, earlier ones included, whatever end was named",
        several: "the smallest counts",
        adds: false,
    },
    Key {
        name: "trust.note",
        example: "\"required\"",
        default: "\"optional\"",
        about: "Whether a trust decision must say why, with `--note`",
        several: "`required` counts",
        adds: false,
    },
    Key {
        name: "trust.first-seen-counts",
        example: "false",
        default: "true",
        about: "Whether our own record of a decision is witness enough that a signature is older than the date since which its key is compromised; with `false` only an authority's time stamp is, and `roots refresh` ends trust that has none",
        several: "`false` counts",
        adds: false,
    },
    Key {
        name: "enable.agents",
        example: "[\"claude-code\"]",
        default: "none: `enable` wants a place",
        about: "The agents that `enable` places for when neither `--agent` nor `--dir` is given",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "network.internal",
        example: "[\"git.example.org\"]",
        default: "none: every https address must be public",
        about: "Hosts whose address may be private, loopback or link-local; each in full, no patterns",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "deps.programs",
        example: "[\"/opt/node/bin\"]",
        default: "none: only the system's own folders",
        about: "Folders in which installers are looked for before the system's own, each by its full path; in a sandbox they can be read",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "require.for",
        example: "\"https://github.com/acme/\"",
        default: "every source",
        about: "The sources a block is about, by the beginning of their address, in whatever spelling",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.signatures",
        example: "1",
        default: "none",
        about: "Signatures over exactly these bytes, by this many distinct signers with distinct keys",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.signers",
        example: "[\"root:team\"]",
        default: "whoever a followed trust root names",
        about: "The signers that count: `key:…`, `cert:…`, `ssh:…`, `ssh-ca:…`, or `root:NAME` for whoever that trust root names",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.reviews",
        example: "2",
        default: "none",
        about: "Reviews by this many distinct people that have not ended",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.criteria",
        example: "[\"safe-to-run\"]",
        default: "none",
        about: "What each of these reviews must be for",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.attested",
        example: "1",
        default: "none",
        about: "Verification summaries by this many distinct verifiers",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.verifiers",
        example: "[\"ci@acme.example\"]",
        default: "whoever a followed trust root names",
        about: "The verifiers that count",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "require.grant",
        example: "true",
        default: "false",
        about: "Whether meeting the block is a decision: then `trust --by-policy` asks nobody",
        several: "every block whose `for` covers the source must be met",
        adds: true,
    },
    Key {
        name: "review.severity",
        example: "{ \"exec.fetch\" = \"block\" }",
        default: "what each rule says of itself",
        about: "How much a rule's findings weigh, in every kind of text: `block`, `confirm`, `warn` or `note`; \
                what a file lowers is shown wherever it applies",
        several: "the machine's counts, and a heavier one; a file's own weight may be lower than the rule's",
        adds: true,
    },
    Key {
        name: "review.except.rule",
        example: "\"exec.decode\"",
        default: "none",
        about: "A rule whose findings do not count, for exactly the bytes of `digest`",
        several: "excepts from the rule's own weight, its own file's and those it wins over, never from a stronger file's",
        adds: true,
    },
    Key {
        name: "review.except.digest",
        example: "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
        default: "none",
        about: "These bytes, by their full digest; any change of them voids the exception",
        several: "as `rule`",
        adds: true,
    },
    Key {
        name: "review.except.why",
        example: "\"its own test data, read by two of us\"",
        default: "none",
        about: "Why; shown with the finding wherever it does not count",
        several: "as `rule`",
        adds: true,
    },
    Key {
        name: "review.except.until",
        example: "\"2027-01-31\"",
        default: "no end",
        about: "A date or a time from which on the exception no longer counts",
        several: "as `rule`",
        adds: true,
    },
    Key {
        name: "limits.files",
        example: "5000",
        default: "5000",
        about: "Most files in one skill",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "limits.total",
        example: "67108864",
        default: "67108864",
        about: "Most bytes in one skill",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "limits.file",
        example: "16777216",
        default: "16777216",
        about: "Most bytes in one file",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "limits.depth",
        example: "16",
        default: "16",
        about: "Most folders inside each other",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "limits.path",
        example: "512",
        default: "512",
        about: "Most bytes of one path",
        several: "the machine's counts",
        adds: false,
    },
    Key {
        name: "gate.valid-for",
        example: "60",
        default: "60",
        about: "Seconds that a gateway may go by an allow",
        several: "the machine's counts",
        adds: false,
    },
];

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;
    use crate::model::limits::Limits;

    fn file(key: &Key, value: &str) -> String {
        let (table, name) = key.name.split_once('.').unwrap();
        match (table, name) {
            ("require", "signatures" | "reviews" | "attested") => format!("[[require]]\n{name} = {value}\n"),
            // These say something only beside a number.
            ("require", "criteria") => format!("[[require]]\n{name} = {value}\nreviews = 1\n"),
            ("require", "verifiers") => format!("[[require]]\n{name} = {value}\nattested = 1\n"),
            ("review", name) if name.starts_with("except.") => {
                let own = name.trim_start_matches("except.");
                let rest = [
                    ("rule", "\"exec.decode\"".to_owned()),
                    ("digest", format!("\"sha256:{}\"", "0".repeat(64))),
                    ("why", "\"read\"".to_owned()),
                ];
                let rest = rest.into_iter().filter(|(key, _)| *key != own);
                let rest: String = rest.map(|(key, value)| format!("{key} = {value}\n")).collect();
                format!("[[review.except]]\n{own} = {value}\n{rest}")
            }
            ("require", _) => format!("[[require]]\n{name} = {value}\nsignatures = 1\n"),
            _ => format!("[{table}]\n{name} = {value}\n"),
        }
    }

    #[test]
    fn every_key_can_be_written_and_a_misspelt_one_is_refused() {
        for key in KEYS {
            let policy = Policy::read(&[("p", file(key, key.example))]).unwrap();
            let said = policy.settings().iter().find(|said| said.key == key.name).unwrap();
            assert_eq!(said.value, key.example);
            let misspelt = file(key, key.example).replacen(" = ", "x = ", 1);
            assert!(Policy::read(&[("p", misspelt)]).unwrap_err().contains("unknown field"), "{}", key.name);
            let elsewhere = file(key, key.example).replacen('[', "[x", 1);
            assert!(Policy::read(&[("p", elsewhere)]).is_err(), "{}", key.name);
        }
    }

    #[test]
    fn no_key_is_left_out() {
        let raw = include_str!("raw.rs");
        let fields =
            raw.lines().filter(|line| line.trim_start().starts_with("pub(super) ") && line.contains(": "));
        let fields = fields.filter(|line| !line.contains("Raw"));
        assert_eq!(fields.count(), KEYS.len(), "a field of raw.rs is not in KEYS");
    }

    #[test]
    fn the_defaults_shown_are_the_ones_that_hold() {
        let number = |name: &str| {
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            key.default.parse::<u64>().unwrap()
        };
        let limits = Limits::DEFAULT;
        assert_eq!(number("limits.files"), limits.files);
        assert_eq!(number("limits.total"), limits.total);
        assert_eq!(number("limits.file"), limits.file);
        assert_eq!(number("limits.depth"), limits.depth as u64);
        assert_eq!(number("limits.path"), limits.path as u64);
        assert_eq!(number("gate.valid-for"), Policy::DEFAULT.valid_for);
    }
}
