//! Changing objects by patches.

use super::{Store, Surroundings, Target, Write, Written};
use crate::failure::Failure;
use crate::patch;
use crate::value::Value;

/// A patch other than an apply.
#[derive(Clone, Debug)]
pub enum Patching {
    /// RFC 7386.
    Merge(Value),
    /// RFC 6902.
    Json(Value),
    /// Kubernetes' strategic merge.
    Strategic(Value),
}

impl Store {
    /// Patches an object.
    ///
    /// # Errors
    /// Where there is none, the patch does not fit, or the outcome breaks a rule.
    pub fn patch(
        &mut self,
        target: &Target,
        patching: Patching,
        write: &Write,
        world: &mut dyn Surroundings,
    ) -> Result<Written, Failure> {
        self.patched(target, write, world, |mut value, target| {
            match patching {
                Patching::Merge(patch) => {
                    if !matches!(patch, Value::Map(_)) {
                        return Err(Failure::bad_request("error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"));
                    }
                    patch::merge(&mut value, patch);
                }
                Patching::Json(operations) => patch::json(&mut value, &operations)?,
                Patching::Strategic(patch) => {
                    let version = &target.resource.versions[target.version];
                    if version.custom.is_some() {
                        return Err(Failure::new(
                            415,
                            "UnsupportedMediaType",
                            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                        ));
                    }
                    patch::strategic(&version.types, version.root, &mut value, patch)?;
                }
            }
            Ok(value)
        })
    }
}
