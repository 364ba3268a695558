//! Finds the resources that a patch probably meant when it matches none.

use gitops_yaml::{Files, Place, edit_distance};

use crate::id::ResourceId;
use crate::resource_map::ResourceMap;

/// How many are named; more would bury the error.
const MOST: usize = 5;
/// Names longer than this are no slips, and comparing them would cost the product of their lengths.
const LONGEST_NAME: usize = 256;

/// Resources that a user may have meant, the likeliest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// What they have in common.
    lead: String,
    found: Vec<(String, Place)>,
    more: usize,
}

impl Candidates {
    /// Returns the resources that are like what was looked for: those of its kind, else those of its name, else those of
    /// a kind that is spelled like it.
    pub(crate) fn like(resources: &ResourceMap, kind: &str, name: &str) -> Self {
        let all = || resources.iter().filter(|resource| !resource.is_empty());
        let of_kind: Vec<_> = all().filter(|resource| !kind.is_empty() && resource.kind() == kind).collect();
        if !of_kind.is_empty() {
            return Self::nearest(resources, format!("the build has of kind {kind}"), of_kind, name);
        }
        let named: Vec<_> = all().filter(|resource| !name.is_empty() && resource.name() == *name).collect();
        if !named.is_empty() {
            return Self::nearest(resources, "the build has of that name".to_owned(), named, name);
        }
        let mut kinds: Vec<&str> = all().map(crate::resource::Resource::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if let Some(near) = gitops_yaml::did_you_mean(kind, kinds.iter().copied()) {
            let of_kind = all().filter(|resource| resource.kind() == near).collect();
            return Self::nearest(
                resources,
                format!("did you mean kind {near}? The build has"),
                of_kind,
                name,
            );
        }
        let lead = match kinds[..] {
            [] => "the build has no resources at this point".to_owned(),
            _ if kind.is_empty() => {
                format!("the build has resources of these kinds only: {}", kinds.join(", "))
            }
            _ => format!("the build has no {kind}, only {}", kinds.join(", ")),
        };
        Self { lead, found: Vec::new(), more: 0 }
    }

    /// Returns the resources among which a name could not choose.
    pub(crate) fn of(resources: &ResourceMap, positions: &[usize]) -> Self {
        let found = positions.iter().filter_map(|&position| resources.get(position)).collect();
        Self::nearest(resources, "these match".to_owned(), found, "")
    }

    fn nearest(
        resources: &ResourceMap,
        lead: String,
        mut found: Vec<&crate::resource::Resource>,
        name: &str,
    ) -> Self {
        let wanted = name.to_lowercase();
        found.sort_by_cached_key(|resource| {
            let name = resource.name();
            if name.len().max(wanted.len()) > LONGEST_NAME {
                return usize::MAX;
            }
            edit_distance(&wanted, &name.to_lowercase())
        });
        let more = found.len().saturating_sub(MOST);
        let shown = |resource: &&crate::resource::Resource| {
            (shown_id(&resources.current_id(resource)), resource.place())
        };
        Self { lead, found: found.iter().take(MOST).map(shown).collect(), more }
    }

    /// Prints them for the end of an error.
    pub(crate) fn show(&self, files: &Files) -> String {
        let mut text = format!("; {}", self.lead);
        for (n, (id, place)) in self.found.iter().enumerate() {
            text.push_str(if n == 0 { ": " } else { ", " });
            text.push_str(id);
            let place = files.show(*place);
            if !place.is_empty() {
                text.push_str(&format!(" ({place})"));
            }
        }
        if self.more > 0 {
            text.push_str(&format!(" and {} more", self.more));
        }
        text
    }
}

/// `Deployment.v1.apps/web`, with the namespace where it has one.
fn shown_id(id: &ResourceId) -> String {
    let mut text = format!("{}/{}", id.gvk, id.name);
    if !id.namespace.is_empty() {
        text.push_str(&format!(".{}", id.namespace));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::map;

    #[track_caller]
    fn check(kind: &str, name: &str, wanted: &str) {
        let map = map(
            "{apiVersion: v1, kind: Pod, metadata: {name: api}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: web}}\n---\n\
             {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: x}}\n",
        );
        assert_eq!(Candidates::like(&map, kind, name).show(&Files::default()), format!("; {wanted}"));
    }

    #[test]
    fn the_likeliest_stand_first() {
        check("Pod", "wob", "the build has of kind Pod: Pod.v1.[noGrp]/web (3:1), Pod.v1.[noGrp]/api (1:1)");
        check("Job", "api", "the build has of that name: Pod.v1.[noGrp]/api (1:1)");
        check(
            "Deploymnet",
            "gone",
            "did you mean kind Deployment? The build has: Deployment.v1.apps/web.x (5:1)",
        );
        check("Job", "gone", "the build has no Job, only Deployment, Pod");
        check("", "gone", "the build has resources of these kinds only: Deployment, Pod");
    }
}
