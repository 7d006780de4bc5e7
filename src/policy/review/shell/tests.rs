//! What the reader reads, what it makes of nonsense, and what it takes to.

mod hostile;
mod reading;
