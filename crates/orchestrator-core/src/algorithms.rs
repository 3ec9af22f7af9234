//! The search algorithms, one file each, all usable alone.

mod reflective_mutation;

pub use reflective_mutation::ReflectiveMutation;
