//! The `emma` command: arguments, and then whatever they ask for. [`emma::cli`] is the table of contents.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// What is given back is wiped: keys, records and what strangers transmitted lie in dozens of short-lived texts and
/// lists, their parsers' and libraries' included, and no type of ours could wipe those.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    emma::cli::main()
}
