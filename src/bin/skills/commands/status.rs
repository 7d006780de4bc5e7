//! `status`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// status
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `status`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
