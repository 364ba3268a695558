//! Moments as Go's `time` has them: layouts, durations, zones.

mod civil;
mod duration;
mod layout;
mod moment;
mod read;
mod zone;

pub(crate) use duration::{parse_duration, round_duration, truncate_duration};
pub(crate) use moment::{Moment, TIME, duration_method, in_units};
pub(crate) use read::read;
pub(crate) use zone::{Zone, load_zone};
