use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line that is kept, in bytes.
pub(super) const CAP: usize = 16 << 20;
/// How much of a longer line is kept to tell which one it was.
const HEAD: usize = 200;

/// One line of the program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its line feed.
    Whole(Vec<u8>),
    /// The start of a line that went beyond the cap; the rest is skipped.
    TooLong(Vec<u8>),
}

/// The next line, or `None` at the end; the memory used stays at the cap however long a line is.
///
/// A last line without line feed counts as a line. A reading error counts as the end.
pub(super) async fn next<R: AsyncBufRead + Unpin>(reader: &mut R, cap: usize) -> Option<Line> {
    let (mut line, mut too_long, mut seen) = (Vec::new(), false, false);
    loop {
        let bytes = match reader.fill_buf().await {
            Ok(bytes) if !bytes.is_empty() => bytes,
            _ if seen => break,
            _ => return None,
        };
        seen = true;
        let end = bytes.iter().position(|b| *b == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if !too_long {
            line.extend_from_slice(&part[..part.len().min(cap + 1 - line.len())]);
            if line.len() > cap {
                too_long = true;
                line.truncate(HEAD);
                line.shrink_to_fit();
            }
        }
        let used = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    Some(if too_long { Line::TooLong(line) } else { Line::Whole(line) })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8], cap: usize, buffer: usize) -> Vec<Line> {
        let mut reader = tokio::io::BufReader::with_capacity(buffer, bytes);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut reader, cap).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_up_to_the_cap_whatever_the_buffer() {
        for buffer in [1, 3, 64] {
            let lines = all(b"abc\n\nabcd\nx", 3, buffer).await;
            let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
            assert_eq!(lines, [whole("abc"), whole(""), Line::TooLong(b"abcd".to_vec()), whole("x")]);
        }
        assert!(all(b"", 3, 8).await.is_empty());
    }

    #[tokio::test]
    async fn of_a_long_line_only_the_head_is_kept() {
        let bytes = vec![b'a'; 10_000];
        assert_eq!(all(&bytes, 1000, 64).await, [Line::TooLong(vec![b'a'; HEAD])]);
    }
}
