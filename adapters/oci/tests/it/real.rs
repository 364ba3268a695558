//! A real registry, where the variable `REGISTRY` names one.

use crate::registry::artifact;
use gitops_core::ports::Registry;
use gitops_oci::{ArtifactInfo, FLUX_CONTENT, OciOptions, OciRegistry, Push};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn a_real_registry_takes_lists_and_returns_artifacts() {
    let Ok(host) = std::env::var("REGISTRY") else {
        println!("skipped: REGISTRY is not set");
        return;
    };
    let mut options = OciOptions::default();
    options.plain_http.push(host.clone());
    let registry = OciRegistry::new(options).unwrap();
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let repository = format!("{host}/gitops-rs/app-{unique}");
    assert!(!registry.tags(&repository).await.unwrap_err().can_retry());
    let info = ArtifactInfo { created: "1970-01-01T00:00:00Z".to_owned(), ..ArtifactInfo::default() };
    let push = Push::flux(artifact(), &info).unwrap();
    let digest = registry.push_artifact(&repository, "v1", &push).await.unwrap();
    // More tags than fit on a page of the registry's.
    for number in 0..120 {
        assert_eq!(registry.tag(&repository, "v1", &format!("t{number}")).await.unwrap(), digest);
    }
    let tags = registry.tags(&repository).await.unwrap();
    assert_eq!(tags.len(), 121);
    assert_eq!(registry.resolve(&repository, "t7").await.unwrap(), digest);
    let manifest = registry.manifest(&repository, &digest).await.unwrap();
    let layer = manifest.layer(Some(FLUX_CONTENT)).unwrap();
    assert_eq!(registry.blob(&repository, layer).await.unwrap(), artifact());
    let error = registry.resolve(&repository, "none").await.unwrap_err();
    assert!(error.to_string().contains("MANIFEST_UNKNOWN"), "{error}");
}
