//! Messages: the hub, what sends to one, and what shows what comes from one.

mod json_layout;
pub(crate) mod live;
mod look;
mod reaching;
pub(crate) mod relay;
pub(crate) mod sensor;
pub(crate) mod sensor_settings;
mod settings;
pub(crate) mod tail;
