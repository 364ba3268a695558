//! Requests that nobody sends by accident: each is refused with a reason, and the cluster lives on.

use bytes::Bytes;
use gitops_local_cluster::{ApiService, LocalCluster, StoreOptions};
use http::Request;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

const THINGS: &str = "/apis/example.org/v1/namespaces/default/things";
const DEFINITION: &str = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"things.example.org"},"spec":{"group":"example.org","scope":"Namespaced",
    "names":{"plural":"things","kind":"Thing"},"versions":[{"name":"v1","served":true,"storage":true,
    "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}"#;

async fn send(service: &ApiService, word: &str, path: &str, body: &str) -> (u16, String) {
    let (method, kind) = match word {
        "APPLY" => ("PATCH", "application/apply-patch+yaml"),
        "JSON" => ("PATCH", "application/json-patch+json"),
        "PROTOBUF" => ("POST", "application/vnd.kubernetes.protobuf"),
        method => (method, "application/json"),
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn thing(name: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion":"example.org/v1","kind":"Thing","metadata":{{"name":"{name}","namespace":"default"}},"spec":{spec}}}"#
    )
}

fn nested(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

#[tokio::test]
async fn maps_of_any_depth_are_refused_and_what_is_taken_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let mut kept = Vec::new();
    {
        let service = LocalCluster::open(&file, StoreOptions::default()).unwrap().service();
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(send(&service, "POST", definitions, DEFINITION).await.0, 201);
        for levels in [10_000, 1_000_000] {
            let text = thing("deep", &nested(levels));
            for (word, path) in
                [("POST", THINGS.to_owned()), ("APPLY", format!("{THINGS}/deep?fieldManager=m"))]
            {
                let (status, said) = send(&service, word, &path, &text).await;
                assert_eq!(status, 400, "{word} {levels}: {said}");
                assert!(said.len() < 2_000, "{word} {levels}: an answer quotes no whole object");
            }
        }
        // The deepest that is taken, by every way that leads in.
        for levels in 100..130 {
            for word in ["POST", "APPLY"] {
                let name = format!("thing-{}-{levels}", word.to_lowercase());
                let path = match word {
                    "POST" => THINGS.to_owned(),
                    _ => format!("{THINGS}/{name}?fieldManager=m"),
                };
                let (status, said) = send(&service, word, &path, &thing(&name, &nested(levels))).await;
                match status {
                    201 => kept.push(name),
                    status => assert_eq!(status, 400, "{word} {levels}: {said}"),
                }
            }
        }
        // One that grows by patches, each of them shallow.
        assert_eq!(send(&service, "POST", THINGS, &thing("grown", "{}")).await.0, 201);
        let (mut path, mut last) = ("/spec".to_owned(), 200);
        for _ in 0..40 {
            let patch = format!(r#"[{{"op":"add","path":"{path}/a","value":{}}}]"#, nested(5));
            last = send(&service, "JSON", &format!("{THINGS}/grown"), &patch).await.0;
            path.push_str(&"/a".repeat(6));
            if last != 200 {
                break;
            }
        }
        assert!((400..500).contains(&last), "{last}");
        kept.push("grown".to_owned());
    }
    assert!(kept.len() > 30, "{}", kept.len());
    let service = LocalCluster::open(&file, StoreOptions::default()).unwrap().service();
    for name in kept {
        assert_eq!(send(&service, "GET", &format!("{THINGS}/{name}"), "").await.0, 200, "{name}");
    }
}

#[tokio::test]
async fn bodies_that_are_nothing_are_refused() {
    let service = LocalCluster::new().service();
    let maps = "/api/v1/namespaces/default/configmaps";
    for word in ["POST", "PUT", "APPLY", "JSON", "PROTOBUF", "MERGE"] {
        for body in [
            "",
            "\0",
            "[]",
            "nul",
            "k8s\0",
            "k8s\0\u{1}\u{1}",
            "{\"apiVersion\":1}",
            "- a\n- b",
            "\u{feff}{}",
        ] {
            let path = match word {
                "POST" | "PROTOBUF" => maps.to_owned(),
                _ => format!("{maps}/a?fieldManager=m"),
            };
            let (status, said) = send(&service, word, &path, body).await;
            assert!((400..500).contains(&status), "{word} {body:?}: {status} {said}");
        }
    }
    let large = "x".repeat(9 << 20);
    let (status, said) = send(&service, "POST", maps, &large).await;
    assert_eq!(status, 413, "{said}");
    assert_eq!(send(&service, "GET", maps, "").await.0, 200);
}

const MAPS: &str = "/api/v1/namespaces/crowded/configmaps";
const CROWD: usize = 2_000;

async fn crowded() -> ApiService {
    let service = LocalCluster::new().service();
    let namespace = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"crowded"}}"#;
    assert_eq!(send(&service, "POST", "/api/v1/namespaces", namespace).await.0, 201);
    service
}

fn map(name: &str, metadata: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"{metadata}}}}}"#)
}

#[tokio::test]
async fn a_namespace_takes_any_number_of_objects_with_it() {
    let service = crowded().await;
    for count in 0..CROWD {
        assert_eq!(send(&service, "POST", MAPS, &map(&format!("m{count}"), "")).await.0, 201);
    }
    let held = map("held", r#","finalizers":["example.org/held"]"#);
    assert_eq!(send(&service, "POST", MAPS, &held).await.0, 201);
    assert_eq!(send(&service, "DELETE", "/api/v1/namespaces/crowded", "").await.0, 200);
    let left = send(&service, "GET", MAPS, "").await.1;
    assert!(left.contains("\"held\"") && !left.contains("\"m0\""), "{left}");
    let free = r#"[{"op":"remove","path":"/metadata/finalizers"}]"#;
    assert_eq!(send(&service, "JSON", &format!("{MAPS}/held"), free).await.0, 200);
    assert_eq!(send(&service, "GET", "/api/v1/namespaces/crowded", "").await.0, 404);
}

#[tokio::test]
async fn a_chain_of_owners_goes_from_one_end_to_the_other() {
    for propagation in ["Background", "Foreground"] {
        let service = crowded().await;
        let mut owner = String::new();
        for count in 0..CROWD {
            let (status, made) = send(&service, "POST", MAPS, &map(&format!("m{count}"), &owner)).await;
            assert_eq!(status, 201, "{made}");
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            let uid = made["metadata"]["uid"].as_str().unwrap();
            owner = format!(
                r#","ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap","name":"m{count}","uid":"{uid}","blockOwnerDeletion":true}}]"#
            );
        }
        let options =
            format!(r#"{{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"{propagation}"}}"#);
        assert_eq!(send(&service, "DELETE", &format!("{MAPS}/m0"), &options).await.0, 200);
        let left = send(&service, "GET", &format!("{MAPS}?limit=3"), "").await.1;
        assert!(left.contains(r#""items":[]"#), "{propagation}: {left}");
    }
}

#[tokio::test]
async fn a_definition_takes_any_number_of_objects_with_it() {
    let service = LocalCluster::new().service();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(send(&service, "POST", definitions, DEFINITION).await.0, 201);
    for count in 0..CROWD {
        assert_eq!(send(&service, "POST", THINGS, &thing(&format!("t{count}"), "1")).await.0, 201);
    }
    assert_eq!(send(&service, "DELETE", &format!("{definitions}/things.example.org"), "").await.0, 200);
    assert_eq!(send(&service, "GET", THINGS, "").await.0, 404);
}
