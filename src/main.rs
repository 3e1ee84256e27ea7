//! The `emma` command: arguments, and then whatever they ask for. [`emma::cli`] is the table of contents.

use std::process::ExitCode;

fn main() -> ExitCode {
    emma::cli::main()
}
