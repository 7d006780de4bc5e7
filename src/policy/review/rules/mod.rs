//! The rules, as a table: one file each.
//!
//! A rule has an id that is never used for anything else, a weight for each kind
//! of text, what people should know of it under fixed headings, and two texts of
//! its own: one that it must find and one that looks alike and must be left alone.

use super::File;
use super::page::{Hit, Page};
use super::shell::machine::Event;
use super::shell::tree::{Fault, Span};
use super::unit::Unit;
use crate::model::finding::{Context, Tier};
use std::collections::BTreeSet;

mod address;
mod argv;
#[cfg(test)]
mod attacks;
mod dep_alt_index;
mod dep_break_system;
mod dep_git_moving;
mod dep_global;
mod dep_installs;
mod dep_skill_adds_skill;
mod dep_third_party_tap;
pub(super) mod dep_undeclared;
mod dep_unpinned_npx;
mod dep_url_tarball;
mod destructive_rm_root;
mod exec_built;
mod exec_decode;
mod exec_dns;
mod exec_fetch;
mod exec_fetch_file;
mod exec_fetch_raw_ip;
mod exec_lang_eval;
mod exec_locked;
mod exec_miner;
mod exfil_env_dump;
mod exfil_program;
mod exfil_secret_read;
mod exfil_secret_to_network;
mod exfil_to_collector;
mod exfil_webhook_host;
mod guard_agent_permission;
mod guard_agent_settings;
mod guard_gatekeeper;
mod guard_powershell_policy;
mod guard_protection;
mod guard_quarantine;
mod guard_signature_off;
mod guard_tls_off;
mod hide_bidi;
mod hide_binary;
mod hide_command;
mod hide_data_uri;
mod hide_encoded_blob;
mod hide_extension;
mod hide_homoglyph;
mod hide_html_comment;
mod hide_svg_script;
mod hide_tag_characters;
mod hide_whitespace;
mod hide_zero_width;
pub(super) mod install;
mod lure_password_archive;
mod lure_paste_command;
mod lure_prerequisite;
mod lure_raw_ip_url;
mod lure_shortener;
mod meta_too_much;
mod meta_unparsed_shell;
mod meta_unreadable;
mod persist_agent_config;
mod persist_agent_fetched;
mod persist_autostart;
mod persist_cron;
mod persist_git_hook;
mod persist_launchd;
mod persist_shell_rc;
mod persist_ssh_keys;
mod persist_systemd;
pub mod phrase;
mod priv_etc_write;
mod priv_setuid;
mod priv_sudo;
mod priv_sudoers;
mod prompt_override;
mod prompt_remote_instructions;
mod prompt_secrecy;
mod prompt_trust;
mod remote_nc_listener;
mod remote_shell;
mod secret_private_key;
pub(super) mod secret_token;
mod unseen;

