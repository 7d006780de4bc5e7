//! The card: a skill's front matter, parsed. (Interface; see the tests.)
