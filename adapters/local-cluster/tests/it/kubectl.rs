//! What kubectl does against the embedded API, where there is a kubectl.

use gitops_local_cluster::{ApiServer, LocalCluster, Simulation};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const MANIFESTS: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: apps, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1.27'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec: {selector: {app: web}, ports: [{port: 80}], type: LoadBalancer}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: apps}
data: {colour: blue}
";

const JOB: &str = r"
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: apps}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: busybox}]}}}
";

struct Kubectl<'a> {
    folder: &'a Path,
}

impl Kubectl<'_> {
    fn try_run(&self, line: &str) -> (bool, String) {
        let output = Command::new("kubectl")
            .args(line.split(' '))
            .current_dir(self.folder)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("HOME", self.folder)
            .env("KUBECTL_EXTERNAL_DIFF", "diff -u")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }

    /// Runs a command that must go well, and whose output must hold words.
    #[track_caller]
    fn says(&self, line: &str, words: &[&str]) {
        let (done, text) = self.try_run(line);
        assert!(done, "kubectl {line}: {text}");
        for word in words {
            assert!(text.contains(word), "kubectl {line} does not say {word}: {text}");
        }
    }

    #[track_caller]
    fn refuses(&self, line: &str, word: &str) {
        let (done, text) = self.try_run(line);
        assert!(!done && text.contains(word), "kubectl {line}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_with_the_embedded_api() {
    let found = Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        println!("skipped: there is no kubectl here");
        return;
    }
    let cluster = LocalCluster::new();
    let simulated =
        tokio::spawn(cluster.clone().simulate(Simulation::ready_after(Duration::from_millis(20))));
    let server = ApiServer::bind(&cluster, ("127.0.0.1", 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig().unwrap()).unwrap();
    std::fs::write(folder.path().join("all.yaml"), MANIFESTS).unwrap();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n";
    std::fs::write(folder.path().join("namespace.yaml"), namespace).unwrap();
    std::fs::write(folder.path().join("job.yaml"), JOB).unwrap();
    std::fs::write(folder.path().join("changed.yaml"), MANIFESTS.replace("blue", "red")).unwrap();
    let serving = tokio::spawn(server.serve());
    let path = folder.path().to_owned();
    tokio::task::spawn_blocking(move || session(&Kubectl { folder: &path })).await.unwrap();
    serving.abort();
    simulated.abort();
}

fn session(kubectl: &Kubectl<'_>) {
    kubectl.says("version", &["Server Version"]);
    kubectl.says("create -f namespace.yaml", &["namespace/apps created"]);
    kubectl.refuses("create -f namespace.yaml", "AlreadyExists");
    kubectl.says("apply -f all.yaml", &["deployment.apps/web created", "service/web created"]);
    kubectl.says("apply -f all.yaml", &["deployment.apps/web unchanged", "configmap/settings unchanged"]);
    kubectl.says("wait --for=condition=Available deploy/web -n apps --timeout=30s", &["condition met"]);
    kubectl.says("rollout status deploy/web -n apps --timeout=30s", &["successfully rolled out"]);
    kubectl.says(
        "get deploy,svc,cm -n apps",
        &["READY", "2/2", "LoadBalancer", "EXTERNAL-IP", "80:", "settings"],
    );
    kubectl.says("get deploy web -n apps -o wide", &["CONTAINERS", "nginx:1.27", "app=web"]);
    kubectl.says("get deploy web -n apps -o yaml", &["kind: Deployment", "availableReplicas: 2"]);
    kubectl.says("get ns -o json", &["\"kind\": \"List\"", "\"name\": \"apps\""]);
    kubectl.says("get cm settings -n apps -o jsonpath={.data.colour}", &["blue"]);
    kubectl.says("describe deploy web -n apps", &["MinimumReplicasAvailable", "2 desired"]);
    kubectl.says("describe svc web -n apps", &["LoadBalancer Ingress"]);
    kubectl.says("get all -n apps", &["deployment.apps/web", "service/web"]);
    let (same, text) = kubectl.try_run("diff -f changed.yaml");
    assert!(!same && text.contains("+  colour: red"), "{text}");
    kubectl.says("apply --server-side --force-conflicts -f changed.yaml", &["settings serverside-applied"]);
    kubectl.refuses("apply --server-side --field-manager other -f all.yaml", "conflict with \"kubectl\"");
    kubectl.says("diff --server-side --force-conflicts -f changed.yaml", &[]);
    kubectl.says("label deploy web tier=front -n apps", &["labeled"]);
    kubectl.says("get deploy -n apps -l tier=front -o name", &["deployment.apps/web"]);
    kubectl.says("annotate deploy web note=x -n apps", &["annotated"]);
    kubectl.says("scale deploy web --replicas=3 -n apps", &["scaled"]);
    kubectl.says("patch deploy web -n apps -p {\"spec\":{\"replicas\":4}}", &["patched"]);
    kubectl.says("set image deploy/web web=nginx:2 -n apps", &["image updated"]);
    kubectl.says("rollout status deploy/web -n apps --timeout=30s", &["successfully rolled out"]);
    kubectl.says("create -f job.yaml", &["job.batch/once created"]);
    kubectl.says("wait --for=condition=complete job/once -n apps --timeout=30s", &["condition met"]);
    kubectl.says("run one --image=nginx -n apps", &["pod/one created"]);
    kubectl.says("wait --for=condition=Ready pod/one -n apps --timeout=30s", &["condition met"]);
    made_by_flags(kubectl);
    kubectl.says("get events -n apps", &[]);
    kubectl.says("api-resources", &["deployments", "customresourcedefinitions"]);
    kubectl.says("delete pod one -n apps --timeout=30s", &["deleted"]);
    kubectl.says("delete -f all.yaml --timeout=30s", &["deployment.apps \"web\" deleted"]);
    kubectl.says("delete namespace apps --timeout=30s", &["deleted"]);
    kubectl.refuses("get namespace apps", "NotFound");
}

/// Commands that send protobuf and nothing else.
fn made_by_flags(kubectl: &Kubectl<'_>) {
    kubectl.says("create namespace flags", &["namespace/flags created"]);
    kubectl.refuses("create namespace flags", "AlreadyExists");
    for (line, kind) in [
        ("deployment two --image=nginx:1 --replicas=2 --port=80", "deployment.apps/two"),
        ("configmap c --from-literal=a=b", "configmap/c"),
        ("secret generic s --from-literal=a=b", "secret/s"),
        ("serviceaccount sa", "serviceaccount/sa"),
        ("service clusterip sv --tcp=80:http", "service/sv"),
        ("job j --image=busybox", "job.batch/j"),
        ("role r --verb=get,list --resource=pods", "role.rbac.authorization.k8s.io/r"),
        ("rolebinding rb --role=r --user=jane", "rolebinding.rbac.authorization.k8s.io/rb"),
        ("clusterrole flags --verb=get --resource=nodes", "clusterrole.rbac.authorization.k8s.io/flags"),
        ("quota q --hard=pods=1,cpu=500m", "resourcequota/q"),
        ("ingress i --rule=a.example.org/c=sv:80", "ingress.networking.k8s.io/i"),
        ("pdb p --selector=a=b --min-available=50%", "poddisruptionbudget.policy/p"),
        ("priorityclass flags --value=10", "priorityclass.scheduling.k8s.io/flags"),
    ] {
        kubectl.says(&format!("create {line} -n flags"), &[kind, " created"]);
    }
    kubectl.says(
        "get deploy two -n flags -o jsonpath={.spec.replicas}{.spec.template.spec.containers[0]}",
        &["2{", "nginx:1", r#""containerPort":80"#],
    );
    kubectl.says("get svc sv -n flags -o jsonpath={.spec.ports[0].targetPort}", &["http"]);
    kubectl.says("get secret s -n flags -o jsonpath={.data.a}", &["Yg=="]);
    kubectl.says("get pdb p -n flags -o jsonpath={.spec.minAvailable}", &["50%"]);
    kubectl.says("get quota q -n flags -o jsonpath={.spec.hard}", &["500m"]);
    kubectl.says("expose deploy two --port=80 -n flags", &["service/two exposed"]);
    kubectl.says("rollout restart deploy/two -n flags", &["restarted"]);
    kubectl.says("auth can-i create pods", &["yes"]);
    kubectl.says("auth can-i --list", &["*.*"]);
    kubectl.says("delete namespace flags --timeout=30s", &["deleted"]);
}

#[tokio::test]
async fn a_client_without_the_token_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = ApiServer::bind(&LocalCluster::new(), ("127.0.0.1", 0)).await.unwrap();
    let address = server.address().unwrap();
    let config = server.kubeconfig().unwrap();
    let token = config.lines().find_map(|line| line.trim().strip_prefix("server: ")).unwrap();
    let token = token.rsplit('/').next().unwrap().to_owned();
    let serving = tokio::spawn(server.serve());
    for (path, header, status) in [
        ("/api/v1/secrets".to_owned(), String::new(), "401"),
        ("/api/v1/secrets".to_owned(), "Authorization: Bearer wrong\r\n".to_owned(), "401"),
        (format!("/{}/api/v1/secrets", "0".repeat(32)), String::new(), "401"),
        (format!("/{token}/api/v1/secrets?limit=1"), String::new(), "200"),
        ("/api/v1/secrets".to_owned(), format!("Authorization: Bearer {token}\r\n"), "200"),
    ] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    serving.abort();
}
