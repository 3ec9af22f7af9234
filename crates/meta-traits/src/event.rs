use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// How much an event matters to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// For whoever debugs.
    Debug,
    /// For whoever follows a run.
    Info,
    /// Something went wrong and was dealt with.
    Warn,
}

/// Something worth telling, emitted after it happened. Values only: no clock, no handle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// How much it matters.
    pub level: Level,
    /// Who tells: crate and module, such as `prompt-grammar/gepa`.
    pub source: String,
    /// What happened, as a stable name such as `candidate.accepted`.
    pub name: String,
    /// Details as JSON.
    pub details: serde_json::Value,
}

impl Event {
    /// An event of level info.
    pub fn info(source: &str, name: &str, details: serde_json::Value) -> Self {
        Self { level: Level::Info, source: source.into(), name: name.into(), details }
    }
}

/// Takes events. Implementations must not block for long and must not panic.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);
}

/// Drops every event.
impl Sink for () {
    fn emit(&self, _: &Event) {}
}

impl<S: Sink + ?Sized> Sink for &S {
    fn emit(&self, event: &Event) {
        (**self).emit(event);
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn emit(&self, event: &Event) {
        (**self).emit(event);
    }
}

/// Gives each event to both, in order.
impl<A: Sink, B: Sink> Sink for (A, B) {
    fn emit(&self, event: &Event) {
        self.0.emit(event);
        self.1.emit(event);
    }
}
