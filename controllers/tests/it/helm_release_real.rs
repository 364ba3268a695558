//! Releases on the API server that `KUBECONFIG` names, worked on by this crate and by the real `helm` in turn.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitops_controllers::helm_release::{
    ReleaseClock, ReleaseCluster, ReleaseSecrets, Waiting, WaitingStrategy,
};
use gitops_core::health::status;
use gitops_core::ports::Clock;
use gitops_kube::{Connection, KubeCluster};
use gitops_yaml::Node;
use helm_rs::chart::{Chart, File};
use helm_rs::release::{
    Install, NamespaceCreation, OperationOptions, Operator, ReleaseStore, Rollback, Status, UninstallOptions,
    Upgrade,
};
use helm_rs::render::{ReleaseFacts, RenderOptions};
use helm_rs::values::{SetKind, Table, set};
use helm_rs::{Error, TemplateOptions, Templated, template};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

fn chart() -> Chart {
    let files = [
        File::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: '9'\n"),
        File::new("values.yaml", b"text: one\n"),
        File::new(
            "templates/a.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  text: {{ .Values.text | quote }}\n",
        ),
    ];
    Chart::load(&files, &mut Vec::new()).unwrap()
}

fn values(text: &str) -> Table {
    let mut values = Table::new();
    set(&mut values, text, SetKind::Typed).unwrap();
    values
}

fn rendered(chart: Chart, values: &Table, namespace: &str) -> Result<Templated, Error> {
    let options =
        TemplateOptions::new(RenderOptions::new(ReleaseFacts::install("web", namespace.to_owned())));
    template(chart, values, &options, &mut Vec::new()).map_err(|failed| failed.error)
}

/// Runs the real helm and returns what it prints.
fn helm(namespace: &str, args: &[&str]) -> String {
    let output = Command::new("helm").args(args).args(["--namespace", namespace]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_are_shared_with_helm() {
    let Some(path) = std::env::var_os("KUBECONFIG") else {
        println!("KUBECONFIG is not set: nothing is tried against a real API server");
        return;
    };
    if Command::new("helm").arg("version").output().is_err() {
        println!("helm is not on the PATH: nothing is compared with it");
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::from_file(path.as_ref(), None).await.unwrap();
    let kube = KubeCluster::connect(connection).unwrap();
    let namespace = format!("helm-release-{}", SystemClock.now().as_micros() % 1_000_000_000);
    let namespace = namespace.as_str();
    let readiness = |object: &Node| status(object).into();
    let waiting = Waiting {
        strategy: WaitingStrategy::Objects,
        timeout: Duration::from_secs(30),
        ..Waiting::default()
    };
    let clock = SystemClock;
    let cluster = ReleaseCluster::new(&kube, &clock, &readiness, waiting);
    let store = ReleaseSecrets::new(&kube, &clock, namespace);
    let now = ReleaseClock(&clock);
    let operator = Operator::new(&cluster, &store, &now, OperationOptions::default());
    let mut warnings = Vec::new();

    let mut install = Install::new("web", namespace);
    install.config = values("text=first");
    install.namespace_creation = NamespaceCreation::Yes;
    let render = || rendered(chart(), &install.config, namespace);
    operator.install(&install, &[], render, &mut warnings).await.unwrap();
    let listed = helm(namespace, &["list", "--output", "json"]);
    assert!(listed.contains("\"name\":\"web\"") && listed.contains("\"status\":\"deployed\""), "{listed}");
    assert!(
        listed.contains("\"chart\":\"web-1.2.3\"") && listed.contains("\"app_version\":\"9\""),
        "{listed}"
    );
    assert!(helm(namespace, &["get", "manifest", "web"]).contains("text: \"first\""));
    assert_eq!(helm(namespace, &["get", "values", "web", "--output", "json"]).trim(), r#"{"text":"first"}"#);

    let mut upgrade = Upgrade::new("web");
    upgrade.values = values("text=second");
    let render =
        |facts: &helm_rs::release::UpgradeFacts| rendered(facts.chart.clone(), &facts.values, namespace);
    operator.upgrade(&upgrade, chart(), render, &mut warnings).await.unwrap();

    // Helm goes back to the first revision, and this crate forward again.
    helm(namespace, &["rollback", "web", "1"]);
    let record = store.get("web", 3).await.unwrap().unwrap();
    assert_eq!((record.info.status, record.info.rollback_revision), (Status::Deployed, 1));
    assert_eq!(store.get("web", 2).await.unwrap().unwrap().info.status, Status::Superseded);
    operator.rollback(&Rollback::new("web", 2), &mut warnings).await.unwrap();
    let history = helm(namespace, &["history", "web"]);
    let lines: Vec<&str> = history.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{history}");
    assert!(lines[3].contains("deployed") && lines[3].contains("Rollback to 2"), "{history}");
    assert!(helm(namespace, &["get", "manifest", "web"]).contains("text: \"second\""));

    operator.uninstall("web", &UninstallOptions::default(), &mut warnings).await.unwrap();
    assert_eq!(helm(namespace, &["list", "--output", "json"]).trim(), "[]");
    assert!(store.releases().await.unwrap().is_empty());
    assert_eq!(warnings.len(), 0, "{warnings:?}");
}
