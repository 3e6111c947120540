//! The verdict: pure, with time and address as arguments.

pub mod confined;
mod decide;
mod denial;
pub mod limits;
pub mod people;
mod permit;
pub mod protection;
pub mod push_option;
pub mod refs;
mod uploads;

pub use decide::{Circumstances, admit, decide, decide_anonymous};
pub use denial::Denial;
pub use permit::{Permit, Traveller};
pub use uploads::judge_upload;
