//! Registries that lie, loop, stall or break.

use crate::registry::{options, registry, repository};
use crate::server::{Reply, Server};
use gitops_core::artifact::unpack;
use gitops_core::digest::sha256;
use gitops_core::ports::{Blob, Outlook, PortError, Registry};
use gitops_core::tree::Limits;
use gitops_oci::OciRegistry;
use std::io::{Read as _, Write as _};
use std::time::Duration;

#[track_caller]
fn stalled(error: &PortError, wanted: &str) {
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
    assert!(error.to_string().contains(wanted), "{error}");
}

#[tokio::test]
async fn pages_in_a_circle_end() {
    let server = Server::start(|_| {
        Reply::ok(r#"{"tags":["a"]}"#).with("Link", &r#"</v2/org/app/tags/list?n=1000>; rel="next""#)
    });
    let error = registry(&server).tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "the registry's list of tags has no end");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn pages_that_say_nothing_new_end() {
    let server = Server::start(|asked| {
        let next = format!("<{}x>; rel=\"next\"", asked.path);
        Reply::ok(r#"{"tags":["a"]}"#).with("Link", &next)
    });
    let error = registry(&server).tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "a page holds nothing but what came before");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn pages_and_tags_without_end_reach_their_limits() {
    let server = Server::start(|asked| {
        let length = asked.path.len();
        Reply::ok(format!(r#"{{"tags":["t{length}","u{length}"]}}"#))
            .with("Link", &format!("<{}x>; rel=\"next\"", asked.path))
    });
    let mut bounded = options(&[&server]);
    bounded.limits.pages = 5;
    let error = OciRegistry::new(bounded.clone()).unwrap().tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "the registry lists more than 5 pages");
    bounded.limits.tags = 3;
    let error = OciRegistry::new(bounded.clone()).unwrap().tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "the registry lists more than 3 tags");
    bounded.limits.page_bytes = 10;
    let error = OciRegistry::new(bounded).unwrap().tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "the limit is 10");
}

#[tokio::test]
async fn a_page_at_another_host_is_not_asked() {
    let other = Server::start(|_| Reply::ok(r#"{"tags":["evil"]}"#));
    let link = format!("<{}>; rel=\"next\"", other.other_name("/v2/x"));
    let server = Server::start(move |_| Reply::ok(r#"{"tags":["a"]}"#).with("Link", &link));
    let error = registry(&server).tags(&repository(&server)).await.unwrap_err();
    stalled(&error, "the next page is at another host");
    assert!(other.asked().is_empty());
}

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{"mediaType":"c"},"layers":[]}"#;

#[tokio::test]
async fn a_manifest_that_is_not_its_digest_is_refused() {
    let lie = format!("sha256:{}", "0".repeat(64));
    let said = lie.clone();
    let server = Server::start(move |_| Reply::ok(MANIFEST).with("Docker-Content-Digest", &said));
    let error = registry(&server).manifest(&repository(&server), "v1").await.unwrap_err();
    stalled(&error, "the registry says sha256:000");
    let error = registry(&server).manifest(&repository(&server), &lie).await.unwrap_err();
    stalled(&error, "wanted sha256:000");
}

#[tokio::test]
async fn manifests_of_any_shape_are_an_error_and_no_panic() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"schemaVersion":1}"#,
        r#"{"schemaVersion":2,"layers":[{}]}"#,
        r#"{"schemaVersion":2,"layers":[{"digest":"sha256:x","size":1}]}"#,
        r#"{"manifests":[]}"#,
        r#"{"manifests":[{"digest":"../../x"}]}"#,
        "\u{1b}[31m",
    ] {
        let server = Server::start(move |_| Reply::ok(text));
        let error = registry(&server).manifest(&repository(&server), "v1").await.unwrap_err();
        assert_eq!(error.outlook(), Outlook::Stalled, "{text}: {error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    let digest = format!("sha256:{}", "a".repeat(64));
    let negative = format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"{digest}","size":-1}}]}}"#);
    let server = Server::start(move |_| Reply::ok(&negative));
    let error = registry(&server).manifest(&repository(&server), "v1").await.unwrap_err();
    stalled(&error, "has no valid size");
}

