//! What is searched for, what the results are worth, and how to show it.
//!
//! | module | what it does |
//! |---|---|
//! | [`query`] | a query made of several terms |
//! | [`cutoff`] | whether the nearest images answer a query at all, and how far its answers reach |
//! | [`background`] | texts of everyday things, which a query is compared with for that |
//! | [`dots`] | a similarity as a few dots |
//! | [`recall`] | how many of the nearest vectors a search has found |
//! | [`calibration`] | how wide a search has to be to find a share of them |

pub mod background;
pub mod calibration;
pub mod cutoff;
pub mod dots;
mod error;
pub mod query;
pub mod recall;

pub use error::Error;
