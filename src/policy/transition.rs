//! The lifecycle's one step function.
//!
//! State and event go in; the next state, "no change" or a refusal with a
//! code come out. `docs/reference/lifecycle.md` is written from this function
//! over every pair, so a change here is a change there.
//!
//! ```text
//!            install           trust D            enable
//!   absent ───────────▶ installed ─────▶ trusted ──────▶ enabled
//!                           ▲  ▲             │ ▲            │
//!                           │  └─────────────┘ └────────────┘
//!                           │     untrust,        disable,
//!                           │   expire, drift …     kill
//!                           └────────── drift, expire, unmet, revoke
//! ```
//!
//! Invariants: only `trust` leads to trusted from below, and only with a pin
//! for the observed digest; only `enable` leads to enabled, and only from
//! trusted; while held nothing widens; release never enables.

use crate::model::code::Code;
use crate::model::lifecycle::{Event, Lifecycle, Pin, Placement, Placements, State};

/// What an event brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// `trust`: the decision. The caller has compared the observed digest.
    Trust(Box<Pin>),
    /// `enable`: the place it gets.
    Enable(Placement),
    /// `disable`: the place it loses, or all.
    Disable(Option<String>),
    /// Every other event brings nothing.
    Plain(Event),
}

impl Input {
    /// Which event this is.
    #[must_use]
    pub const fn event(&self) -> Event {
        match self {
            Self::Trust(_) => Event::Trust,
            Self::Enable(_) => Event::Enable,
            Self::Disable(_) => Event::Disable,
            Self::Plain(event) => *event,
        }
    }
}

/// Where an event leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To another state, or to the same with other evidence.
    To(Box<Lifecycle>),
    /// Nothing changes; recorded all the same.
    Same,
    /// The revision is forgotten.
    Gone,
    /// Not possible from here.
    Refused(Code),
}

/// Takes one step.
///
/// `held` tells whether a kill covers the revision. A widening event while
/// held is refused before anything else is looked at.
#[must_use]
pub fn step(state: Option<&Lifecycle>, held: bool, input: &Input) -> Step {
    let event = input.event();
    if held && event.widens() && event != Event::Release {
        return Step::Refused(Code::Held);
    }
    let Some(state) = state else {
        return match event {
            Event::Install => Step::To(Box::new(Lifecycle::Installed { former: None })),
            Event::Kill | Event::Release | Event::Revoke => Step::Same,
            _ => Step::Refused(Code::NotInstalled),
        };
    };
    match input {
        Input::Trust(pin) => trust(state, pin),
        Input::Enable(placement) => enable(state, placement),
        Input::Disable(place) => disable(state, place.as_deref()),
        Input::Plain(event) => plain(state, *event),
    }
}

fn trust(state: &Lifecycle, pin: &Pin) -> Step {
    match state {
        Lifecycle::Installed { .. } => Step::To(Box::new(Lifecycle::Trusted { pin: pin.clone() })),
        Lifecycle::Trusted { pin: now } | Lifecycle::Enabled { pin: now, .. } if says_the_same(now, pin) => {
            Step::Same
        }
        // A new end or note: the new decision takes the old one's place.
        Lifecycle::Trusted { .. } => Step::To(Box::new(Lifecycle::Trusted { pin: pin.clone() })),
        Lifecycle::Enabled { .. } => Step::Refused(Code::StillEnabled),
    }
}

/// Whether two decisions differ only in when and by which record they were made.
fn says_the_same(a: &Pin, b: &Pin) -> bool {
    let content = |pin: &Pin| Pin { at: a.at, seq: a.seq, by: a.by.clone(), ..pin.clone() };
    content(a) == content(b)
}

fn enable(state: &Lifecycle, placement: &Placement) -> Step {
    let (pin, mut all) = match state {
        Lifecycle::Installed { .. } => return Step::Refused(Code::NotTrusted),
        Lifecycle::Trusted { pin } => (pin, Vec::new()),
        Lifecycle::Enabled { pin, placements } => (pin, placements.all().to_vec()),
    };
    if all.iter().any(|old| old.path == placement.path) {
        return Step::Same;
    }
    all.push(placement.clone());
    enabled_or_trusted(pin, all)
}

fn disable(state: &Lifecycle, place: Option<&str>) -> Step {
    let Lifecycle::Enabled { pin, placements } = state else { return Step::Same };
    let all = placements.all();
    let kept: Vec<_> =
        all.iter().filter(|old| place.is_some_and(|place| old.path != place)).cloned().collect();
    if kept.len() == all.len() { Step::Same } else { enabled_or_trusted(pin, kept) }
}

fn enabled_or_trusted(pin: &Pin, placements: Vec<Placement>) -> Step {
    let pin = pin.clone();
    Step::To(Box::new(match Placements::try_from(placements) {
        Ok(placements) => Lifecycle::Enabled { pin, placements },
        Err(_) => Lifecycle::Trusted { pin },
    }))
}

fn plain(state: &Lifecycle, event: Event) -> Step {
    let withdrawn = || match state {
        Lifecycle::Installed { .. } => Step::Same,
        Lifecycle::Trusted { pin } | Lifecycle::Enabled { pin, .. } => {
            Step::To(Box::new(Lifecycle::Installed { former: Some(pin.clone()) }))
        }
    };
    match event {
        Event::Install | Event::Release => Step::Same,
        Event::Untrust | Event::Drift | Event::Expire | Event::Unmet | Event::Revoke => withdrawn(),
        Event::Kill => match state {
            Lifecycle::Enabled { pin, .. } => Step::To(Box::new(Lifecycle::Trusted { pin: pin.clone() })),
            Lifecycle::Installed { .. } | Lifecycle::Trusted { .. } => Step::Same,
        },
        Event::Remove => match state {
            Lifecycle::Enabled { .. } => Step::Refused(Code::StillEnabled),
            Lifecycle::Installed { .. } | Lifecycle::Trusted { .. } => Step::Gone,
        },
        // Without their evidence these cannot be taken.
        Event::Trust | Event::Enable | Event::Disable => Step::Refused(Code::Internal),
    }
}

