//! Tests of the program and of what touches disk, processes and networks.

mod hostile_git;
mod sources;
