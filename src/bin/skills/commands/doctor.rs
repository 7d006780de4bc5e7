//! `doctor`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// doctor
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `doctor`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
