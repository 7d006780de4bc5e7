//! The table of screens. A new command or question gets a line here.

/// One command as a person runs it.
pub(super) struct Screen {
    /// For messages and files; unique.
    pub(super) name: &'static str,
    /// The condition of the home, of [`super::stage::STAGES`].
    pub(super) stage: &'static str,
    /// Arguments; `{old}`, `{oldrev}`, `{new}`, `{newrev}`, `{hostile}`, `{top}` and `{long}` are filled in.
    pub(super) args: &'static [&'static str],
    /// When this is on the screen, that is typed.
    pub(super) answers: &'static [(&'static str, &'static str)],
    /// The exit code.
    pub(super) exit: i32,
    /// What a person copies: whole, on one line.
    pub(super) copy: &'static [&'static str],
    /// Beginnings of what is copied and is longer than a row.
    pub(super) whole: &'static [&'static str],
    /// What is on the screen, too short to be broken.
    pub(super) says: &'static [&'static str],
    /// The account's home below the sandbox, if it is not the tester's own.
    pub(super) account: Option<&'static str>,
}

impl Screen {
    const fn new(name: &'static str, stage: &'static str, args: &'static [&'static str]) -> Self {
        Self { name, stage, args, answers: &[], exit: 0, copy: &[], whole: &[], says: &[], account: None }
    }

    const fn exit(mut self, exit: i32) -> Self {
        self.exit = exit;
        self
    }

    const fn copy(mut self, copy: &'static [&'static str]) -> Self {
        self.copy = copy;
        self
    }

    const fn whole(mut self, whole: &'static [&'static str]) -> Self {
        self.whole = whole;
        self
    }

    const fn says(mut self, says: &'static [&'static str]) -> Self {
        self.says = says;
        self
    }

    const fn answers(mut self, answers: &'static [(&'static str, &'static str)]) -> Self {
        self.answers = answers;
        self
    }

    const fn account(self) -> Self {
        self.home("account")
    }

    const fn home(mut self, home: &'static str) -> Self {
        self.account = Some(home);
        self
    }
}

/// A screen by its name, the home's condition, and the arguments.
const fn screen(name: &'static str, stage: &'static str, args: &'static [&'static str]) -> Screen {
    Screen::new(name, stage, args)
}

