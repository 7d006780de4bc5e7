//! `dep.git-moving`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.git-moving",
    title: "installs whatever a branch holds at that moment",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST02", "AST07"],
    what: "A package manager installs from a repository, and no commit or tag is named.",
    why: "Whoever can push there decides what is installed, each time anew.",
    instead: "Name the full commit, or install a released version.",
    limits: "A tag is taken for a fixed version, though it can be moved. What is cloned and built by hand is not seen.",
    bad: "```sh\npip install git+https://github.com/example/helper\n```\n",
    alike: "```sh\npip install git+https://github.com/example/helper@v1.2.3\nnpm install helper@1.2.3\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event)?;
        let cargo = (all.kind == "cargo"
            && !all.args.iter().any(|word| word.text.starts_with("--rev") || word.text.starts_with("--tag")))
        .then(|| all.option(&["--git"]))
        .flatten();
        let moving = cargo.or_else(|| {
            all.packages().into_iter().chain(all.option(&["-e", "--editable"])).find(|text| moves(text))
        })?;
        Some(format!("`{}` installs `{}`", argv::shown(all.manager), argv::shown(moving)))
    }),
};

const BRANCHES: &[&str] = &["main", "master", "HEAD", "develop", "dev", "trunk", "next"];

/// Whether it names a repository and no commit or tag of it.
fn moves(text: &str) -> bool {
    let go = text
        .split_once('@')
        .is_some_and(|(path, at)| path.contains('/') && path.contains('.') && BRANCHES.contains(&at));
    let Some(rest) = ["git+", "github:", "gitlab:", "git://"]
        .iter()
        .find_map(|head| text.split_once(head).map(|(_, rest)| rest))
    else {
        return go && !text.contains("://");
    };
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let path = rest.split_once('/').map_or(rest, |(_, path)| path);
    let fixed = path
        .split_once('@')
        .or_else(|| path.split_once('#'))
        .map(|(_, at)| at.split(['#', '&']).next().unwrap_or_default());
    fixed.is_none_or(|at| {
        at.is_empty() || BRANCHES.contains(&at) || at.starts_with("egg=") || at.starts_with("subdirectory=")
    })
}
