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
        told(
            Kind::Provider,
            "slack",
            &["False", "k8s/infrastructure/notifications/slack.yaml:", "the address is no URL", "stringData"],
        ),
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
    // Slips that stop nothing, or that stand behind others.
    let warned = |name: &'static str, wanted: &'static [&'static str]| (name, wanted);
    let warnings = [
        warned(
            "cluster-configuration",
            // A person has applied it, from who knows where.
            &["spec.validation has no effect any more"],
        ),
        warned(
            "cluster-configuration",
            &["k8s/clusters/demo/config/core.yaml:1:", "write apiVersion: kustomize.toolkit.fluxcd.io/v1"],
        ),
        warned(
            "config-infrastructure",
            &["k8s/infrastructure/git-repositories/kubernetes.yaml:", "placeholder", "YourGitHubUserName"],
        ),
        warned(
            "config-infrastructure",
            &[
                "kubernetes.yaml:1:1: this source is pruned by the Kustomization that it feeds",
                "prune: disabled",
            ],
        ),
        warned(
            "config-infrastructure",
            &[
                "k8s/infrastructure/notifications/slack.yaml:",
                "data.address looks like plain text",
                "stringData",
            ],
        ),
        warned(
            "config-infrastructure",
            &[
                "k8s/infrastructure/image-automation/policy.yaml:",
                ".Updated, which Flux removed",
                "use .Changed",
            ],
        ),
        // Behind a file that is not there.
        warned(
            "apps-echo",
            &[
                "k8s/apps/base/echo/ingress.yaml:11:3: ",
                "spec.ingressClass",
                "did you mean ingressClassName?",
            ],
        ),
        warned(
            "apps-echo",
            &["k8s/apps/base/echo/ingress.yaml:12:10: either defaultBackend or rules must be specified"],
        ),
        warned("apps-echo", &["ingress.yaml:7:34: annotation kubernetes.io/ingress.class is deprecated"]),
        warned(
            "apps-echo",
            &["k8s/apps/base/echo/deployment.yaml:25:11: ", "write $(MESSAGE)", "-text=… or --text=…"],
        ),
        warned(
            "apps-echo",
            &["deployment.yaml:19:16: image hashicorp/http-echo names no version", "write a tag"],
        ),
        warned(
            "apps-echo",
            &[
                "dependency 'flux-system/core-ingress-nginx' is ready as soon as it is applied",
                "spec.wait: true",
            ],
        ),
    ];
    for (name, wanted) in warnings {
        stage
            .until(&format!("{name} warns of {wanted:?}"), async |stage| {
                let told = condition(stage, Kind::Kustomization, name, "Warnings");
                wanted.iter().all(|part| told.contains(part))
            })
            .await;
    }
    // The release waits for a repository that no test reaches, and says so.
    let release = gitops_controllers::Key::new(Kind::HelmRelease, "ingress-nginx", "ingress-nginx");
    let release = crate::stage::words(&stage.context.cache.get(&release).unwrap());
    assert!(release.starts_with("False ") && release.contains("ingress-nginx"), "{release}");
    let waits: Vec<String> =
        stage.seen().lines().filter(|line| line.ends_with(":  :")).map(str::to_owned).collect();
    assert!(waits.is_empty(), "nothing waits in silence: {waits:?}");

    // Whoever mends what is told first finds nothing hidden behind it.
    stage.edit("k8s/apps/demo/echo/kustomization.yaml", |text| {
        text.replace("- deployment.yaml", "- ingress.yaml")
    });
    stage.edit("k8s/infrastructure/image-automation/policy.yaml", |text| {
        text.replace("[email\u{a0}protected]", "bot@example.org")
    });
    for folder in ["core", "apps"] {
        let target = stage.folder.path().join("k8s/clusters/demo").join(folder);
        std::fs::rename(stage.folder.path().join("k8s/custers/demo").join(folder), target).unwrap();
    }
    let ask = "reconcile.fluxcd.io/requestedAt";
    stage
        .apply(&format!("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: kubernetes, namespace: flux-system, annotations: {{{ask}: now}}}}\n"))
        .await;
    for name in ["config-core", "config-apps", "apps-echo"] {
        stage
            .until(&format!("{name} is ready"), async |stage| {
                stage.is_ready(Kind::Kustomization, "flux-system", name)
            })
            .await;
    }
    stage
        .until("the automation has nothing to do", async |stage| {
            let told = condition(stage, Kind::ImageUpdateAutomation, "flux-system", "Warnings");
            stage.is_ready(Kind::ImageUpdateAutomation, "flux-system", "flux-system")
                && told.contains("policy.yaml:1:1: no ImagePolicy in namespace flux-system")
                && told.contains("no $imagepolicy markers found")
        })
        .await;
    let told = condition(&stage, Kind::Kustomization, "apps-echo", "Warnings");
    assert!(!told.contains("either defaultBackend"), "the overlay brings the rules: {told}");
    assert!(told.contains("did you mean ingressClassName?") && told.contains("write $(MESSAGE)"), "{told}");
    stage.end().await;
}

/// Returns the message of a condition of an object of namespace flux-system.
fn condition(stage: &Stage, kind: Kind, name: &str, wanted: &str) -> String {
    let key = gitops_controllers::Key::new(kind, "flux-system", name.to_owned());
    let Some(object) = stage.context.cache.get(&key) else { return String::new() };
    let condition = gitops_controllers::status::condition_of(&object, wanted);
    let message = condition.and_then(|condition| condition.get("message")?.as_str());
    message.unwrap_or_default().to_owned()
}
