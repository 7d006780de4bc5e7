//! The agents we know: where each looks for skills. Data, not code; a new
//! agent is a new row. See the agents' own documentation for each folder.

/// An agent program that loads skills from folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// What `--agent` takes.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where we place skills for it, below the account's home; none if we do
    /// not place for it yet.
    pub place: Option<&'static str>,
    /// Every folder below the account's home that it reads skills from.
    pub reads: &'static [&'static str],
    /// Environment variables it sets for the commands it runs.
    pub marks: &'static [&'static str],
}

/// All known agents.
pub const AGENTS: &[Agent] = &[
    Agent {
        id: "claude-code",
        title: "Claude Code",
        place: Some(".claude/skills"),
        reads: &[".claude/skills"],
        marks: &["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT"],
    },
    Agent {
        id: "codex",
        title: "Codex",
        place: Some(".agents/skills"),
        reads: &[".agents/skills", ".codex/skills"],
        marks: &["CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_THREAD_ID"],
    },
    Agent {
        id: "moltis",
        title: "Moltis",
        place: Some(".moltis/skills"),
        reads: &[".moltis/skills", ".moltis/installed-skills"],
        marks: &["MOLTIS_SESSION_KEY", "MOLTIS_SESSION_ID"],
    },
    Agent {
        id: "gemini",
        title: "Gemini CLI",
        place: None,
        reads: &[".gemini/skills", ".agents/skills"],
        marks: &["GEMINI_CLI"],
    },
    Agent {
        id: "cursor",
        title: "Cursor",
        place: None,
        reads: &[".cursor/skills"],
        marks: &["CURSOR_AGENT", "CURSOR_TRACE_ID"],
    },
    Agent {
        id: "copilot",
        title: "Copilot",
        place: None,
        reads: &[".copilot/skills", ".agents/skills", ".claude/skills"],
        marks: &["COPILOT_CLI", "COPILOT_AGENT"],
    },
    Agent {
        id: "opencode",
        title: "OpenCode",
        place: None,
        reads: &[".config/opencode/skills", ".claude/skills", ".agents/skills"],
        marks: &["OPENCODE", "OPENCODE_CLIENT"],
    },
    Agent {
        id: "goose",
        title: "Goose",
        place: None,
        reads: &[".config/goose/skills", ".config/agents/skills", ".claude/skills"],
        marks: &["GOOSE_TERMINAL", "GOOSE_SESSION_ID"],
    },
    Agent {
        id: "openclaw",
        title: "OpenClaw",
        place: None,
        reads: &[".openclaw/skills", ".agents/skills"],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_reads_where_we_place_for_it() {
        for agent in AGENTS {
            if let Some(place) = agent.place {
                assert!(agent.reads.contains(&place), "{}", agent.id);
            }
        }
        let ids: Vec<_> = readers(".claude/skills").map(|agent| agent.id).collect();
        assert_eq!(ids, ["claude-code", "copilot", "opencode", "goose"]);
    }
}
