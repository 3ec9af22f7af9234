//! The search algorithms, one file each, all usable alone.

pub mod racing;
mod reflective_mutation;

pub use racing::Racing;
pub use reflective_mutation::ReflectiveMutation;
