//! What a structure will score, from what others scored.

mod gp;
mod trust;

pub use self::gp::StructurePredictor;
pub(crate) use self::gp::{Posterior, Scales};
pub use self::trust::Calibration;
pub(crate) use self::trust::Trust;
