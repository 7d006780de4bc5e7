//! Errors of the system instead of kills: once, and from then on.
