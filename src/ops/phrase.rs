//! A phrase that is a decision: typed at a terminal, or stated by a script that
//! knows what it stands for.
//!
//! The phrase names what is decided (an epoch, a number of skills), so that one
//! from another day, or for something else, is a no.

use super::{Answer, Ask, Question};
use crate::model::code::{Code, Stop};

/// What is to be decided, and what is said to each way of not deciding it.
pub struct Phrase<'a> {
    /// The phrase.
    pub expected: String,
    /// What it does, behind "Type it": `to lift it`.
    pub to: &'a str,
    /// What did not happen: `not released`.
    pub not_done: &'a str,
    /// What a person does then.
    pub again: String,
    /// What it takes: `a release needs a person at a terminal, or the phrase`.
    pub needs: &'a str,
    /// The command that states it.
    pub stated: String,
}

impl Phrase<'_> {
    /// Compares what was given, or asks.
    ///
    /// # Errors
    /// [`Code::Declined`] for any other text, [`Code::PersonNeeded`] if nobody
    /// can be asked.
    pub fn decide(self, shown: &str, given: Option<&str>, ask: &mut dyn Ask) -> Result<(), Stop> {
        let Self { expected, to, not_done, again, needs, stated } = self;
        match given {
            Some(given) if given == expected => Ok(()),
            Some(_) => Err(Stop::new(Code::Declined, format!("the phrase is `{expected}`"), again)),
            None => {
                let prompt = format!("Type `{expected}` {to}");
                match ask.ask(shown, &Question::Type { prompt, expected }) {
                    Answer::Yes => Ok(()),
                    Answer::No => {
                        let what = format!("{not_done}: the phrase was not typed");
                        Err(Stop::new(Code::Declined, what, again))
                    }
                    Answer::Nobody => Err(Stop::new(Code::PersonNeeded, needs, stated)),
                }
            }
        }
    }
}