#[tokio::test]
async fn a_manifest_without_bound_is_refused() {
    let server = Server::start(|_| Reply { unannounced: true, ..Reply::ok(vec![b' '; 5 << 20]) });
    let error = registry(&server).manifest(&repository(&server), "v1").await.unwrap_err();
    stalled(&error, "the limit is 4194304");
}

#[tokio::test]
async fn a_layer_is_what_the_manifest_says_or_refused() {
    let server = Server::start(|_| Reply::ok("12345"));
    let (registry, repository) = (registry(&server), repository(&server));
    let blob = |content: &[u8], size: u64| Blob { media_type: String::new(), digest: sha256(content), size };
    assert_eq!(&registry.blob(&repository, &blob(b"12345", 5)).await.unwrap()[..], b"12345");
    let wrong = |blob: Blob| {
        let (registry, repository) = (&registry, &repository);
        async move { registry.blob(repository, &blob).await.unwrap_err() }
    };
    stalled(&wrong(blob(b"54321", 5)).await, "the content's digest is sha256:5994471abb");
    stalled(&wrong(blob(b"12345", 4)).await, "the limit is 4");
    stalled(&wrong(blob(b"12345", 6)).await, "5 bytes came, the manifest says 6");
    let asked = server.asked().len();
    stalled(&wrong(blob(b"12345", 2 << 30)).await, "the limit is 134217728");
    assert_eq!(server.asked().len(), asked, "what is announced too large is not asked for");
    let evil = Blob { digest: "../../../secret".to_owned(), ..blob(b"", 0) };
    stalled(&wrong(evil).await, "is neither a tag nor a digest");
}

#[tokio::test]
async fn a_layer_that_stalls_may_come_the_next_time() {
    let server = Server::start(|_| Reply { stall_after: Some(2), ..Reply::ok("12345") });
    let blob = Blob { media_type: String::new(), digest: sha256(b"12345"), size: 5 };
    let error = registry(&server).blob(&repository(&server), &blob).await.unwrap_err();
    assert!(error.can_retry() && error.to_string().contains("stalled"), "{error}");
}

#[tokio::test]
async fn a_busy_registry_says_when_to_come_back() {
    let server = Server::start(|_| {
        let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
        Reply::new(429, body).with("Retry-After", &90)
    });
    let error = registry(&server).tags(&repository(&server)).await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Retry { after: Some(Duration::from_secs(90)) });
    assert!(error.to_string().ends_with("429 Too Many Requests: TOOMANYREQUESTS: slow down"), "{error}");
}

#[tokio::test]
async fn a_tag_that_is_not_there_is_named_as_the_registry_names_it() {
    let server = crate::registry::well_behaved();
    let error = registry(&server).resolve(&repository(&server), "nope").await.unwrap_err();
    let url = server.url("/v2/org/app/manifests/nope");
    stalled(&error, &format!("GET {url}: 404 Not Found: MANIFEST_UNKNOWN: manifest unknown"));
    let error = registry(&server).resolve(&repository(&server), "../../x").await.unwrap_err();
    stalled(&error, "is neither a tag nor a digest");
}

#[tokio::test]
async fn a_layer_that_is_a_bomb_is_never_unpacked() {
    // 64 MB of zeros in some 60 kB, with the right size and digest.
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
    let mut header = tar::Header::new_ustar();
    header.set_size(64 << 20);
    header.set_mode(0o600);
    archive.append_data(&mut header, "zeros", std::io::repeat(0).take(64 << 20)).unwrap();
    let bomb = archive.into_inner().unwrap().finish().unwrap();
    let layer = Blob { media_type: String::new(), digest: sha256(&bomb), size: bomb.len() as u64 };
    assert!(layer.size < 100_000);
    let server = Server::start(move |_| Reply::ok(&bomb));
    let content = registry(&server).blob(&repository(&server), &layer).await.unwrap();
    let error: PortError = unpack(&content, Limits::default()).unwrap_err().into();
    stalled(&error, "the archive unpacks to more than");
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked_by_the_client() {
    // A registry that claims to have compressed a manifest sends something else than its digest.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 8 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::start(move |_| Reply::ok(&packed).with("Content-Encoding", &"gzip"));
    let error = registry(&server).manifest(&repository(&server), "v1").await.unwrap_err();
    assert_eq!(error.outlook(), Outlook::Stalled, "{error}");
}
