//! Time zones: UTC, the caller's local one, fixed offsets, and those of the bundled time zone database.

use crate::world::World;
#[cfg(feature = "zones")]
use std::sync::Arc;

/// Where a moment's clock stands.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Utc,
    /// An offset east of UTC in seconds, and its name; an empty one is written as the offset.
    Fixed(i32, String),
    /// A zone of the database.
    #[cfg(feature = "zones")]
    Named(Arc<jiff::tz::TimeZone>),
}

impl Zone {
    /// The caller's zone as it is at a time.
    pub(crate) fn local(world: &dyn World, seconds: i64) -> Self {
        let (offset, name) = world.local_zone(seconds);
        Self::Fixed(offset, name)
    }

    /// Returns the offset east of UTC in seconds, and the name, at a time since the Unix epoch.
    pub(super) fn at(&self, seconds: i64) -> (i32, String) {
        #[cfg(not(feature = "zones"))]
        let _ = seconds;
        match self {
            Self::Utc => (0, "UTC".to_owned()),
            Self::Fixed(offset, name) => (*offset, name.clone()),
            #[cfg(feature = "zones")]
            Self::Named(zone) => match jiff::Timestamp::from_second(seconds) {
                Ok(time) => {
                    let info = zone.to_offset_info(time);
                    (info.offset().seconds(), info.abbreviation().to_owned())
                }
                Err(_) => (0, "UTC".to_owned()),
            },
        }
    }
}

/// Returns the zone of a name, as Go's `LoadLocation`; `None` for a name that is not known.
pub(crate) fn load_zone(name: &str, world: &dyn World, seconds: i64) -> Option<Zone> {
    match name {
        "" | "UTC" => Some(Zone::Utc),
        "Local" => Some(Zone::local(world, seconds)),
        name => database(name),
    }
}

#[cfg(feature = "zones")]
fn database(name: &str) -> Option<Zone> {
    // The names are those of files: their case counts.
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(name).ok()?;
    (zone.iana_name() == Some(name)).then(|| Zone::Named(Arc::new(zone)))
}

#[cfg(not(feature = "zones"))]
fn database(_: &str) -> Option<Zone> {
    None
}
