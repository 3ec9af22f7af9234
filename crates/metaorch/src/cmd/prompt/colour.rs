use std::io::IsTerminal as _;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Good,
    Bad,
    Faint,
    Strong,
}

/// Whether to colour: asked for, or a terminal where `NO_COLOR` is not set.
pub(super) fn is_on(asked: bool) -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    asked || (wanted && std::io::stdout().is_terminal())
}

/// The text in a colour. What would control the terminal is left out of it, line ends and tabs aside.
pub(super) fn paint(text: &str, colour: Colour, on: bool) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if !on {
        return text;
    }
    let code = match colour {
        Colour::Good => "32",
        Colour::Bad => "31",
        Colour::Faint => "2",
        Colour::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
