//! Server-sent events (WHATWG HTML, section 9.2), as far as model servers use them.

/// Cuts a stream of bytes into events, however the bytes are portioned.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    data: String,
}

impl Events {
    /// Takes bytes in; the data of every event that is complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut done = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.end_line(&String::from_utf8_lossy(&line), &mut done);
            }
        }
        done
    }

    /// The data of the last event, if the stream ended without the empty line after it.
    pub(super) fn end(mut self) -> Option<String> {
        let mut done = Vec::new();
        let line = std::mem::take(&mut self.line);
        self.end_line(&String::from_utf8_lossy(&line), &mut done);
        done.pop().or_else(|| (!self.data.is_empty()).then_some(self.data))
    }

    fn end_line(&mut self, line: &str, done: &mut Vec<String>) {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() && !self.data.is_empty() {
            done.push(std::mem::take(&mut self.data));
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let mut found: Vec<String> = chunks.iter().flat_map(|chunk| events.push(chunk)).collect();
        found.extend(events.end());
        found
    }

    #[test]
    fn comments_names_and_line_ends_of_both_kinds_are_understood() {
        let text = b": ping\r\nevent: x\r\ndata: {\"a\":1}\r\n\r\ndata:two\ndata: lines\n\n\n\ndata: [DONE]";
        assert_eq!(all(&[text]), ["{\"a\":1}", "two\nlines", "[DONE]"]);
        assert_eq!(all(&["data: \u{20ac}\n\n".as_bytes()]), ["\u{20ac}"]);
    }

    proptest! {
        /// How the network portions the bytes changes nothing.
        #[test]
        fn any_portions_give_the_same_events(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'd'), Just(b':'), any::<u8>()], 0..80),
            lines in "(data: ?[a-z\u{20ac}]{0,4}(\r?\n){1,2}){0,6}",
            cut in 1_usize..7,
        ) {
            for text in [bytes, lines.into_bytes()] {
                let portions: Vec<&[u8]> = text.chunks(cut).collect();
                prop_assert_eq!(all(&portions), all(&[&text]));
            }
        }
    }
}
