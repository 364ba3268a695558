//! A registry in memory, and what the adapter asks of it.

use crate::server::{Asked, Reply, Server};
use gitops_core::artifact::pack;
use gitops_core::digest::sha256;
use gitops_core::ports::{Blob, ImageManifest, Registry};
use gitops_core::tree::MemTree;
use gitops_oci::{ArtifactInfo, FLUX_CONFIG, FLUX_CONTENT, Mirror, OciOptions, OciRegistry, Push};
use gitops_transport::Retries;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn options(servers: &[&Server]) -> OciOptions {
    let mut options = OciOptions::default();
    for server in servers {
        options.plain_http.push(server.address.to_string());
        options.plain_http.push(format!("localhost:{}", server.address.port()));
    }
    options.transport.stall = Duration::from_millis(500);
    options.transport.retries =
        Retries { attempts: 2, first: Duration::from_millis(1), longest: Duration::from_secs(1) };
    options
}

pub(crate) fn registry(server: &Server) -> OciRegistry {
    OciRegistry::new(options(&[server])).unwrap()
}

pub(crate) fn repository(server: &Server) -> String {
    format!("{}/org/app", server.address)
}

/// What a registry keeps by path: media type and content.
type Kept = BTreeMap<String, (String, Vec<u8>)>;

/// A registry that does as it should.
fn serve(kept: &Mutex<Kept>, asked: &Asked) -> Reply {
    let mut kept = kept.lock().unwrap();
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    match (asked.method.as_str(), path) {
        ("POST", _) => Reply::new(202, "").with("Location", &"/v2/org/app/blobs/uploads/1?_state=a%2Fb"),
        ("PUT", "/v2/org/app/blobs/uploads/1") => {
            let digest = query.split_once("digest=").unwrap().1.replace("%3A", ":");
            assert!(query.starts_with("_state=a%2Fb&"), "{query}");
            assert_eq!(digest, sha256(&asked.body));
            kept.insert(format!("/v2/org/app/blobs/{digest}"), (String::new(), asked.body.clone()));
            Reply::new(201, "")
        }
        ("PUT", path) => {
            let value = (asked.header("content-type").unwrap().to_owned(), asked.body.clone());
            let digest = sha256(&asked.body);
            kept.insert(format!("/v2/org/app/manifests/{digest}"), value.clone());
            kept.insert(path.to_owned(), value);
            Reply::new(201, "").with("Docker-Content-Digest", &digest)
        }
        (_, path) => match kept.get(path) {
            Some((media_type, content)) => Reply::ok(content)
                .with("Content-Type", media_type)
                .with("Docker-Content-Digest", &sha256(content)),
            None => {
                Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#)
            }
        },
    }
}

pub(crate) fn well_behaved() -> Server {
    let kept = Mutex::new(BTreeMap::new());
    Server::start(move |asked| serve(&kept, asked))
}

pub(crate) fn artifact() -> Arc<[u8]> {
    let mut tree = MemTree::new();
    tree.add_file("app.yaml", "kind: ConfigMap\n").unwrap();
    pack(&tree, None).unwrap().content.into()
}

fn flux() -> Push {
    let info = ArtifactInfo {
        source: "https://example.org/repo".to_owned(),
        revision: "main@sha1:0123".to_owned(),
        created: "1970-01-01T00:00:00Z".to_owned(),
        annotations: BTreeMap::new(),
    };
    Push::flux(artifact(), &info).unwrap()
}

#[tokio::test]
async fn what_is_pushed_is_pulled_and_the_same_artifact_has_the_same_digest() {
    let server = well_behaved();
    let (registry, repository) = (registry(&server), repository(&server));
    let digest = registry.push_artifact(&repository, "v1", &flux()).await.unwrap();
    assert_eq!(registry.push_artifact(&repository, "v2", &flux()).await.unwrap(), digest);
    assert_eq!(
        server.asked().iter().filter(|asked| asked.method == "POST").count(),
        2,
        "no blob is sent twice"
    );
    assert_eq!(registry.resolve(&repository, "v1").await.unwrap(), digest);
    let manifest = registry.manifest(&repository, "v1").await.unwrap();
    assert_eq!(
        (manifest.digest.as_str(), manifest.config_media_type.as_str()),
        (digest.as_str(), FLUX_CONFIG)
    );
    assert_eq!(manifest.annotations["org.opencontainers.image.revision"], "main@sha1:0123");
    assert_eq!(manifest.annotations["org.opencontainers.image.created"], "1970-01-01T00:00:00Z");
    let layer = manifest.layer(Some(FLUX_CONTENT)).unwrap();
    assert_eq!(registry.blob(&repository, layer).await.unwrap(), artifact());
    assert!(manifest.layer(Some("text/plain")).unwrap_err().to_string().contains(FLUX_CONTENT));
    assert_eq!(registry.tag(&repository, "v1", "latest").await.unwrap(), digest);
    assert_eq!(registry.resolve(&repository, "latest").await.unwrap(), digest);
}

