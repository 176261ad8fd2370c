//! The Python face of pipelines: items, native parts, and what calls the user's own code.

pub(crate) mod calls;
pub(crate) mod fields;
pub(crate) mod item;
pub(crate) mod layer;
pub(crate) mod output;
pub(crate) mod overlay;
pub(crate) mod parts;
pub(crate) mod stream;
pub(crate) mod told;
