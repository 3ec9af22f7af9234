//! The search algorithms, one file each, all usable alone.

pub mod joint;
pub mod racing;
mod reflective_mutation;

pub use joint::Joint;
pub use racing::Racing;
pub use reflective_mutation::ReflectiveMutation;
