//! `review`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// review
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `review`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
