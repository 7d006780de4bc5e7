//! For authors and reviewers: signing a skill in the author's own folder.
