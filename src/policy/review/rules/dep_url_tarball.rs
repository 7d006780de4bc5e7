//! `dep.url-tarball`

use super::argv;
use super::install::install;
use super::{Look, Rule, Weight};
use crate::model::finding::Tier;

pub(super) static RULE: Rule = Rule {
    id: "dep.url-tarball",
    title: "installs a package from an address",
    weight: Weight::of_commands(Tier::Confirm, Tier::Warn, None),
    owasp: &["AST02"],
    what: "A package manager is given the address of an archive instead of a name.",
    why: "No index knows that file: nothing says that it is the one its author meant, and it may be another one tomorrow.",
    instead: "Install it by name and version from the public index.",
    limits: "Files that lie in the project are left alone. Repositories are `dep.git-moving`.",
    bad: "```sh\nnpm install https://packages.example.com/helper-1.0.0.tgz\n```\n",
    alike: "```sh\nnpm install helper@1.0.0\npip install ./dist/helper-1.0.0.tar.gz\n```\n",
    look: Look::Event(|event, _| {
        let all = install(event)?;
        let ends = |text: &str| {
            let path = text.split(['?', '#']).next().unwrap_or_default();
            [".tgz", ".tar.gz", ".zip", ".whl", ".tar.bz2", ".deb", ".rpm", ".gem", ".pkg", ".rb"]
                .iter()
                .any(|end| path.ends_with(end))
        };
        let url = all
            .packages()
            .into_iter()
            .find(|text| text.contains("://") && !text.starts_with("git+") && ends(text))?;
        Some(format!("`{}` installs `{}`", argv::shown(all.manager), argv::shown(url)))
    }),
};
