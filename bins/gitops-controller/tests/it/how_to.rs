//! A how-to's repository exactly as people copy it, with its old versions and its slips: what can be applied is applied, and each
//! slip is answered.

use gitops_controllers::Kind;

use crate::stage::{Stage, copy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_how_to_with_slips_runs_as_far_as_it_can_and_names_each() {
    // Beside the recorded cases.
    let Some(files) = gitops_conformance::folder("../seed/how-to") else { return };
    let stage = Stage::begin("https://github.com/YourGitHubUserName/YourRepository", |folder, _| {
        copy(&files, folder, &|text| text);
    })
    .await;
    // All Kustomizations of the repository are roots here, so those that no path reaches run as well.
    let told = |kind: Kind, name: &'static str, wanted: &'static [&'static str]| (kind, name, wanted);
    let answers = [
        told(Kind::GitRepository, "kubernetes", &["True", "stored artifact for revision 'master@sha1:"]),
        told(Kind::Kustomization, "cluster-configuration", &["True", "Applied revision"]),
        // Two files of old versions beside each other, with one that can't be: all that can be is applied.
        told(Kind::Kustomization, "config-infrastructure", &["True", "Applied revision"]),
        // The how-to's own files lie in k8s/custers.
        told(
            Kind::Kustomization,
            "config-core",
            &["False", "./k8s/clusters/demo/core", "did you mean ./k8s/custers/demo/core?"],
        ),
        told(
            Kind::Kustomization,
            "config-apps",
            &["False", "./k8s/clusters/demo/apps", "did you mean ./k8s/custers/demo/apps?"],
        ),
        told(Kind::Kustomization, "core-ingress-nginx", &["True", "Applied revision"]),
        // A file that is not there, and the one that was meant.
        told(
            Kind::Kustomization,
            "apps-echo",
            &["False", "k8s/apps/demo/echo/kustomization.yaml:8:3", "deployment.yaml", "ingress.yaml"],
        ),
        // An address that a web page has hidden.
        told(
            Kind::ImageUpdateAutomation,
            "flux-system",
            &[
                "False",
                "k8s/infrastructure/image-automation/policy.yaml:17:16: spec.git.commit.author.email",
                "such as flux@example.com",
            ],
        ),
        // A word in base64's place is decoded to no address.
        told(Kind::Provider, "slack", &["False", "the address is no URL", "stringData"]),
        told(Kind::Alert, "kustomize", &["True", "Initialized"]),
    ];
    stage
        .until("each slip is answered", async |stage| {
            answers.iter().all(|(kind, name, wanted)| {
                let ready = stage.ready(*kind, name);
                wanted.iter().all(|part| ready.contains(part))
            })
        })
        .await;
    // The release waits for a repository that no test reaches, and says so.
    let release = gitops_controllers::Key::new(Kind::HelmRelease, "ingress-nginx", "ingress-nginx");
    let release = crate::stage::words(&stage.context.cache.get(&release).unwrap());
    assert!(release.starts_with("False ") && release.contains("ingress-nginx"), "{release}");
    let waits: Vec<String> =
        stage.seen().lines().filter(|line| line.ends_with(":  :")).map(str::to_owned).collect();
    assert!(waits.is_empty(), "nothing waits in silence: {waits:?}");
    stage.end().await;
}