/// The lifecycle table as Markdown, over every pair, held and not.
#[must_use]
pub fn table(sample: &Pin, place: &Placement) -> String {
    let enabled = enabled_or_trusted(sample, vec![place.clone()]);
    let Step::To(enabled) = enabled else { return String::new() };
    let states = [
        ("absent", None),
        ("installed", Some(Lifecycle::Installed { former: None })),
        ("trusted", Some(Lifecycle::Trusted { pin: sample.clone() })),
        ("enabled", Some(*enabled)),
    ];
    let mut out = String::new();
    for held in [false, true] {
        let title = if held { "While a kill covers it" } else { "While no kill covers it" };
        out.push_str(&format!("\n## {title}\n\n| event |"));
        for (name, _) in &states {
            out.push_str(&format!(" {name} |"));
        }
        out.push_str("\n|---|---|---|---|---|\n");
        for event in Event::ALL {
            out.push_str(&format!("| {} |", event.as_str()));
            for (_, state) in &states {
                let input = match event {
                    Event::Trust => Input::Trust(Box::new(sample.clone())),
                    Event::Enable => Input::Enable(Placement { path: "/second/x".into(), ..place.clone() }),
                    Event::Disable => Input::Disable(None),
                    other => Input::Plain(other),
                };
                out.push_str(&format!(
                    " {} |",
                    describe(state.as_ref(), &step(state.as_ref(), held, &input))
                ));
            }
            out.push('\n');
        }
    }
    out
}

fn describe(from: Option<&Lifecycle>, step: &Step) -> String {
    match step {
        Step::Same => "no change".to_owned(),
        Step::Gone => "absent".to_owned(),
        Step::Refused(code) => format!("refused: {code}"),
        Step::To(next) => match (from.map(Lifecycle::state), next.state()) {
            (Some(State::Enabled), State::Enabled) => "enabled, one more placement".to_owned(),
            (Some(State::Enabled), other) => format!("{other}, placements withdrawn"),
            (_, other) => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::sha256;
    use crate::model::provenance::Provenance;
    use crate::model::record::Actor;
    use crate::model::skill::SkillName;
    use crate::model::source::{Source, SourceKind};
    use crate::model::time::Timestamp;

    fn pin() -> Pin {
        Pin {
            at: Timestamp::from_unix(0),
            by: Actor { uid: 0, user: "ana".into(), via: "cli".into() },
            despite: Vec::new(),
            digest: sha256(&[b"x"]),
            name: SkillName::parse("x").unwrap(),
            note: None,
            provenance: Provenance::default(),
            seq: 1,
            set: None,
            source: Source {
                commit: None,
                kind: SourceKind::Folder,
                location: "/x".into(),
                path: None,
                reference: None,
            },
            until: None,
            version: None,
        }
    }

    fn place(path: &str) -> Placement {
        Placement { agent: None, path: path.into(), staged: format!("{path}.staged") }
    }

    fn to(step: Step) -> Lifecycle {
        match step {
            Step::To(next) => *next,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_reference_page_says_what_the_code_does() {
        let page = include_str!("../../docs/reference/lifecycle.md");
        let table = table(&pin(), &place("/a/x"));
        assert!(
            page.ends_with(&table),
            "write docs/reference/lifecycle.md anew; it should end with:\n{table}"
        );
    }

    #[test]
    fn enabled_is_reached_from_trusted_alone_and_release_never_enables() {
        let installed = Lifecycle::Installed { former: Some(pin()) };
        assert_eq!(
            step(Some(&installed), false, &Input::Enable(place("/a/x"))),
            Step::Refused(Code::NotTrusted)
        );
        let trusted = Lifecycle::Trusted { pin: pin() };
        let enabled = to(step(Some(&trusted), false, &Input::Enable(place("/a/x"))));
        assert_eq!(enabled.state(), State::Enabled);
        for from in [&installed, &trusted] {
            assert_eq!(step(Some(from), false, &Input::Plain(Event::Release)), Step::Same);
        }
        assert_eq!(to(step(Some(&enabled), true, &Input::Plain(Event::Kill))).state(), State::Trusted);
    }

    #[test]
    fn the_last_place_lost_leaves_trusted_and_the_pin() {
        let trusted = Lifecycle::Trusted { pin: pin() };
        let one = to(step(Some(&trusted), false, &Input::Enable(place("/a/x"))));
        let two = to(step(Some(&one), false, &Input::Enable(place("/b/x"))));
        assert_eq!(two.placements().len(), 2);
        let one = to(step(Some(&two), false, &Input::Disable(Some("/a/x".into()))));
        assert_eq!(one.placements(), [place("/b/x")]);
        assert_eq!(to(step(Some(&one), false, &Input::Disable(None))), trusted);
        assert_eq!(step(Some(&two), false, &Input::Disable(Some("/c/x".into()))), Step::Same);
    }

    #[test]
    fn drift_keeps_the_pin_as_evidence_only() {
        let trusted = Lifecycle::Trusted { pin: pin() };
        let after = to(step(Some(&trusted), false, &Input::Plain(Event::Drift)));
        assert_eq!(after, Lifecycle::Installed { former: Some(pin()) });
        assert_eq!(after.pin(), None);
    }
}
