//! Tables whose keys are names or texts.

use gitops_yaml::Str;
use std::collections::HashMap;

/// Values by name. The hash is a quick one with a seed of its own in each table, so that names made to collide in one
/// table do not in another.
pub(crate) type Named<V> = HashMap<Str, V, foldhash::fast::RandomState>;
