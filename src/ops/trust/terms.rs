//! The terms of a decision: until when it holds, and why it was given.

use crate::model::code::{Code, Stop};
use crate::model::text;
use crate::model::time::Timestamp;
use crate::policy::config::Policy;
use crate::policy::config::age::words;

/// The terms of a decision, as typed.
#[derive(Debug, Clone, Default)]
pub struct TermsRequest {
    /// `90d`, a date or a time.
    pub expires: Option<String>,
    /// Why.
    pub note: Option<String>,
}

/// The terms of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// When it ends.
    pub until: Option<Timestamp>,
    /// Where that end comes from, if not from what was typed.
    pub why: Option<String>,
    /// Why it was given; escaped.
    pub note: Option<String>,
    /// Whether the note says anything: asked of what was typed, before it was escaped.
    pub reasoned: bool,
}

/// Works the terms out: what was typed, else the policy's default; policy may
/// end trust earlier than either. The command is the one that lacks a reason.
pub(super) fn terms(
    policy: &Policy,
    now: Timestamp,
    request: &TermsRequest,
    command: &str,
) -> Result<Terms, Stop> {
    let asked = match &request.expires {
        None => None,
        Some(typed) => Some(Timestamp::parse_end(typed, now).map_err(|why| {
            Stop::new(
                Code::Usage,
                format!("`{}`: {why}", text::escape_short(typed, 40)),
                "example: --expires 90d",
            )
        })?),
    };
    if let Some(until) = asked
        && until <= now
    {
        let what = format!("trust cannot end at {until}; it is {now}");
        return Err(Stop::new(Code::Usage, what, "name a later end"));
    }
    let after = |seconds: i64| Timestamp::from_unix(now.unix().saturating_add(seconds));
    let file = |key| policy.file_of(key).unwrap_or_default();
    let (mut until, mut why) = (asked, None);
    if let (None, Some(span)) = (asked, policy.expires) {
        until = Some(after(span));
        why = Some(format!("after {} where no end is named, by {}", words(span), file("trust.expires")));
    }
    if let Some(days) = policy.max_days
        && until.is_none_or(|until| after(i64::from(days) * 86_400) < until)
    {
        until = Some(after(i64::from(days) * 86_400));
        let instead = asked.map_or(String::new(), |asked| format!("; you named {asked}"));
        why = Some(format!("after {days} days at most, by {}{instead}", file("trust.max-days")));
    }
    let note = request.note.as_deref().map(|note| text::escape_short(note, 500));
    let given = request.note.as_deref().is_some_and(text::says);
    reasoned(policy, given, command)?;
    Ok(Terms { until, why, note, reasoned: given })
}

/// Where the policy wants a reason, there must be one; blanks are none.
pub(super) fn reasoned(policy: &Policy, given: bool, command: &str) -> Result<(), Stop> {
    if given || !policy.note_required {
        return Ok(());
    }
    let file = policy.file_of("trust.note").unwrap_or_default();
    let what = format!("a trust decision must say why, by {file}: [trust] note = \"required\"");
    Err(Stop::new(Code::PolicyUnmet, what, format!("{command} --note \"WHY\"")))
}
