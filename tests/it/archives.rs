//! Archives as sources: what common programs pack is taken and has the digest
//! of its folder; what programs read differently is refused.

mod bombs;
mod common;
mod compare;
mod damage;
mod links;
mod make;
mod tar;
mod zip;
