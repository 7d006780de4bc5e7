//! The agents we know: where each looks for skills. Data, not code; a new
//! agent is a new row. See the agents' own documentation for each folder.

/// An agent program that loads skills from folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// What `--agent` takes.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where we place skills for it, below the account's home.
    pub place: &'static str,
    /// Every folder below the account's home that it reads skills from.
    pub reads: &'static [&'static str],
    /// Where we place skills for it in a project, below the project's root.
    pub project: &'static str,
    /// Every folder below a project's root that it reads skills from.
    pub project_reads: &'static [&'static str],
    /// How a person switches one skill off in the agent itself.
    pub switch_off: &'static str,
    /// Environment variables it sets for the commands it runs.
    pub marks: &'static [&'static str],
}

/// All known agents.
pub const AGENTS: &[Agent] = &[
    Agent {
        id: "claude-code",
        title: "Claude Code",
        place: ".claude/skills",
        reads: &[".claude/skills"],
        project: ".claude/skills",
        project_reads: &[".claude/skills"],
        switch_off: "in its settings.json: \"skillOverrides\": { \"NAME\": \"off\" }",
        marks: &["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT"],
    },
    Agent {
        id: "codex",
        title: "Codex",
        place: ".agents/skills",
        reads: &[".agents/skills", ".codex/skills"],
        project: ".agents/skills",
        project_reads: &[".agents/skills"],
        switch_off: "in its config.toml: [[skills.config]] with the skill's path and enabled = false",
        marks: &["CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_THREAD_ID"],
    },
    Agent {
        id: "moltis",
        title: "Moltis",
        place: ".moltis/skills",
        reads: &[".moltis/skills", ".moltis/installed-skills"],
        project: ".moltis/skills",
        project_reads: &[".moltis/skills", "skills"],
        switch_off: "on its Skills page, or by the call skills.skill.disable",
        marks: &["MOLTIS_SESSION_KEY", "MOLTIS_SESSION_ID"],
    },
    Agent {
        id: "gemini",
        title: "Gemini CLI",
        place: ".gemini/skills",
        reads: &[".gemini/skills", ".agents/skills"],
        project: ".gemini/skills",
        project_reads: &[".gemini/skills", ".agents/skills"],
        switch_off: "gemini skills disable NAME",
        marks: &["GEMINI_CLI"],
    },
    Agent {
        id: "cursor",
        title: "Cursor",
        place: ".cursor/skills",
        reads: &[".cursor/skills"],
        project: ".cursor/skills",
        project_reads: &[".cursor/skills", ".agents/skills"],
        switch_off: "no switch of its own: the folder has to go",
        marks: &["CURSOR_AGENT", "CURSOR_TRACE_ID"],
    },
    Agent {
        id: "copilot",
        title: "Copilot",
        place: ".copilot/skills",
        reads: &[".copilot/skills", ".agents/skills", ".claude/skills"],
        project: ".github/skills",
        project_reads: &[".github/skills", ".claude/skills", ".agents/skills"],
        switch_off: "no lasting switch of its own: the folder has to go",
        marks: &["COPILOT_CLI", "COPILOT_AGENT"],
    },
    Agent {
        id: "opencode",
        title: "OpenCode",
        place: ".config/opencode/skills",
        reads: &[".config/opencode/skills", ".claude/skills", ".agents/skills"],
        project: ".opencode/skills",
        project_reads: &[".opencode/skills", ".claude/skills", ".agents/skills"],
        switch_off: "in its opencode.json: \"permission\": { \"skill\": { \"NAME\": \"deny\" } }",
        marks: &["OPENCODE", "OPENCODE_CLIENT"],
    },
    Agent {
        id: "goose",
        title: "Goose",
        place: ".config/goose/skills",
        reads: &[".config/goose/skills", ".config/agents/skills", ".claude/skills"],
        project: ".goose/skills",
        project_reads: &[".goose/skills", ".claude/skills", ".agents/skills"],
        switch_off: "only all at once: its Skills extension",
        marks: &["GOOSE_TERMINAL", "GOOSE_SESSION_ID"],
    },
    Agent {
        id: "openclaw",
        title: "OpenClaw",
        place: ".openclaw/skills",
        reads: &[".openclaw/skills", ".agents/skills"],
        project: ".agents/skills",
        project_reads: &["skills", ".agents/skills"],
        switch_off: "in its openclaw.json: \"skills\": { \"entries\": { \"NAME\": { \"enabled\": false } } }",
        marks: &["OPENCLAW_SESSION", "OPENCLAW_SHELL"],
    },
];

/// Variables that several agents share.
pub const SHARED_MARKS: &[&str] = &["AI_AGENT", "AGENT"];

/// The agent of that id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Agent> {
    AGENTS.iter().find(|agent| agent.id == id)
}

/// Every agent that reads a folder below the account's home, or one inside it.
pub fn readers(folder: &str) -> impl Iterator<Item = &'static Agent> {
    AGENTS.iter().filter(move |agent| agent.reads.contains(&folder))
}

/// Every agent that reads a folder below a project's root.
pub fn project_readers(folder: &str) -> impl Iterator<Item = &'static Agent> {
    AGENTS.iter().filter(move |agent| agent.project_reads.contains(&folder))
}

/// Every folder below the account's home that some agent reads, once each.
#[must_use]
pub fn folders() -> Vec<&'static str> {
    let mut all: Vec<_> = AGENTS.iter().flat_map(|agent| agent.reads).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_reads_where_we_place_for_it() {
        for agent in AGENTS {
            assert!(agent.reads.contains(&agent.place), "{}", agent.id);
            assert!(agent.project_reads.contains(&agent.project), "{}", agent.id);
        }
        let ids: Vec<_> = readers(".claude/skills").map(|agent| agent.id).collect();
        assert_eq!(ids, ["claude-code", "copilot", "opencode", "goose"]);
        let ids: Vec<_> = project_readers(".github/skills").map(|agent| agent.id).collect();
        assert_eq!(ids, ["copilot"]);
    }

    #[test]
    fn ids_and_folders_are_plain_and_ids_unique() {
        let mut ids: Vec<_> = AGENTS.iter().map(|agent| agent.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), AGENTS.len());
        for folder in AGENTS.iter().flat_map(|agent| agent.reads.iter().chain(agent.project_reads)) {
            let part = |part: &str| !part.is_empty() && part != "." && part != "..";
            assert!(folder.split('/').all(part), "{folder}");
        }
    }
}
