//! The story of the tour, as data: chapters, and in each what is run or done
//! and how it must end.
//!
//! In commands, `{source}`, `{folder}`, `{name}`, `{old}`, `{oldrev}`, `{new}`
//! and `{newrev}` stand for what the tour has met so far.

use skill_trust::model::code::Exit;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A command is run, and must end so.
    Run(&'static str, Exit),
    /// The same, and a new digest is read from what it says.
    Learn(&'static str, Fact),
    /// Somebody changes one byte of the placed copy.
    EditCopy,
    /// Somebody changes one byte of the audit log.
    EditLog,
    /// The upstream repository gets another commit.
    Publish,
    /// The agent's folder must hold no copy now.
    Gone,
}

/// What can be learnt from an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// The digest that arrived first, in full.
    Old,
    /// The short form of the newer one, after an arrow.
    NewShort,
    /// The newer one in full.
    New,
}

/// A part of the story.
#[derive(Debug)]
pub(super) struct Chapter {
    /// Its heading.
    pub(super) title: &'static str,
    /// What happens, for somebody who reads only this.
    pub(super) tells: &'static str,
    /// What it has shown if it ends well.
    pub(super) proves: &'static str,
    /// Whether it needs a repository that the tour can commit to.
    pub(super) needs_upstream: bool,
    /// What is done, in order.
    pub(super) acts: &'static [Act],
}

use Act::{EditCopy, EditLog, Gone, Learn, Publish, Run};
use Exit::{Damaged, Done, Drift, Held, Person, Refused};

/// The whole story.
pub(super) const STORY: &[Chapter] = &[
    Chapter {
        title: "A skill arrives",
        tells: "It is fetched, checked and stored. No agent can see it yet, and nobody vouches for it.",
        proves: "an installed skill is nowhere an agent looks, and enabling it is refused",
        needs_upstream: false,
        acts: &[
            Run("install {source} --list", Done),
            Learn("install {source} --skill {name}", Fact::Old),
            Run("status", Done),
            Run("enable {name} --dir {folder}", Refused),
            Gone,
        ],
    },
    Chapter {
        title: "A person reads it and decides",
        tells: "At a terminal `skills trust NAME` asks for the name. A script states the reviewed bytes instead, in full.",
        proves: "allow is said for exactly the bytes that a person named, after hashing them in that very call",
        needs_upstream: false,
        acts: &[
            Run("review {name}", Done),
            Run("trust {name} --digest {old} --note \"read all of it\"", Done),
            Run("enable {name} --dir {folder}", Done),
            Run("gate {name}", Done),
        ],
    },
    Chapter {
        title: "Somebody changes one byte",
        tells: "The next question finds it. The copy is taken away, and so is the trust; putting the byte back would not bring it back.",
        proves: "one changed byte is drift: denied, taken away, no longer trusted, until a person decides again",
        needs_upstream: false,
        acts: &[
            EditCopy,
            Run("gate {name}", Drift),
            Gone,
            Run("gate {name}", Refused),
            Run("enable {name} --dir {folder}", Refused),
            Run("trust {name} --digest {old} --note \"again, from the store\"", Done),
            Run("enable {name} --dir {folder}", Done),
            Run("gate {name}", Done),
        ],
    },
    Chapter {
        title: "A new version comes out",
        tells: "It arrives beside the old one, which stays in use. Only the difference has to be read, and going back is one command.",
        proves: "a new version inherits nothing; the swap and the way back are one step each",
        needs_upstream: true,
        acts: &[
            Publish,
            Learn("update {name}", Fact::NewShort),
            Run("gate {name}", Done),
            Run("review {newrev}", Done),
            Run("enable {newrev} --dir {folder}", Refused),
            Learn("trust {newrev} --dry-run", Fact::New),
            Run("trust {newrev} --digest {new}", Done),
            Run("enable {newrev} --dir {folder}", Done),
            Run("gate {newrev}", Done),
            Run("enable {oldrev} --dir {folder}", Done),
            Run("gate {oldrev}", Done),
            Run("gate {newrev}", Refused),
        ],
    },
    Chapter {
        title: "Something is wrong: stop everything",
        tells: "One command, no question asked. It holds until a person lifts it, and lifting it enables nothing.",
        proves: "after a kill everything is denied, a release needs a person or the phrase, and nothing springs back",
        needs_upstream: false,
        acts: &[
            Run("kill --all --note drill", Done),
            Gone,
            Run("gate {oldrev}", Held),
            Run("enable {oldrev} --dir {folder}", Held),
            Run("release --all", Person),
            Run("release --all --phrase \"release epoch 1\"", Done),
            Run("gate {oldrev}", Refused),
            Gone,
        ],
    },
    Chapter {
        title: "What happened, and who says so",
        tells: "Every decision above is one line of the log, refused ones included. Then somebody edits one byte of it.",
        proves: "the log accounts for every step, and shows that it was edited",
        needs_upstream: false,
        acts: &[Run("audit verify", Done), EditLog, Run("audit verify", Damaged)],
    },
];

/// Splits a command into words; double quotes keep words together.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, piece) in command.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(
            words(r#"release --all --phrase "release epoch 1""#),
            ["release", "--all", "--phrase", "release epoch 1"]
        );
        assert_eq!(words("gate {name}"), ["gate", "{name}"]);
    }

    #[test]
    fn nothing_is_used_before_it_is_learnt() {
        let mut known = vec!["{source}", "{folder}", "{name}"];
        for act in STORY.iter().flat_map(|chapter| chapter.acts) {
            let (Run(command, _) | Learn(command, _)) = act else { continue };
            for word in words(command).iter().filter(|word| word.starts_with('{')) {
                assert!(known.contains(&word.as_str()), "{command}: {word}");
            }
            match act {
                Learn(_, Fact::Old) => known.extend(["{old}", "{oldrev}"]),
                Learn(_, Fact::NewShort) => known.push("{newrev}"),
                Learn(_, Fact::New) => known.push("{new}"),
                _ => {}
            }
        }
    }
}