/// How a rule looks.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    /// At what would happen, and what stands around it. The words if it is found.
    Event(fn(&Event, &Around<'_>) -> Option<String>),
    /// At a piece of text.
    Text(fn(&Unit) -> Vec<(Span, String)>),
    /// At a whole file that is text, with its pieces.
    Page(fn(&Page<'_>) -> Vec<Hit>),
    /// At how far a piece of commands could be read and followed.
    Followed(fn(&Unit, &Followed) -> Vec<(Span, String)>),
    /// At a file.
    File(fn(&File<'_>) -> Vec<String>),
}

/// How far a piece could be read and followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// What was not as a shell would have it, and where.
    pub faults: BTreeSet<(Fault, usize)>,
    /// Whether something was not followed to its end.
    pub cut: bool,
}

/// What stands around an event.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The text of its piece.
    pub text: &'a str,
    /// Every word of commands and code up to here, in lower case.
    pub words: &'a BTreeSet<String>,
}

/// How much a rule weighs, by the kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Commands of the front matter, scripts, and what programs start.
    pub run: Option<Tier>,
    /// Blocks of commands.
    pub fence: Option<Tier>,
    /// Code inside of a sentence.
    pub inline: Option<Tier>,
    /// Sentences.
    pub prose: Option<Tier>,
    /// A file as a whole.
    pub file: Option<Tier>,
}

impl Weight {
    /// One weight where a text is run or is likely to be, others where it is talked about.
    #[must_use]
    pub const fn of_commands(run: Tier, inline: Tier, prose: Option<Tier>) -> Self {
        Self { run: Some(run), fence: Some(run), inline: Some(inline), prose, file: None }
    }

    /// The tier in this kind of text; `None` if it is nothing there.
    #[must_use]
    pub const fn of(&self, context: Context) -> Option<Tier> {
        match context {
            Context::Install | Context::Script | Context::Call => self.run,
            Context::Fence => self.fence,
            Context::Inline => self.inline,
            Context::Prose => self.prose,
            Context::File => self.file,
        }
    }
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable id.
    pub id: &'static str,
    /// In one line.
    pub title: &'static str,
    /// How much it weighs where.
    pub weight: Weight,
    /// OWASP Agentic Skills Top 10 entries that it belongs to.
    pub owasp: &'static [&'static str],
    /// What is found.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What an author does instead.
    pub instead: &'static str,
    /// What it does not find, or leaves alone.
    pub limits: &'static str,
    /// The body of a skill in which it is found; other files behind lines as `=== PATH ===`.
    pub bad: &'static str,
    /// One that looks alike, in which it is not.
    pub alike: &'static str,
    /// How it looks.
    pub look: Look,
}

/// Every rule, in the order of their ids.
pub static RULES: &[&Rule] = &[
    &dep_alt_index::RULE,
    &dep_break_system::RULE,
    &dep_git_moving::RULE,
    &dep_global::RULE,
    &dep_installs::RULE,
    &dep_skill_adds_skill::RULE,
    &dep_third_party_tap::RULE,
    &dep_undeclared::RULE,
    &dep_unpinned_npx::RULE,
    &dep_url_tarball::RULE,
    &destructive_rm_root::RULE,
    &exec_built::RULE,
    &exec_decode::RULE,
    &exec_dns::RULE,
    &exec_fetch::RULE,
    &exec_fetch_file::RULE,
    &exec_fetch_raw_ip::RULE,
    &exec_lang_eval::RULE,
    &exec_locked::RULE,
    &exec_miner::RULE,
    &exfil_env_dump::RULE,
    &exfil_program::RULE,
    &exfil_secret_read::RULE,
    &exfil_secret_to_network::RULE,
    &exfil_to_collector::RULE,
    &exfil_webhook_host::RULE,
    &guard_agent_permission::RULE,
    &guard_agent_settings::RULE,
    &guard_gatekeeper::RULE,
    &guard_powershell_policy::RULE,
    &guard_protection::RULE,
    &guard_quarantine::RULE,
    &guard_signature_off::RULE,
    &guard_tls_off::RULE,
    &hide_bidi::RULE,
    &hide_binary::RULE,
    &hide_command::RULE,
    &hide_data_uri::RULE,
    &hide_encoded_blob::RULE,
    &hide_extension::RULE,
    &hide_homoglyph::RULE,
    &hide_html_comment::RULE,
    &hide_svg_script::RULE,
    &hide_tag_characters::RULE,
    &hide_whitespace::RULE,
    &hide_zero_width::RULE,
    &lure_password_archive::RULE,
    &lure_paste_command::RULE,
    &lure_prerequisite::RULE,
    &lure_raw_ip_url::RULE,
    &lure_shortener::RULE,
    &meta_too_much::RULE,
    &meta_unparsed_shell::RULE,
    &meta_unreadable::RULE,
    &persist_agent_config::RULE,
    &persist_agent_fetched::RULE,
    &persist_autostart::RULE,
    &persist_cron::RULE,
    &persist_git_hook::RULE,
    &persist_launchd::RULE,
    &persist_shell_rc::RULE,
    &persist_ssh_keys::RULE,
    &persist_systemd::RULE,
    &priv_etc_write::RULE,
    &priv_setuid::RULE,
    &priv_sudo::RULE,
    &priv_sudoers::RULE,
    &prompt_override::RULE,
    &prompt_remote_instructions::RULE,
    &prompt_secrecy::RULE,
    &prompt_trust::RULE,
    &remote_nc_listener::RULE,
    &remote_shell::RULE,
    &secret_private_key::RULE,
    &secret_token::RULE,
];

/// The rule about what nothing was looked for in.
#[must_use]
pub fn unreadable() -> &'static Rule {
    &meta_unreadable::RULE
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

/// Addresses in words: the first, and how many more.
fn from_where(urls: &BTreeSet<String>) -> String {
    match urls.iter().next() {
        None => "somewhere that only a run would tell".to_owned(),
        Some(first) if urls.len() == 1 => {
            let shown = format!("`{}`", crate::model::text::escape_short(first, 120));
            super::hosts::at(first)
                .map_or_else(|| shown.clone(), |known| format!("{shown}, {}", known.words()))
        }
        Some(first) => {
            format!("`{}` and {} more", crate::model::text::escape_short(first, 120), urls.len() - 1)
        }
    }
}

#[cfg(test)]
mod events_test;

#[cfg(test)]
mod tests {
    use super::super::{File, scan};
    use super::RULES;

    /// The files of a text: the body first, others behind `=== PATH ===`.
    fn files(text: &str) -> Vec<(String, String)> {
        let mut all = vec![("SKILL.md".to_owned(), "---\nname: x\ndescription: y\n---\n".to_owned())];
        for line in text.split_inclusive('\n') {
            match line.strip_prefix("=== ").and_then(|line| line.strip_suffix(" ===\n")) {
                Some(path) => all.push((path.to_owned(), String::new())),
                None => all.last_mut().unwrap().1.push_str(line),
            }
        }
        all
    }

    fn found(text: &str) -> Vec<String> {
        let held = files(text);
        let all: Vec<_> = held
            .iter()
            .map(|(path, text)| File { path, bytes: text.as_bytes(), executable: false })
            .collect();
        scan(&all).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn each_rule_finds_its_own_text_and_leaves_what_looks_alike() {
        for rule in RULES {
            assert!(found(rule.bad).iter().any(|id| id == rule.id), "{}: {:?}", rule.id, found(rule.bad));
            assert!(
                !found(rule.alike).iter().any(|id| id == rule.id),
                "{}: {:?}",
                rule.id,
                found(rule.alike)
            );
        }
        let is = |rule: &&&super::Rule, text| found(text).iter().any(|id| id == rule.id);
        let missed: Vec<_> = RULES.iter().filter(|rule| !is(rule, rule.bad)).map(|rule| rule.id).collect();
        let wrong: Vec<_> = RULES.iter().filter(|rule| is(rule, rule.alike)).map(|rule| rule.id).collect();
        assert!(
            missed.is_empty() && wrong.is_empty(),
            "not found: {missed:?}, found in what looks alike: {wrong:?}"
        );
    }

    #[test]
    fn ids_are_in_order_and_stand_once() {
        assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
