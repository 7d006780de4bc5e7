//! The pages and schemas that are written by the code. Each test makes one
//! anew and compares it with the file; `UPDATE_REFERENCE=1` writes the file.

mod records;
pub(crate) mod scans;
mod schemas;

use skill_trust::model::card::{CardRule, NoteKind};
use skill_trust::model::code::{Code, Exit};
use skill_trust::model::limits::{Limits, Rule};
use skill_trust::model::path::NameFault;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Compares a generated text with its file, or writes it.
pub(crate) fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = || {
        let line = found.lines().zip(text.lines()).position(|(a, b)| a != b);
        let line = line.unwrap_or(found.lines().count().min(text.lines().count()));
        let at = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
        format!("line {}:\n  file: {}\n  code: {}", line + 1, at(&found), at(text))
    };
    assert!(
        found == text,
        "{path} is not what the code says, {}\nrun: UPDATE_REFERENCE=1 cargo test reference",
        differs()
    );
}

fn help(words: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_skills")).args(words).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{words:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    let first = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = first.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn section(words: &[&str], page: &mut String) {
    let text = help(words);
    let title = [&["skills"], words].concat().join(" ");
    let _ = write!(page, "\n{} {title}\n\n```text\n{text}\n```\n", "#".repeat(words.len().max(1) + 1));
    for command in commands(&text) {
        section(&[words, &[command.as_str()]].concat(), page);
    }
}

#[test]
fn the_command_line_page_is_the_programs_own_help() {
    let mut page = "# Command line\n\nThe help of every command, as the program prints it.\n".to_owned();
    section(&[], &mut page);
    check("docs/reference/cli.md", &page.replacen("\n## skills\n", "\n## All commands\n", 1));
}

#[test]
fn the_page_of_codes_is_complete() {
    let mut page = "# Codes\n\nEvery refusal and every failure has one of these codes, in answers, records and messages alike. They are never renamed.\n\n\
        ## Exit codes\n\n| exit | name | meaning |\n|---|---|---|\n"
        .to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | `{exit:?}` | {} |", *exit as u8, exit.summary());
    }
    page.push_str("\nA gateway takes 0 together with `decision: allow` for a yes, and all else for a no.\n\n## Codes\n\n| code | exit | meaning |\n|---|---|---|\n");
    for code in Code::ALL {
        let _ = writeln!(page, "| `{code}` | {} | {} |", code.exit() as u8, code.summary());
    }
    check("docs/reference/codes.md", &page);
}

#[test]
fn the_page_of_entry_rules_is_complete() {
    let limits = Limits::DEFAULT;
    let ceiling = Limits::CEILING;
    let mut page = "# What a skill may hold\n\nA folder that breaks one of these rules is refused before it is hashed; in a store or placement it is drift.\n\n\
        ## Entries\n\n| code | example of the message |\n|---|---|\n"
        .to_owned();
    for rule in Rule::examples() {
        let _ = writeln!(page, "| `{}` | {rule} |", rule.code());
    }
    page.push_str("\n## Names\n\n| code | message |\n|---|---|\n");
    for fault in NameFault::ALL {
        let _ = writeln!(page, "| `{}` | {fault} |", fault.code());
    }
    page.push_str("\n## Limits\n\n| limit | default | policy may raise it to |\n|---|---|---|\n");
    let rows = [
        ("files", limits.files, ceiling.files),
        ("bytes in all", limits.total, ceiling.total),
        ("bytes of one file", limits.file, ceiling.file),
        ("depth of folders", limits.depth as u64, ceiling.depth as u64),
        ("bytes of a path", limits.path as u64, ceiling.path as u64),
    ];
    for (what, default, most) in rows {
        let _ = writeln!(page, "| {what} | {default} | {most} |");
    }
    page.push_str("\n## The front matter of `SKILL.md`\n\nRefused:\n\n| code | what is the case | what its author should do |\n|---|---|---|\n");
    for rule in CardRule::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", rule.code(), rule.what(), rule.advice());
    }
    page.push_str(
        "\nTaken, and shown in the review:\n\n| code | what is the case | why it matters |\n|---|---|---|\n",
    );
    for kind in NoteKind::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", kind.code(), kind.what(), kind.advice());
    }
    check("docs/reference/entry-rules.md", &page);
}

