//! `emma completions SHELL`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// What it is asked.
#[derive(Args)]
pub struct Arguments {
    /// The shell: bash, elvish, fish, powershell or zsh.
    shell: Shell,
}

/// Prints the script.
pub(super) fn main(arguments: &Arguments) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "emma", &mut script);
    super::say(&String::from_utf8_lossy(&script))
}
