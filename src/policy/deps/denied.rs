//! What is refused unless a person allows it by name, as data.
//!
//! A kind that may be allowed has an argument vector: allowing it makes a step
//! whose risk is told. The others never become a step, whoever asks: a line for
//! a shell, a download that is run, a value that an installer might read as
//! something else. Those are for a person to read and to do by hand.

use crate::model::dependency::Scope;

/// A kind of thing that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Denied {
    /// Its name.
    pub scope: Scope,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Why it is refused.
    pub why: &'static str,
}

/// All of them.
pub const DENIED: &[Denied] = &[
    Denied {
        scope: Scope::Url,
        title: "a file at an address",
        why: "no registry stands behind it: whoever holds the address decides what comes, today and tomorrow",
    },
    Denied {
        scope: Scope::Git,
        title: "a repository",
        why: "no registry stands behind it: whoever holds the repository decides what comes, and it is built here",
    },
    Denied {
        scope: Scope::Index,
        title: "another index or registry",
        why: "whoever runs it decides what every name means, also names that the public one has",
    },
    Denied {
        scope: Scope::Tap,
        title: "a tap that somebody keeps by himself",
        why: "nobody but its owner looks at what a formula of it does",
    },
    Denied {
        scope: Scope::Scripts,
        title: "scripts of packages",
        why: "every package of the whole tree could run programs while it is installed",
    },
    Denied {
        scope: Scope::Build,
        title: "building from source",
        why: "the package runs programs of its own while it is built",
    },
    Denied {
        scope: Scope::Root,
        title: "the rights of root",
        why: "what runs while it is installed could change everything on this machine",
    },
    Denied {
        scope: Scope::System,
        title: "changing the system's own packages",
        why: "it overrules the guard that keeps installers away from what belongs to the system",
    },
    Denied {
        scope: Scope::Shell,
        title: "a command in the author's own words",
        why: "it is never run: read it, and run it by hand if you want it",
    },
    Denied {
        scope: Scope::Fetch,
        title: "a download that is run",
        why: "what is run is decided by the far end at that moment: fetch it, read it, then run it by hand",
    },
    Denied {
        scope: Scope::Download,
        title: "a download",
        why: "a download has no registry behind it: fetch it by hand, and compare its digest",
    },
    Denied {
        scope: Scope::Path,
        title: "a folder or file of this machine",
        why: "nothing says what lies there when it is installed",
    },
    Denied {
        scope: Scope::Value,
        title: "not surely a name or a version",
        why: "an installer might read an option, an address or a second package in it",
    },
    Denied {
        scope: Scope::Option,
        title: "an option that nothing is known of",
        why: "options change what an installer does; only those of the plan's own form are given",
    },
    Denied {
        scope: Scope::Kind,
        title: "an installer that nothing is known of",
        why: "there is no form for its arguments",
    },
    Denied { scope: Scope::Unreadable, title: "cannot be read", why: "what is asked for there is not known" },
    Denied { scope: Scope::Many, title: "more than a plan holds", why: "nobody reads that many" },
];

/// What is said of a kind.
#[must_use]
pub fn of(scope: Scope) -> &'static Denied {
    DENIED.iter().find(|one| one.scope == scope).unwrap_or(&DENIED[0])
}

/// Words of an entry that lead elsewhere than to an installer's own packages.
pub(super) const WORDS: &[(&str, Scope)] = &[
    ("git", Scope::Git),
    ("repo", Scope::Git),
    ("repository", Scope::Git),
    ("url", Scope::Url),
    ("registry", Scope::Index),
    ("index", Scope::Index),
    ("index-url", Scope::Index),
    ("extra-index-url", Scope::Index),
    ("find-links", Scope::Index),
    ("tap", Scope::Tap),
    ("scripts", Scope::Scripts),
    ("build", Scope::Build),
    ("sudo", Scope::Root),
    ("system", Scope::System),
    ("command", Scope::Shell),
    ("cmd", Scope::Shell),
    ("run", Scope::Shell),
    ("script", Scope::Shell),
    ("shell", Scope::Shell),
    ("path", Scope::Path),
    ("dest", Scope::Path),
    ("args", Scope::Option),
    ("flags", Scope::Option),
    ("options", Scope::Option),
    ("option", Scope::Option),
];

/// Managers that are known, and have no form for their arguments here. What
/// `composer` and `helm` install is a project's or a cluster's, not a machine's.
pub(super) const OTHERS: &[&str] = &[
    "dnf",
    "yum",
    "zypper",
    "snap",
    "port",
    "pkg",
    "opkg",
    "apk",
    "winget",
    "choco",
    "scoop",
    "flatpak",
    "pacman",
    "yay",
    "paru",
    "dotnet",
    "nix-env",
    "nix",
    "vcpkg",
    "conan",
    "luarocks",
    "opam",
    "cabal",
    "stack",
    "mix",
    "mise",
    "asdf",
    "sdk",
    "conda",
    "mamba",
    "docker",
    "docker-compose",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_a_reason_and_a_name_of_its_own() {
        for scope in Scope::ALL {
            assert_eq!(DENIED.iter().filter(|one| one.scope == *scope).count(), 1, "{scope:?}");
            assert_eq!(of(*scope).scope, *scope);
            assert_eq!(Scope::of(scope.name()), Some(*scope));
        }
        assert_eq!(Scope::of("dep.everything"), None);
    }

    #[test]
    fn what_has_no_arguments_can_never_be_allowed() {
        for scope in [
            Scope::Shell,
            Scope::Fetch,
            Scope::Download,
            Scope::Path,
            Scope::Value,
            Scope::Option,
            Scope::Kind,
            Scope::Unreadable,
            Scope::Many,
        ] {
            assert!(!scope.may_be_allowed(), "{scope:?}");
        }
    }
}
