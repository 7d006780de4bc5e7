//! `dep.undeclared`

use super::{Look, Rule, Weight};
use crate::model::finding::{Finding, Tier};
use crate::model::text;
use crate::policy::deps::collect::undeclared;
use crate::policy::review::File;

/// Most findings of one skill: a page that teaches an installer has hundreds.
const MOST: usize = 40;

/// The rule looks at all files at once, so none of the looks of a table fits: see [`add`].
pub(super) static RULE: Rule = Rule {
    id: "dep.undeclared",
    title: "installs what it does not declare",
    weight: Weight {
        run: Some(Tier::Warn),
        fence: Some(Tier::Note),
        inline: Some(Tier::Note),
        prose: Some(Tier::Note),
        file: None,
    },
    owasp: &["AST02", "AST04"],
    what: "A command in the text or in a script installs a package that neither the front matter nor a list of packages in the folder names.",
    why: "Whoever reads what a skill declares does not see it, and no gateway asks about it: it is installed when an agent comes to that line.",
    instead: "Declare it: an `install` entry in the front matter, or a list of packages with versions in the folder.",
    limits: "Packages that are fetched and started at each use, as by `npx`, and images of containers are not looked at. A declared name covers every command that installs it, whatever its version.",
    bad: "```sh\npip install requests\n```\n",
    alike: "```sh\npip install requests\n```\n\n=== requirements.txt ===\nrequests==2.32.5\n",
    look: Look::File(|_| Vec::new()),
};

/// Adds what is installed and not declared, each name once, in the order of findings.
pub(in super::super) fn add(files: &[File<'_>], all: &mut Vec<Finding>) {
    // Every command that installs is found by a rule of its own already.
    if !all.iter().any(|finding| finding.rule == "dep.installs") {
        return;
    }
    for one in undeclared(files).into_iter().take(MOST) {
        let Some(tier) = RULE.weight.of(one.context) else { continue };
        let (by, name) = (one.by, text::escape_short(&one.name, 80));
        all.push(Finding {
            rule: RULE.id.to_owned(),
            tier,
            context: one.context,
            path: one.path,
            place: one.place,
            message: format!("`{by}` installs `{name}`, which the skill does not declare"),
            reads_as: None,
        });
    }
    all.sort_by(|a, b| {
        (b.tier, &a.path, a.place.start, &a.rule).cmp(&(a.tier, &b.path, b.place.start, &b.rule))
    });
}
