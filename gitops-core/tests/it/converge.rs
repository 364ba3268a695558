//! Whatever goes wrong in a sequence of runs, a run without faults brings everything into order.

use crate::apply::{World, config_map};
use gitops_core::object::{Gvk, ObjectId};
use gitops_core::ports::ObjectRef;
use gitops_core::testing::Fault;
use gitops_yaml::{FileId, Node, from_json};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const CALLS: [&str; 7] = ["get", "dry-run", "apply", "delete", "patch", "kind", "apply"];

#[derive(Clone, Debug)]
struct Step {
    wanted: BTreeMap<usize, u8>,
    faults: Vec<(usize, u8)>,
    /// Somebody edits this object before the run.
    edited: Option<usize>,
    /// The run is killed while the first call of this name waits for its answer.
    killed: Option<usize>,
}

fn step() -> impl Strategy<Value = Step> {
    let wanted = proptest::collection::btree_map(0..NAMES.len(), 0..3_u8, 0..NAMES.len());
    let faults = proptest::collection::vec((0..CALLS.len(), 0..5_u8), 0..6);
    let (edited, killed) =
        (proptest::option::of(0..NAMES.len()), proptest::option::weighted(0.4, 0..CALLS.len()));
    (wanted, faults, edited, killed).prop_map(|(wanted, faults, edited, killed)| Step {
        wanted,
        faults,
        edited,
        killed,
    })
}

fn fault(number: u8) -> Fault {
    match number {
        0 => Fault::Error("busy".into()),
        1 => Fault::Refused("invalid".into()),
        2 => Fault::Conflict,
        3 => Fault::PartialWrite,
        _ => Fault::StaleRead,
    }
}

fn text(wanted: &BTreeMap<usize, u8>) -> String {
    wanted.iter().map(|(name, value)| config_map(NAMES[*name], &value.to_string())).collect()
}

fn map_ref(name: &str) -> ObjectRef {
    ObjectRef { gvk: Gvk::new("v1", "ConfigMap"), namespace: "apps".into(), name: name.into() }
}

/// An object that is nobody's, and one of another owner: neither may ever be touched.
fn strangers() -> [Node; 2] {
    let read = |text| from_json(text, FileId::NONE).unwrap();
    [
        read(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"apps"}}"#),
        read(
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"y","namespace":"apps","labels":{"kustomize.toolkit.fluxcd.io/name":"other","kustomize.toolkit.fluxcd.io/namespace":"flux-system"}}}"#,
        ),
    ]
}

fn check(steps: &[Step], last: &BTreeMap<usize, u8>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    strangers().into_iter().for_each(|object| world.cluster.put(object));
    for step in steps {
        for (call, number) in &step.faults {
            world.cluster.faults.push(CALLS[*call], fault(*number));
        }
        if let Some(mut object) = step.edited.and_then(|name| world.cluster.stored(&map_ref(NAMES[name]))) {
            object.set("data", Node::mapping(Vec::new()));
            world.cluster.put(object);
            // No watch runs here, so that nothing is known for sure any more.
            world.drift.forget();
        }
        match step.killed {
            Some(call) => {
                world.cluster.faults.push(CALLS[call], Fault::Delay(u32::MAX));
                world.apply_and_die(&text(&step.wanted));
                world.cluster.faults = Default::default();
            }
            None => drop(world.apply(&text(&step.wanted))),
        }
        // A run that was killed leaves what the checkpoint holds; so does every other.
        let held = world.status.0.lock().unwrap().clone();
        let own: BTreeSet<ObjectId> = world
            .cluster
            .addresses()
            .iter()
            .filter(|target| NAMES.contains(&&*target.name))
            .map(|target| ObjectId {
                group: target.gvk.group.clone(),
                kind: target.gvk.kind.clone(),
                namespace: target.namespace.clone(),
                name: target.name.clone(),
            })
            .collect();
        for id in &own {
            prop_assert!(held.contains(id), "{id} is there and was forgotten");
        }
    }
    let left = world.cluster.faults.remaining();
    let mut tries = 0;
    // The faults that are still to come are used up first.
    while world.cluster.faults.remaining() > 0 && tries <= left {
        tries += 1;
        world.drift.forget();
        world.apply(&text(last));
        if world.cluster.faults.remaining() == left {
            break;
        }
    }
    world.cluster.faults = Default::default();
    world.drift.forget();
    let outcome = world.apply(&text(last));
    prop_assert!(outcome.is_success(), "{:?}", outcome.errors);
    let names: Vec<String> = world.cluster.addresses().iter().map(|target| target.name.to_string()).collect();
    let wanted: Vec<String> =
        last.keys().map(|name| NAMES[*name].to_owned()).chain(["x".to_owned(), "y".to_owned()]).collect();
    prop_assert_eq!(names, wanted);
    for (name, value) in last {
        let stored = world.cluster.stored(&map_ref(NAMES[*name])).unwrap();
        let found = stored.at_path(&["data", "a"]).and_then(Node::as_str).map(str::to_owned);
        prop_assert_eq!(found, Some(value.to_string()));
    }
    prop_assert_eq!(world.status.0.lock().unwrap().len(), last.len());
    world.cluster.forget_requests();
    world.apply(&text(last));
    prop_assert!(world.cluster.writes().is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn runs_converge_and_forget_nothing(
        steps in proptest::collection::vec(step(), 1..6),
        last in proptest::collection::btree_map(0..NAMES.len(), 0..3_u8, 0..NAMES.len()),
    ) {
        check(&steps, &last)?;
    }
}