/// Every screen.
pub(super) const SCREENS: &[Screen] = &[
    screen("status-bare", "none", &[])
        .account()
        .says(&["Loaded by agents, managed by nobody", "~/.claude/skills"]),
    screen("status-bare-verbose", "none", &["status", "-v"]).account(),
    screen("status-installed", "installed", &["status"]).says(&["hostile", "not trusted yet"]),
    screen("status-enabled", "enabled", &["status"]).says(&["enabled"]),
    screen("status-update", "update", &["status"]).copy(&["skills review {newrev}"]),
    screen("status-drifted", "drifted", &["status"]).copy(&["skills verify {oldrev}"]),
    screen("status-held", "held", &["status"]).copy(&["skills release pdf-forms"]),
    screen("status-killed", "killed", &["status"]).copy(&["skills release --all"]),
    screen("status-damaged", "damaged", &["status"]).exit(7),
    screen("status-one", "enabled", &["status", "pdf-forms", "-v", "--history"]).copy(&["{old}"]),
    screen("status-one-drifted", "drifted", &["status", "pdf-forms"])
        .copy(&["{old}", "skills verify {oldrev}"]),
    screen("status-one-hostile", "trusted", &["status", "hostile", "-v"]).copy(&["{hostile}"]),
    screen("adopt-dry-run", "none", &["adopt", "--all", "--dry-run"]).account().exit(3),
    screen("adopt", "none", &["adopt", "--all"]).account().exit(3),
    screen("repair-dry-run", "drifted", &["repair", "pdf-forms", "--dry-run"]).copy(&["{old}"]),
    screen("repair-no", "drifted", &["repair", "pdf-forms"]).answers(&[("to trust", "\r")]).exit(1),
    screen("enable-over-no", "trusted", &["enable", "pdf-forms", "--dir", "{top}/sources"])
        .answers(&[("[y/N]", "\r")])
        .exit(1),
    screen("enable-as-before-nothing", "enabled", &["enable", "--as-before"]).exit(2),
    screen("kill-drill", "enabled", &["kill", "--drill"]),
    screen("kill-unmanaged", "enabled", &["kill", "--all", "--unmanaged", "--dry-run"]).account(),
    screen("uninstall-dry-run", "enabled", &["uninstall", "--remove", "--dry-run"]),
    screen("uninstall-no", "enabled", &["uninstall", "--hand-over"]).answers(&[("to do it", "\r")]).exit(1),
    screen("install-list", "none", &["install", "{top}/sources/bad", "--list"]),
    screen("install", "none", &["install", "{top}/sources/pdf-forms"])
        .answers(&[("now?", "\r")])
        .copy(&["{new}", "skills review {newrev}"]),
    screen("install-nobody", "none", &["install", "{top}/sources/pdf-forms", "--no-input"])
        .copy(&["{new}", "skills review {newrev}"]),
    screen("install-many", "none", &["install", "{top}/sources", "--all"]).answers(&[("now?", "\r")]).exit(3),
    screen("install-look-alike", "none", &["install", "{top}/sources/bad", "--skill", "p\u{430}ypal"])
        .answers(&[("now?", "\r")]),
    screen("install-bad-card", "none", &["install", "{top}/sources/bad-card"]).exit(3),
    screen("review-first", "installed", &["review", "pdf-forms"]).copy(&["{old}", "skills trust {oldrev}"]),
    screen("review-hostile", "installed", &["review", "hostile", "--no-pager"]).copy(&["{hostile}"]),
    screen("scan-hostile", "installed", &["scan", "hostile", "--min", "note", "--no-pager"])
        .copy(&["{hostile}"]),
    screen("scan-folder", "none", &["scan", "{top}/sources", "--min", "note", "--no-pager"]).exit(10),
    screen("scan-nothing", "none", &["scan", "{top}/work"]).exit(2).says(&["`SKILL.md`"]),
    screen("scan-hidden", "none", &["scan", "./e\u{1b}]0;EVIL\u{7}"]).exit(2),
    screen("explain", "none", &["explain", "exec.fetch"]).says(&["weighs", "instead"]),
    screen("explain-all", "none", &["explain", "--no-pager"]).copy(&["skills explain ID"]),
    screen("explain-unknown", "none", &["explain", "exec.fetsh"])
        .exit(2)
        .copy(&["skills explain exec.fetch"]),
    screen("review-files", "installed", &["review", "hostile", "--files", "--no-pager"]),
    screen("review-file", "installed", &["review", "hostile", "--file", "evil.txt", "--no-pager"]),
    screen("review-no-file", "installed", &["review", "hostile", "--file", "e\u{1b}]0;EVIL\u{7}"]).exit(2),
    screen("review-update", "update", &["review", "{newrev}", "--no-pager"])
        .copy(&["{new}", "skills trust {newrev}"])
        .says(&["new: runs commands by itself: SKILL.md", "new: executable: scripts/run.sh"]),
    screen("review-updates", "update", &["review", "--updates", "--no-pager"]).copy(&["{new}"]),
    screen("review-beside", "update", &["review", "{newrev}", "--side-by-side", "--no-pager"])
        .copy(&["{new}"]),
    screen("review-several", "installed", &["review", "pdf-forms", "{long}", "--no-pager"])
        .copy(&["skills trust pdf-forms {long}"]),
    screen("diff", "update", &["diff", "{oldrev}", "{newrev}", "--no-pager"]).copy(&["{new}"]),
    screen("trust-yes", "installed", &["trust", "pdf-forms"])
        .answers(&[("to trust", "pdf-forms\r")])
        .copy(&["{old}", "skills enable pdf-forms --agent claude-code"]),
    screen("trust-blocked", "blocked", &["trust", "blob"]).exit(3).says(&["exec.decode", "--despite"]),
    screen(
        "trust-despite-no",
        "blocked",
        &["trust", "blob", "--despite", "exec.decode", "--despite", "hide.command", "--note", "x"],
    )
    .answers(&[("12 hex digits", "blob\r")])
    .exit(1)
    .says(&["BLOCK", "override"]),
    screen("review-blocked", "blocked", &["review", "blob", "--no-pager"])
        .says(&["Not to be trusted as it is"]),
    screen("install-blocked", "none", &["install", "{top}/sources/blob"])
        .answers(&[("now?", "\r")])
        .says(&["found    2 BLOCK"]),
    screen("status-override", "overridden", &["status"]).says(&["OVERRIDE"]),
    screen("status-one-override", "overridden", &["status", "blob"]).says(&["despite BLOCK by exec.decode"]),
    screen("trust-no", "installed", &["trust", "{long}"]).answers(&[("to trust", "y\r")]).exit(1),
    screen("trust-update", "update", &["trust", "{newrev}"])
        .answers(&[("to trust", "\r")])
        .exit(1)
        .copy(&["{new}"]),
    screen("trust-set", "installed", &["trust", "pdf-forms", "{long}"])
        .answers(&[("to trust", "no\r")])
        .exit(1),
    screen("trust-set-alone", "installed", &["trust", "pdf-forms", "hostile", "--dry-run"]),
    screen("trust-nobody", "installed", &["trust", "pdf-forms", "--no-input"]).exit(4).copy(&["{old}"]),
    screen("untrust", "enabled", &["untrust", "pdf-forms"]),
    screen("enable", "trusted", &["enable", "pdf-forms", "--dir", "{top}/a"]),
    screen("enable-no-place", "trusted", &["enable", "pdf-forms"]).exit(2),
    screen("enable-not-trusted", "installed", &["enable", "pdf-forms", "--dir", "{top}/a"]).exit(3),
    screen("disable", "enabled", &["disable", "pdf-forms"]),
    screen("update", "update", &["update"]),
    screen("remove", "trusted", &["remove", "pdf-forms"]),
    screen("remove-enabled", "enabled", &["remove", "pdf-forms"]).exit(3).copy(&["skills disable {oldrev}"]),
    screen("kill-all", "enabled", &["kill", "--all"]).account().copy(&["skills release --all"]),
    screen("kill-one", "enabled", &["kill", "pdf-forms"]).copy(&["skills release pdf-forms"]),
    screen("kill-refused", "damaged", &["kill", "hostile"]).exit(1).says(&["NOT KILLED"]),
    screen("kill-nothing", "enabled", &["kill", "no-such-skill"]),
    screen("release-yes", "killed", &["release", "--all"]).answers(&[("to lift it", "release epoch 1\r")]),
    screen("release-no", "killed", &["release", "--all"]).answers(&[("to lift it", "y\r")]).exit(1),
    screen("verify", "enabled", &["verify"]),
    screen("verify-drifted", "drifted", &["verify"]).exit(5),
    screen("verify-damaged", "damaged", &["verify"]).exit(7),
    screen("verify-folder", "none", &["verify", "{top}/sources/bad", "-v"]).exit(5),
    screen("verify-hostile", "installed", &["verify", "{top}/sources/hostile"]).copy(&["{hostile}"]),
    screen("audit-show", "killed", &["audit", "show"]),
    screen("audit-verify", "killed", &["audit", "verify"]),
    screen("audit-verify-damaged", "damaged", &["audit", "verify"]).exit(7),
    screen("audit-checkpoint", "enabled", &["audit", "checkpoint"]).account().whole(&["skill-trust/"]),
    screen("doctor", "enabled", &["doctor"]),
    screen("doctor-none", "none", &["doctor"]),
    screen("doctor-damaged", "damaged", &["doctor"]).exit(7),
    screen("usage-none", "none", &["--no-such-flag"]).exit(2),
    screen("usage-hostile", "none", &["review", "--\u{1b}]0;EVIL\u{7}\u{202e}"]).exit(2),
    screen("usage-name", "installed", &["review", "no\u{1b}]52;c;RVZJTA==\u{7} such"]).exit(2),
    screen("usage-digest", "installed", &["trust", "pdf-forms", "--digest", "sha256:00"]).exit(2),
    screen("unknown", "installed", &["review", "no-such-skill"]).exit(3),
    screen("policy-denies", "none", &["install", "{top}/sources/pdf-forms"]).home("strict").exit(3),
    screen("policy-broken", "enabled", &["enable", "pdf-forms", "--dir", "{top}/b"]).home("broken").exit(3),
    screen("policy-broken-status", "enabled", &["status", "pdf-forms"]).home("broken").exit(3),
    screen("policy-doctor", "enabled", &["doctor"]).home("broken").exit(1),
    screen("gate", "enabled", &["gate", "pdf-forms"]),
    screen("gate-denied", "drifted", &["gate", "pdf-forms"]).exit(5),
    screen("gate-unknown", "enabled", &["gate", "no\u{1b}]0;EVIL\u{7}\u{202e}"]).exit(2),
    screen("gate-usage", "enabled", &["gate", "--no-such\u{1b}]0;EVIL\u{7}"]).exit(2),
    screen("install-git", "none", &["install", "file://{top}/sources/repo"])
        .answers(&[("now?", "\r")])
        .copy(&["skills review from-git@"]),
    screen("help", "none", &["--help"]),
    screen("help-review", "none", &["review", "--help"]),
];