#[test]
fn the_page_of_policy_keys_is_complete() {
    let mut page = "# Policy\n\nTwo files make the policy: `/etc/skill-trust/policy.toml`, the machine's, which wins, and `.config/skill-trust/policy.toml` below the account's home. \
        The account's can add rules and tighten them, and undo none. A file that cannot be read, that another account could change, or that holds anything not on this page denies everything: \
        a misspelt rule must not be no rule. `skills policy show` tells what is in force and which file says so; `skills policy check FILE` tries a file before it is one.\n\n\
        ## Keys\n\n| key | example | without it | what it does | in both files |\n|---|---|---|---|---|\n"
        .to_owned();
    for key in skill_trust::policy::config::KEYS {
        let short = match key.example {
            long if long.len() > 60 && long.starts_with('[') => "[\"sha256:…\"]",
            long if long.len() > 60 => "\"sha256:…\"",
            short => short,
        };
        let _ = writeln!(
            page,
            "| `{}` | `{short}` | {} | {} | {} |",
            key.name, key.default, key.about, key.several
        );
    }
    page.push_str(
        "\nThe part before the last dot is the table: `trust.note` is the line `note` below `[trust]`, `review.except.why` the line `why` below a `[[review.except]]`.\n\n\
        ## A fix that cannot wait\n\nWith `min-age` a new revision can be installed and read at once, and trusted or enabled only when this home has had it that long. \
        There is no option that goes round it. When a fix cannot wait, somebody reads it, and whoever may write the file that makes it wait adds its digest:\n\n\
        ```toml\n[trust]\nmin-age = \"3d\"\nearly = [\"sha256:…\"]  # all 64 digits\n```\n\n\
        Then `trust` and `enable` take these bytes and no others, and the record of the trust says that they came early. \
        The account's file cannot except from the machine's rule. Why it is so: [ADR 0021](../adr/0021-a-new-revision-waits-unless-its-digest-is-named.md).\n\n\
        ## What findings weigh\n\nEach rule says how much it weighs. A file may say otherwise, for every kind of text:\n\n\
        ```toml\n[review]\nseverity = { \"exec.fetch\" = \"block\", \"dep.global\" = \"note\" }\n\n\
        [[review.except]]\nrule = \"exec.decode\"\ndigest = \"sha256:…\"  # all 64 digits\nwhy = \"unpacks its own test data, read by two of us\"\nuntil = \"2027-01-31\"\n```\n\n\
        The account's file cannot make a rule weigh less than the machine's file says, nor except from that; a trust root's policy can only make rules heavier. \
        What a file lowers or excepts is still shown, with the file, in `review` and before the question of `trust`, of a set for each member too, and where nobody is asked. What the rule or a file makes CONFIRM or more is shown of every update, also where the revision trusted last had it: the policy of then may have made less of it. An exception is for exactly these bytes. \
        `policy show` and `policy check` name the exceptions that free from nothing, and refuse a rule that there is not. \
        A rule that is made heavier shows at the next `review`, `status NAME` and `trust`; what is trusted stays trusted. Why it is so: [ADR 0038](../adr/0038-what-is-found-is-decided-at-trust.md).\n",
    );
    check("docs/reference/policy.md", &page);
}

#[test]
fn no_entry_rule_is_left_out() {
    let arms = |text: &str| {
        text.lines().filter(|line| line.trim_start().starts_with("Self::") && line.contains("=> \"")).count()
    };
    let limits = include_str!("../../src/model/limits.rs");
    assert_eq!(arms(limits), Rule::examples().len(), "a rule of src/model/limits.rs is not on the page");
    let path = include_str!("../../src/model/path.rs");
    assert_eq!(arms(path), NameFault::ALL.len(), "a fault of src/model/path.rs is not on the page");
}

/// The first sentence of a file's own description.
fn about(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with("//! ")).map(|line| &line[4..]);
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    let end = paragraph.find(". ").unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches(['.', ':']).to_owned()
}

#[test]
fn the_code_map_has_every_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = "# Code map\n\nEvery source file, by what it says of itself. [Architecture](../ARCHITECTURE.md) tells how they fit together.\n".to_owned();
    let mut folder = String::new();
    let mut files: Vec<_> =
        ["src", "tests/it"].into_iter().flat_map(|top| crate::readme::files(top, &[".rs"])).collect();
    files.sort_by_key(|path| (path.parent().map(Path::to_owned), path.clone()));
    for path in files.iter().filter(|path| !path.ends_with("tests.rs")) {
        let short = path.strip_prefix(root).unwrap();
        let here = short.parent().unwrap().display().to_string();
        if here != folder {
            let _ = write!(page, "\n## {here}\n\n| file | what it is |\n|---|---|\n");
            folder = here;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let said = about(&text);
        assert!(!said.is_empty(), "{} begins without a line that says what it is", short.display());
        let _ = writeln!(page, "| `{}` | {said} |", short.file_name().unwrap().to_str().unwrap());
    }
    check("docs/reference/code-map.md", &page);
}
