//! What git itself says about one folder of one commit: raw objects, as they
//! were fetched, for others to check. Nothing here is believed yet.

/// The objects that lead from a reference to a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitProof {
    /// The annotated tags that were passed on the way, the first that was
    /// named; their bytes without git's own header.
    pub tags: Vec<Vec<u8>>,
    /// The commit.
    pub commit: Vec<u8>,
    /// The trees from the root down to the folder that holds the skill's own;
    /// none if that is the root.
    pub trees: Vec<Vec<u8>>,
}
