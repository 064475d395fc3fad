//! Help that fits a terminal of 80 columns.
//!
//! clap breaks lines only with a feature that brings more crates, and every student compiles this program.

use clap::builder::StyledStr;
use clap::{Arg, Command};
use report::text::{self, WIDTH};

/// How far clap indents the help of an option.
const INDENT: usize = 10;

/// How far clap indents what a subcommand does, in the list of subcommands.
const LIST: usize = 11;

/// How far the meaning of an exit code is indented.
const HANGING: &str = "       ";

/// Breaks the lines of a command's help, and of its subcommands'.
pub(crate) fn narrow(command: Command) -> Command {
    narrow_one(command).mut_subcommands(|command| narrow_one(command).next_line_help(true))
}

fn narrow_one(mut command: Command) -> Command {
    // This text is also in the list of subcommands.
    if let Some(text) = command.get_about().map(|text| broken(text, WIDTH - LIST, "")) {
        command = command.about(text);
    }
    if let Some(text) = command.get_long_about().map(|text| broken(text, WIDTH, "")) {
        command = command.long_about(text);
    }
    if let Some(text) = command.get_after_help().map(|text| broken(text, WIDTH, HANGING)) {
        command = command.after_help(text);
    }
    command.mut_args(narrow_argument)
}

/// Breaks the lines of an option's help.
fn narrow_argument(mut argument: Arg) -> Arg {
    if let Some(text) = argument.get_help().map(|text| broken(text, WIDTH - INDENT, "")) {
        argument = argument.help(text);
    }
    if let Some(text) = argument.get_long_help().map(|text| broken(text, WIDTH - INDENT, "")) {
        argument = argument.long_help(text);
    }
    argument
}

/// The same text in lines of at most `width` columns. The rest of an indented line begins with `hanging`.
fn broken(text: &StyledStr, width: usize, hanging: &str) -> StyledStr {
    let text = text.to_string();
    let lines = text.lines().flat_map(|line| {
        let then = if line.starts_with(' ') { hanging } else { "" };
        text::broken(line, width, ["", then])
    });
    lines.collect::<Vec<String>>().join("\n").into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use report::text::WIDTH;

    use super::narrow;
    use crate::cli::Cli;

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        let mut command = narrow(Cli::command());
        command.build();
        let mut texts = vec![command.render_long_help().to_string()];
        for subcommand in command.get_subcommands_mut().filter(|it| it.get_name() != "help") {
            texts.push(subcommand.render_long_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            // Usage is clap's, in one line.
            let fits = line.chars().count() <= WIDTH || line.starts_with("Usage: ");
            assert!(fits, "{} columns: {line}", line.chars().count());
        }
    }
}
