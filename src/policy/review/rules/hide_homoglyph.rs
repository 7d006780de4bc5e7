//! `hide.homoglyph`

use super::super::page::{CommandWord, Hit, Page};
use super::super::shell::known;
use super::address::addresses;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text::{self, is_lookalike};
use crate::policy::alike::skeleton;

pub(super) static RULE: Rule = Rule {
    id: "hide.homoglyph",
    title: "a name with letters of another script that look the same",
    weight: Weight::of_commands(Tier::Block, Tier::Confirm, Some(Tier::Confirm)),
    owasp: &["AST01", "AST04"],
    what: "The name of a command, a host, or the ending of a file, in which Latin letters stand beside Cyrillic or Greek ones that look like Latin, or which is a known command's name in such letters.",
    why: "It reads as one name and is another: another program, another host.",
    instead: "Write it in one script.",
    limits: "Names and sentences in Russian, Greek or any other language are left alone, and so are words that mix scripts elsewhere than in a command, a host or an ending.",
    bad: "```sh\n\u{441}url -o x https://example.com/x\n```\n",
    alike: "Запусти `curl` и прочти https://пример.рф/страница.\n\n```sh\n# Привет, мир\necho \"файл\" > отчёт.txt\n```\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    if page.text.is_ascii() || !page.text.chars().any(odd) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for one in addresses(page.text).iter().filter(|one| one.host.split('.').any(is_mixed)) {
        let tier = if page.is_code(one.start) { Tier::Block } else { Tier::Confirm };
        let told = format!("the host `{}` mixes scripts so that it reads as Latin", text::reveal(one.host));
        all.push(Hit::new(one.start, one.start + one.text.len(), tier, told));
    }
    for word in page.commands() {
        let CommandWord { span, first } = *word;
        let Some(whole) =
            page.text.get(span.start..span.end).filter(|text| text.len() < 1024 && text.contains(odd))
        else {
            continue;
        };
        let name = whole.trim_matches(['"', '\'']).rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        if first && (is_mixed(name) || is_command_in_disguise(name)) {
            let told = format!("the command `{}` reads as Latin and is not", text::reveal(name));
            all.push(Hit::new(span.start, span.end, Tier::Block, told));
        } else if ending.is_some_and(is_mixed) {
            let told =
                format!("the ending of `{}` mixes scripts so that it reads as Latin", text::reveal(name));
            all.push(Hit::new(span.start, span.end, Tier::Confirm, told));
        }
    }
    all
}

/// A letter that passes for a Latin one, full-width forms included.
const fn odd(c: char) -> bool {
    is_lookalike(c) || matches!(c, '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

/// Whether a name has Latin letters, and others that all look Latin.
fn is_mixed(name: &str) -> bool {
    name.contains(odd) && name.bytes().any(|byte| byte.is_ascii_alphabetic()) && skeleton(name).is_ascii()
}

/// Whether a name without Latin letters looks like that of a program of weight.
fn is_command_in_disguise(name: &str) -> bool {
    let looks = skeleton(name);
    name.contains(odd) && looks.is_ascii() && known::PATTERNED.iter().any(|known| skeleton(known) == looks)
}
