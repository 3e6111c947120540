//! What git says over the wire, as far as it is judged: the head of a push, and the answer to one.
//!
//! Source: git's own `Documentation/gitprotocol-pack.txt` and `gitprotocol-common.txt`, and how
//! `builtin/receive-pack.c` reads what they describe.

pub mod lfs;
pub mod pkt_line;
pub mod receive_pack;
pub mod ref_name;
pub mod report;
