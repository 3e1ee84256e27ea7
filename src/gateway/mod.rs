//! The core: pure, one state machine with one entry.

pub mod advertisement;

pub mod decode;

pub mod consent;

/// Where they are.
pub mod zone;

/// Is one welcome.
pub mod offer;

pub mod cap;

pub mod effect;
