//! Workloads that pretend to run, told by the same rules as real ones.

use gitops_core::health::{State, status};
use gitops_core::ports::{Cluster, ObjectRef, WriteOptions};
use gitops_local_cluster::{LocalCluster, Simulation};
use gitops_yaml::{FileId, Node, from_json};
use std::time::Duration;

fn workload(api_version: &str, kind: &str, name: &str, asked: &str, spec: &str) -> Node {
    let text = format!(
        r#"{{"apiVersion":"{api_version}","kind":"{kind}","metadata":{{"name":"{name}","namespace":"default",
        "annotations":{{"local-cluster.gitops.rs/simulate":"{asked}"}}}},"spec":{{{spec}}}}}"#
    );
    from_json(&text, FileId::default()).unwrap()
}

fn running(api_version: &str, kind: &str, name: &str, asked: &str) -> Node {
    let spec = r#""selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
        "spec":{"containers":[{"name":"c","image":"i:1"}]}}"#;
    workload(api_version, kind, name, asked, spec)
}

async fn state(cluster: &LocalCluster, object: &Node) -> State {
    status(&cluster.get(&ObjectRef::of(object)).await.unwrap().unwrap()).state
}

/// Waits for a state; the time is paused and runs ahead to whatever is due next.
async fn becomes(cluster: &LocalCluster, object: &Node, wanted: State) {
    for _ in 0..1_000 {
        if state(cluster, object).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let object = cluster.get(&ObjectRef::of(object)).await.unwrap().unwrap();
    panic!("it does not become {wanted}: {:?}", status(&object));
}

#[tokio::test(start_paused = true)]
async fn workloads_become_ready_after_a_time_or_fail_as_they_say() {
    let cluster = LocalCluster::new();
    let simulated = tokio::spawn(cluster.clone().simulate(Simulation::ready_after(Duration::from_secs(10))));
    let job = r#""template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}}"#;
    let claim = r#""accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}"#;
    let pod = r#""containers":[{"name":"c","image":"i:1"}]"#;
    let waiting = [
        running("apps/v1", "Deployment", "deployment", ""),
        running("apps/v1", "StatefulSet", "set", ""),
        running("apps/v1", "DaemonSet", "daemons", ""),
        running("apps/v1", "ReplicaSet", "replicas", "20s"),
        workload("batch/v1", "Job", "job", "", job),
        workload("v1", "Pod", "pod", "", pod),
        workload("v1", "PersistentVolumeClaim", "claim", "", claim),
    ];
    let broken = running("apps/v1", "Deployment", "broken", "fail");
    let stuck = running("apps/v1", "Deployment", "stuck", "never");
    let failing = workload("batch/v1", "Job", "failing", "fail", job);
    let options = WriteOptions { manager: "test".into(), ..WriteOptions::default() };
    for object in waiting.iter().chain([&broken, &stuck, &failing]) {
        cluster.apply(object, &options).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for object in &waiting {
        assert_eq!(state(&cluster, object).await, State::InProgress, "{}", ObjectRef::of(object));
    }
    for object in &waiting {
        becomes(&cluster, object, State::Current).await;
    }
    becomes(&cluster, &broken, State::Failed).await;
    becomes(&cluster, &failing, State::Failed).await;
    assert_eq!(state(&cluster, &stuck).await, State::InProgress);
    // A change is rolled out anew.
    let mut changed = waiting[0].clone();
    changed.get_mut("spec").unwrap().set("replicas", Node::int(3));
    cluster.apply(&changed, &options).await.unwrap();
    assert_eq!(state(&cluster, &changed).await, State::InProgress);
    becomes(&cluster, &changed, State::Current).await;
    simulated.abort();
}
