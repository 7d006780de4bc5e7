//! `verify`.

use super::super::context::{Context, Ended};
use skill_trust::model::code::Exit;

/// verify
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {}

/// Runs `verify`.
pub(crate) fn run(_: &mut Context, _: Args) -> Ended {
    Ok(Exit::Done)
}
