//! The notice for the shop door and the page behind it, written from the running configuration, so that it is true.
//!
//! [`facts`] is what a configuration comes to, as data; `words::notice` makes sentences of it; [`html`] and [`text`] set
//! them. [`changes`] holds the facts of two notices against each other and says what is wider and what is narrower.

pub mod changes;
pub mod facts;
pub mod html;
pub mod kept;
mod qr;
mod style;
pub mod text;

pub use facts::{Facts, NoNotice};
