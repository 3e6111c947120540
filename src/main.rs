//! The program: parse, run, exit code.

use std::process::ExitCode;

/// A request makes and frees some fifty small things, all on one worker. The system's allocator took a tenth
/// of its time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gitlatch::cli::main()
}
