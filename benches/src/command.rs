use clap::Parser;
use clap::error::ErrorKind;

/// Parses the command line. Help and version are printed with status 0; anything wrong is printed as one line and
/// ends the program with status 2.
pub fn parse<A: Parser>() -> A {
    match A::try_parse() {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.exit()
        }
        Err(error) => {
            eprintln!("{}", one_line(&error.to_string()));
            std::process::exit(2);
        }
    }
}

/// The first paragraph of a message, on one line.
fn one_line(message: &str) -> String {
    let paragraph = message.lines().map(str::trim).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_paragraph_remains() {
        assert_eq!(one_line("error: a value\n  [possible: x]\n\nUsage: y"), "error: a value [possible: x]");
    }
}
