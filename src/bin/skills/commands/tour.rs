//! `tour`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// tour
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `tour`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
