//! `hide.command`

use super::super::shell::machine::Event;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

/// Programs whose names somebody may want to hide.
const SOUGHT: &[&str] = &[
    "bash",
    "sh",
    "zsh",
    "curl",
    "wget",
    "base64",
    "eval",
    "python3",
    "python",
    "perl",
    "nc",
    "ncat",
    "powershell",
    "openssl",
    "xxd",
];

pub(super) static RULE: Rule = Rule {
    id: "hide.command",
    title: "a command's name is put together so that it cannot be read",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, None),
    owasp: &["AST01"],
    what: "The name of a downloader, a decoder or an interpreter comes out of quotes, variables, patterns or escapes inside of it, and stands nowhere in the text.",
    why: "Only who wants to pass a filter writes `c''url`.",
    instead: "Write the name.",
    limits: "A name that stands in any command or code before it, as in `SHELL_CMD=bash`, is not hidden.",
    bad: "```sh\na=cu; b=rl; $a$b -o x https://example.com/x\n```\n",
    alike: "```sh\nCURL=curl\n$CURL -o x https://example.com/x\n\"bash\" ./x.sh --name=\"a\"\"b\"\n```\n",
    look: Look::Event(|event, around| match event {
        Event::Call { name, .. }
            if SOUGHT.contains(&name.as_str())
                && !around.words.contains(name)
                && !is_own_shell(name, around.text) =>
        {
            Some(format!("calls `{name}`, whose name stands nowhere"))
        }
        _ => None,
    }),
};

/// `exec $SHELL`, `$0`: the shell that people have, under the name that shells give it.
fn is_own_shell(name: &str, text: &str) -> bool {
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    name == "bash" && any(&["$SHELL", "${SHELL}"]) || name == "sh" && any(&["$0", "${0}"])
}
