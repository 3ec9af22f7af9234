use std::io::Write as _;

const CRC: &str = r#","crc":""#;
const COMPACTED: &str = r#"{"compacted":""#;
const STATE: &str = r#"","state":"#;
const EVENT: &str = r#"","event":"#;

/// A line that checks.
pub(super) struct Checked<'a> {
    pub record: &'a str,
    pub crc: u32,
}

pub(super) fn checksum(previous: u32, seq: u64, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&previous.to_le_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.update(record);
    hasher.finalize()
}

/// Appends the line of `record` to `out` and returns its checksum.
pub(super) fn write(out: &mut Vec<u8>, seq: u64, previous: u32, record: &[u8]) -> u32 {
    let crc = checksum(previous, seq, record);
    let written = write!(out, r#"{{"seq":{seq}{CRC}{crc:08x}{EVENT}"#);
    debug_assert!(written.is_ok(), "writing to a Vec cannot fail");
    out.extend_from_slice(record);
    out.extend_from_slice(b"}\n");
    crc
}

/// Checks a line without its line feed. Only the exact form that [`write`] gives passes.
pub(super) fn check(line: &[u8], seq: u64, previous: u32) -> Result<Checked<'_>, &'static str> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let rest = line.strip_prefix(r#"{"seq":"#).ok_or("it does not start with its number")?;
    let (number, rest) = rest.split_once(CRC).ok_or("its checksum is missing")?;
    if number != seq.to_string() {
        return Err("its number is not the next one");
    }
    let (stated, rest) = rest.split_once(EVENT).ok_or("its record is missing")?;
    let record = rest.strip_suffix('}').ok_or("its end is missing")?;
    let crc = checksum(previous, seq, record.as_bytes());
    if stated != format!("{crc:08x}") {
        return Err("its checksum is wrong");
    }
    Ok(Checked { record, crc })
}

/// The line that stands for all before it: its number, the checksum it goes on from, and its record.
///
/// A first line like any other, but for its number, whose record is `{"compacted":"CRC","state":RECORD}`.
pub(super) fn base(line: &[u8]) -> Option<(u64, u32)> {
    let line = std::str::from_utf8(line).ok()?;
    let (number, rest) = line.strip_prefix(r#"{"seq":"#)?.split_once(CRC)?;
    let (_, record) = rest.split_once(EVENT)?;
    let crc = record.strip_prefix(COMPACTED)?.get(..8)?;
    // Before the first record there is nothing that it could stand for.
    let number = number.parse().ok().filter(|n| *n > 0)?;
    Some((number, u32::from_str_radix(crc, 16).ok()?))
}

/// The record that stands for all before it, as it is stored.
pub(super) fn compacted(previous: u32, record: &[u8]) -> Vec<u8> {
    let mut stored = format!("{COMPACTED}{previous:08x}{STATE}").into_bytes();
    stored.extend_from_slice(record);
    stored.push(b'}');
    stored
}

/// What [`compacted`] was given.
pub(super) fn state(stored: &str) -> Option<&str> {
    stored.strip_prefix(COMPACTED)?.get(8..)?.strip_prefix(STATE)?.strip_suffix('}')
}

/// Whether `tail`, which has no line feed, is a whole line whose line feed was changed into something else.
pub(super) fn is_whole_but_for_its_end(tail: &[u8], seq: u64, previous: u32) -> bool {
    tail.split_last().is_some_and(|(_, line)| check(line, seq, previous).is_ok())
}
