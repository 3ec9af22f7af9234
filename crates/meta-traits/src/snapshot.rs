use alloc::string::ToString;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::RestoreError;

/// State that can be saved and taken up again.
///
/// Law: after `restore(snapshot())` the object answers every later call bit for bit as the original would, random
/// draws included.
pub trait Snapshot {
    /// What kind of state this is, such as `prompt-grammar/gepa`.
    const SCHEMA: &'static str;
    /// Raised whenever the form of the state changes; older versions must stay readable through serde defaults.
    const VERSION: u32;
    /// The saved form.
    type State: Serialize + DeserializeOwned;

    /// The present state.
    fn snapshot(&self) -> Self::State;

    /// Takes up a saved state.
    ///
    /// # Errors
    /// [`RestoreError::Body`] when the state breaks an invariant; the object is unchanged then.
    fn restore(&mut self, state: Self::State) -> Result<(), RestoreError>;
}

/// A saved state with its kind and version. The body is JSON text: nothing in it can be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Envelope {
    /// The kind of state.
    pub schema: alloc::string::String,
    /// The version of its form.
    pub version: u32,
    /// The state as JSON.
    pub body: Vec<u8>,
}

/// [`Snapshot`] for trait objects; implemented for every `Snapshot`.
pub trait DynSnapshot {
    /// The present state in an envelope.
    fn save(&self) -> Envelope;

    /// Takes up an envelope.
    ///
    /// # Errors
    /// [`RestoreError`] when the kind is another, the version newer, or the body unusable; nothing changes then.
    fn load(&mut self, envelope: Envelope) -> Result<(), RestoreError>;
}

impl<T: Snapshot> DynSnapshot for T {
    fn save(&self) -> Envelope {
        let body = serde_json::to_vec(&self.snapshot()).unwrap_or_default();
        Envelope { schema: T::SCHEMA.to_string(), version: T::VERSION, body }
    }

    fn load(&mut self, envelope: Envelope) -> Result<(), RestoreError> {
        if envelope.schema != T::SCHEMA {
            return Err(RestoreError::Schema { expected: T::SCHEMA.to_string(), found: envelope.schema });
        }
        if envelope.version > T::VERSION {
            return Err(RestoreError::Version { newest: T::VERSION, found: envelope.version });
        }
        let state = serde_json::from_slice(&envelope.body).map_err(|e| RestoreError::Body(e.to_string()))?;
        self.restore(state)
    }
}
