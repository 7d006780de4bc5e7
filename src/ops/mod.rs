//! Use cases: gather facts, decide, confirm, apply, record.
//!
//! Only this layer sees both `policy` and `system`. Use cases never call each
//! other; what they share is gathering ([`facts`]) and changing ([`session`],
//! [`apply`]). Nothing here prints, prompts or reads the environment: what it
//! needs of the outside comes in a [`World`], and questions to a person go
//! through [`Ask`].

pub mod adopt;
pub mod apply;
pub mod as_before;
pub mod audit;
pub mod clear;
pub mod clock;
#[cfg(feature = "review")]
pub mod deps;
pub mod disable;
pub mod doctor;
pub mod drill;
pub mod enable;
pub mod facts;
#[cfg(feature = "review")]
pub mod findings;
pub mod gate;
#[cfg(feature = "provenance")]
pub mod import;
pub mod install;
pub mod layers;
pub mod look;
pub mod originals;
#[cfg(feature = "provenance")]
pub mod own_keys;
pub mod phrase;
pub mod pick;
pub mod place;
pub mod provenance;
#[cfg(feature = "provenance")]
pub mod publish;
pub mod recover;
pub mod refusals;
pub mod remove;
pub mod repair;
pub mod review;
pub mod revoked;
#[cfg(feature = "provenance")]
pub mod roots;
pub mod rules;
pub mod session;
pub mod status;
pub mod stop;
pub mod trust;
pub mod uninstall;
pub mod unmanaged;
pub mod update;
pub mod verify;

use crate::model::code::{Code, Stop};
use crate::model::record::Actor;
use crate::model::skill::Revision;
use crate::policy::config::Policy;
use crate::system::account::Account;
use crate::system::clock::Clock;
use crate::system::policy_file;
use std::path::PathBuf;
use std::time::Duration;

/// Everything from outside that a use case depends on.
#[derive(Debug, Clone)]
pub struct World {
    /// Where the home is.
    pub home: PathBuf,
    /// The account's own folder, below which agents look for skills.
    pub account_home: Option<PathBuf>,
    /// Folder of the account's configuration and keys.
    pub config: Option<PathBuf>,
    /// Policy files, the one that wins first; one that does not exist is no rule.
    pub policy_files: Vec<PathBuf>,
    /// The clock.
    pub clock: Clock,
    /// Who acts, and through which door.
    pub actor: Actor,
    /// How long to wait for the lock.
    pub patience: Duration,
    /// Whether the process ends with the use case. Then it is not worth closing
    /// what the system closes anyway.
    pub ends: bool,
    /// The agent whose environment this is, if it is one's.
    pub agent: Option<&'static str>,
}

impl World {
    /// The world as the account database and the usual places have it.
    #[must_use]
    pub fn usual(via: &str) -> Self {
        let account = Account::ours();
        let config = account.home.as_ref().map(|home| home.join(".config/skill-trust"));
        let mut policy_files = vec![PathBuf::from("/etc/skill-trust/policy.toml")];
        policy_files.extend(config.as_ref().map(|config| config.join("policy.toml")));
        let home =
            account.home.as_ref().map_or_else(PathBuf::new, |home| home.join(".local/share/skill-trust"));
        Self {
            home,
            account_home: account.home,
            config,
            policy_files,
            clock: Clock::System,
            actor: Actor { uid: account.uid, user: account.name, via: via.to_owned() },
            patience: Duration::from_secs(5),
            ends: false,
            agent: None,
        }
    }

    /// Lets go of what a use case no longer needs.
    pub fn done_with<T>(&self, value: T) {
        if self.ends {
            std::mem::forget(value);
        }
    }

    /// Reads the policy files.
    ///
    /// # Errors
    /// [`Code::PolicyBroken`]: a rule that cannot be read must not be no rule.
    pub fn policy(&self) -> Result<Policy, Stop> {
        let mut texts = Vec::new();
        for path in &self.policy_files {
            let name = path.to_string_lossy();
            let text = policy_file::read(path).map_err(|why| broken_policy(&format!("{name}: {why}")))?;
            texts.extend(text.map(|text| (name, text)));
        }
        let files: Vec<_> = texts.iter().map(|(name, text)| (name.as_ref(), text.clone())).collect();
        Policy::read(&files).map_err(|why| broken_policy(&why))
    }

    /// Refuses what widens when an agent runs us: whoever could make an agent
    /// type a command could otherwise make it trust.
    ///
    /// # Errors
    /// [`Code::AgentEnvironment`] with the command a person should run.
    pub fn no_agent(&self, command: &str) -> Result<(), Stop> {
        match self.agent {
            None => Ok(()),
            Some(agent) => Err(Stop::new(
                Code::AgentEnvironment,
                format!("this runs under {agent}, and an agent cannot let more run"),
                format!("a person runs, in a terminal of their own: {command}"),
            )),
        }
    }
}

fn broken_policy(why: &str) -> Stop {
    let why = crate::model::text::escape(why);
    Stop::new(Code::PolicyBroken, format!("the policy cannot be used: {why}"), "correct the file named above")
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Yes or no; no unless yes is said.
    Confirm(String),
    /// Yes only if exactly this text is typed.
    Type {
        /// What is asked.
        prompt: String,
        /// What must be typed.
        expected: String,
    },
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No, or anything that is not yes.
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Someone who can be asked.
pub trait Ask {
    /// Shows text that belongs to the next question, then asks it.
    fn ask(&mut self, shown: &str, question: &Question) -> Answer;
}

/// Nobody: every question goes unanswered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Ask for Nobody {
    fn ask(&mut self, _: &str, _: &Question) -> Answer {
        Answer::Nobody
    }
}

/// The command that takes a folder in.
#[must_use]
pub fn adopt_command(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    format!("skills adopt {}", crate::model::text::shell_bytes(path.as_os_str().as_bytes()))
}

/// The exact way to name a revision on the command line.
#[must_use]
pub fn exact(revision: &Revision) -> String {
    revision.to_string()
}
