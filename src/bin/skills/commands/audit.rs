//! `audit`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// audit
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `audit`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
