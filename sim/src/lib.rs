//! Virtual time and one seed.
