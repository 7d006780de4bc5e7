//! One test program for everything that needs real files or more than one layer.

/// All interleavings of kill, enable, release and gate.
mod kill_model;