#[tokio::test]
async fn the_port_pushes_too() {
    let server = well_behaved();
    let registry = registry(&server);
    let layers = vec![Blob { media_type: FLUX_CONTENT.to_owned(), ..Blob::default() }];
    let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let config_media_type = FLUX_CONFIG.to_owned();
    let manifest = ImageManifest { digest: String::new(), config_media_type, layers, annotations };
    let digest = registry.push(&repository(&server), "v1", &manifest, artifact()).await.unwrap();
    let found = registry.manifest(&repository(&server), &digest).await.unwrap();
    assert_eq!(found.annotations, manifest.annotations);
    assert_eq!(found.layers[0].digest, sha256(&artifact()));
}

#[tokio::test]
async fn asking_for_an_unchanged_tag_is_one_small_request() {
    let server = well_behaved();
    let (registry, repository) = (registry(&server), repository(&server));
    registry.push_artifact(&repository, "v1", &flux()).await.unwrap();
    server.forget();
    registry.resolve(&repository, "v1").await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("HEAD", "/v2/org/app/manifests/v1"));
    println!("a poll of an unchanged tag: 1 HEAD of {} bytes", asked[0].bytes);
    assert!(asked[0].bytes < 600, "{} bytes", asked[0].bytes);
}

#[tokio::test]
async fn pages_are_followed_wherever_they_lead_at_the_registry() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/v2/org/app/tags/list?n=1000" => Reply::ok(r#"{"name":"org/app","tags":["a","b"]}"#)
            .with("Link", &r#"</artifactory/opaque?cursor=%2Fx>; rel="next""#),
        "/artifactory/opaque?cursor=%2Fx" => {
            Reply::ok(r#"{"tags":["b","c"]}"#).with("Link", &r#"<?last=1>; rel="next""#)
        }
        "/artifactory/opaque?last=1" => {
            Reply::ok(r#"{"tags":null}"#).with("Link", &r#"<?last=2>; rel="next""#)
        }
        "/artifactory/opaque?last=2" => Reply::ok(r#"{"tags":["d","../evil","\u001b[31m"]}"#),
        _ => Reply::new(404, ""),
    });
    assert_eq!(registry(&server).tags(&repository(&server)).await.unwrap(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn an_index_gives_the_image_of_one_platform_and_its_own_digest() {
    let image = r#"{"schemaVersion":2,"config":{"mediaType":"x"},"layers":[]}"#;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[
            {{"digest":"sha256:{}","platform":{{"os":"linux","architecture":"arm64"}}}},
            {{"digest":"{}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#,
        "0".repeat(64),
        sha256(image.as_bytes())
    );
    let wanted = sha256(index.as_bytes());
    let server =
        Server::start(
            move |asked| {
                if asked.path.ends_with("/v1") { Reply::ok(&index) } else { Reply::ok(image) }
            },
        );
    let manifest = registry(&server).manifest(&repository(&server), "v1").await.unwrap();
    assert_eq!((manifest.config_media_type.as_str(), manifest.digest), ("x", wanted));
}

#[tokio::test]
async fn a_mirror_is_asked_first_and_the_registry_when_it_fails() {
    let (origin, mirror) = (well_behaved(), Server::start(|_| Reply::new(500, "broken")));
    let repository = repository(&origin);
    let digest = registry(&origin).push_artifact(&repository, "v1", &flux()).await.unwrap();
    let mut options = options(&[&origin, &mirror]);
    let at = format!("{}/cache", mirror.address);
    options.mirrors.push(Mirror { of: origin.address.to_string(), at });
    let registry = OciRegistry::new(options).unwrap();
    assert_eq!(registry.resolve(&repository, "v1").await.unwrap(), digest);
    assert_eq!(mirror.asked()[0].path, "/v2/cache/org/app/manifests/v1");
    let before = mirror.asked().len();
    registry.push_artifact(&repository, "v3", &flux()).await.unwrap();
    assert_eq!(mirror.asked().len(), before, "nothing is pushed to a mirror");
}

#[tokio::test]
async fn a_mirror_is_named_in_one_text() {
    let mirror = well_behaved();
    let direct = format!("{}/org/app", mirror.address);
    let digest = registry(&mirror).push_artifact(&direct, "v1", &flux()).await.unwrap();
    let mut options = OciOptions::default();
    let text = format!("ghcr.io=http://{}", mirror.address);
    options.mirrors.push(text.parse().unwrap());
    let registry = OciRegistry::new(options).unwrap();
    assert_eq!(registry.resolve("ghcr.io/org/app", "v1").await.unwrap(), digest);
    for text in [
        "ghcr.io",
        "=x.org",
        "ghcr.io=",
        "ghcr.io=x",
        "hub=x.org",
        "ghcr.io=ftp://x.org",
        "ghcr.io=x.org?y",
        "-x=y.org",
    ] {
        assert!(text.parse::<Mirror>().is_err(), "{text}");
    }
}
