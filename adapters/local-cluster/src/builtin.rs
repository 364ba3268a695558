//! The kinds that every cluster serves: their names, schemas, defaults and rules.

pub(crate) mod defaults;
pub(crate) mod kinds;
pub(crate) mod rules;

use crate::types::Types;

/// The types of metadata alone, for kinds that bring the rest.
pub(crate) fn metadata_types() -> Types {
    let mut table = String::new();
    let mut inside = false;
    for line in kinds::TABLE.lines() {
        if !line.starts_with(' ') {
            inside = line.starts_with("meta.v1.ObjectMeta")
                || line.starts_with("meta.v1.OwnerReference")
                || line.starts_with("meta.v1.ManagedFieldsEntry");
        }
        if inside {
            table.push_str(line);
            table.push('\n');
        }
    }
    Types::read(&table)
}
