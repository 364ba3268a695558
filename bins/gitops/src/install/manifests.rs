//! What is installed, as objects: definitions, namespace, rights, network policies, quota, account, Deployment.
//!
//! The shape is that of Flux's own manifests, with one controller in place of six: names of policies, roles and bindings,
//! labels and the namespace are the same, so that what selects them goes on working.

use crate::Failure;
use gitops_core::api::{ServedVersions, definitions};
use gitops_yaml::{Dialect, FileId, Node, ReadOptions, print_sigs, read_stream};
use serde_json::json;
use std::fmt::Write;

/// The flags that shape the manifests.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ControllerFlags {
    /// Flux's controllers; the one controller here does the work of all of them, so that only the header names them.
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "NAME",
        default_value = "source-controller,kustomize-controller,helm-controller,notification-controller"
    )]
    components: Vec<String>,
    /// Flux's further controllers; no more than names in the header, as with --components.
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME")]
    components_extra: Vec<String>,
    /// The version to install: this program's own, with a `v` or without, or `latest`.
    #[arg(long, global = true, default_value = "latest", value_name = "VERSION", value_parser = own_version)]
    version: String,
    /// The registry of the controller's image.
    #[arg(long, global = true, default_value = "ghcr.io/gitops-rs", value_name = "HOST/PATH")]
    registry: String,
    /// A login for the registry, USER:PASSWORD, put into the pull secret.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "USER:PASSWORD")]
    registry_creds: String,
    /// The pull secret of the controller's image.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "NAME")]
    image_pull_secret: String,
    /// Watch all namespaces.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    watch_all_namespaces: bool,
    /// Deny traffic into the namespace but for scraping and web hooks.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    network_policy: bool,
    /// How much is logged: debug, info or error.
    #[arg(long, global = true, default_value = "info", value_parser = crate::flags::one_of("log level", &["debug", "info", "error"]))]
    log_level: String,
    /// Accepted for scripts; it has no effect, as the controller asks no other by name.
    #[arg(long, global = true, default_value = "cluster.local", value_name = "DOMAIN")]
    cluster_domain: String,
    /// Keys of taints that the controller tolerates.
    #[arg(long, global = true, value_delimiter = ',', value_name = "KEY")]
    toleration_keys: Vec<String>,
}

/// Takes the version of this program, whose definitions and controller it brings.
fn own_version(text: &str) -> Result<String, String> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    if text.is_empty() || text == "latest" || text.trim_start_matches('v') == OWN {
        return Ok(text.to_owned());
    }
    Err(format!("this program installs v{OWN} alone: take the program of {text} for that"))
}

const COMPONENTS: [&str; 7] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
    "source-watcher",
];
const NAME: &str = "gitops-controller";
const GROUPS: &str = "source.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io, helm.toolkit.fluxcd.io, notification.toolkit.fluxcd.io, image.toolkit.fluxcd.io, source.extensions.fluxcd.io";

/// The controller that is installed.
pub(crate) struct Controller<'a> {
    flags: &'a ControllerFlags,
    namespace: &'a str,
}

impl<'a> Controller<'a> {
    pub(crate) fn new(flags: &'a ControllerFlags, namespace: &'a str) -> Result<Self, Failure> {
        for name in flags.components.iter().chain(&flags.components_extra) {
            if !COMPONENTS.contains(&name.as_str()) {
                return Err(format!("component {name} is not available").into());
            }
        }
        if !flags.registry_creds.is_empty() && !flags.registry_creds.contains(':') {
            return Err("invalid --registry-creds format, expected 'user:password'".into());
        }
        if !flags.registry_creds.is_empty() && flags.image_pull_secret.is_empty() {
            return Err("--registry-creds requires --image-pull-secret to be set".into());
        }
        Ok(Self { flags, namespace })
    }

    /// The namespace and the definitions.
    pub(crate) fn definitions(&self, versions: ServedVersions) -> Result<Vec<Node>, Failure> {
        let mut objects = self.read(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels: {{pod-security.kubernetes.io/warn: restricted, pod-security.kubernetes.io/warn-version: latest}}\n",
            self.namespace
        ))?;
        let mut all = definitions(versions);
        for definition in &mut all {
            self.label(definition);
        }
        objects.append(&mut all);
        Ok(objects)
    }

    /// Everything.
    pub(crate) fn objects(&self, versions: ServedVersions) -> Result<Vec<Node>, Failure> {
        let mut objects = self.definitions(versions)?;
        if self.flags.network_policy {
            objects.extend(self.read(&policies(self.namespace))?);
        }
        objects.extend(self.read(&self.rights())?);
        objects.extend(self.pull_secret()?);
        objects.extend(self.read(&self.deployment())?);
        Ok(objects)
    }

    /// Whether one of Flux's controllers is among those whose work is wanted.
    pub(crate) fn has(&self, component: &str) -> bool {
        self.components().any(|one| one == component)
    }

    /// Prints objects as a stream, with a header that says where it comes from.
    pub(crate) fn print(&self, objects: &[Node]) -> Result<String, Failure> {
        let mut text = String::new();
        for (index, object) in objects.iter().enumerate() {
            text.push_str("---\n");
            if index == 0 {
                let version = env!("CARGO_PKG_VERSION");
                let kinds: Vec<&str> = self.components().collect();
                writeln!(
                    text,
                    "# This manifest was generated by gitops. DO NOT EDIT.\n# Version: v{version}\n# Components: {NAME} in place of {}",
                    kinds.join(",")
                )?;
            }
            text.push_str(&print_sigs(object, Dialect::V3)?);
        }
        Ok(text)
    }

    fn components(&self) -> impl Iterator<Item = &str> {
        self.flags.components.iter().chain(&self.flags.components_extra).map(String::as_str)
    }

    /// Reads objects, and labels them.
    fn read(&self, text: &str) -> Result<Vec<Node>, Failure> {
        let documents = read_stream(text.as_bytes(), FileId::NONE, &ReadOptions::yaml11())?;
        let mut objects: Vec<Node> = documents.into_iter().map(|document| document.root).collect();
        for object in &mut objects {
            self.label(object);
        }
        Ok(objects)
    }

    fn label(&self, object: &mut Node) {
        let Some(metadata) = object.get_mut("metadata") else { return };
        if metadata.get("labels").is_none() {
            metadata.set("labels", Node::mapping(Vec::new()));
        }
        let Some(labels) = metadata.get_mut("labels") else { return };
        labels.set("app.kubernetes.io/instance", Node::string(self.namespace.to_owned()));
        labels.set("app.kubernetes.io/part-of", Node::string("flux"));
        labels.set("app.kubernetes.io/version", Node::string(concat!("v", env!("CARGO_PKG_VERSION"))));
    }

    fn rights(&self) -> String {
        let namespace = self.namespace;
        let role = |name: &str, labels: &str, rules: &str| {
            format!(
                "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}-{namespace}, labels: {{{labels}}}}}\nrules:\n{rules}"
            )
        };
        let binding = |name: &str, role: &str| {
            format!(
                "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {name}-{namespace}}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}\nsubjects:\n- {{kind: ServiceAccount, name: {NAME}, namespace: {namespace}}}\n"
            )
        };
        let kinds: String = GROUPS
            .split(", ")
            .map(|group| format!("- {{apiGroups: [{group}], resources: ['*'], verbs: ['*']}}\n"))
            .collect();
        let own = format!(
            "{kinds}- {{apiGroups: [''], resources: [namespaces, secrets, configmaps, serviceaccounts], verbs: [get, list, watch]}}\n- {{apiGroups: [''], resources: [events], verbs: [create, patch]}}\n- {{apiGroups: [''], resources: [configmaps], verbs: [get, list, watch, create, update, patch, delete]}}\n- {{apiGroups: [''], resources: [configmaps/status], verbs: [get, update, patch]}}\n- {{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update, patch, delete]}}\n- {{apiGroups: [''], resources: [serviceaccounts/token], verbs: [create]}}\n- {{nonResourceURLs: [/livez/ping], verbs: [head]}}\n"
        );
        let groups = "notification.toolkit.fluxcd.io, source.toolkit.fluxcd.io, source.extensions.fluxcd.io, helm.toolkit.fluxcd.io, image.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io";
        let edit = "rbac.authorization.k8s.io/aggregate-to-admin: 'true', rbac.authorization.k8s.io/aggregate-to-edit: 'true'";
        let mut text = format!(
            "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: critical-pods-{namespace}, namespace: {namespace}}}\nspec:\n  hard: {{pods: '1000'}}\n  scopeSelector:\n    matchExpressions:\n    - {{operator: In, scopeName: PriorityClass, values: [system-node-critical, system-cluster-critical]}}\n"
        );
        text += &role("crd-controller", "", &own);
        text += &role(
            "flux-edit",
            edit,
            &format!(
                "- apiGroups: [{groups}]\n  resources: ['*']\n  verbs: [create, delete, deletecollection, patch, update]\n"
            ),
        );
        text += &role(
            "flux-view",
            &format!("{edit}, rbac.authorization.k8s.io/aggregate-to-view: 'true'"),
            &format!("- apiGroups: [{groups}]\n  resources: ['*']\n  verbs: [get, list, watch]\n"),
        );
        text += &binding("cluster-reconciler", "cluster-admin");
        text += &binding("crd-controller", &format!("crd-controller-{namespace}"));
        text
    }

    fn pull_secret(&self) -> Result<Option<Node>, Failure> {
        use base64::Engine as _;
        let Some((user, password)) = self.flags.registry_creds.split_once(':') else { return Ok(None) };
        let host = self.flags.registry.split('/').next().unwrap_or_default();
        let auth = base64::engine::general_purpose::STANDARD.encode(&self.flags.registry_creds);
        let login = json!({"auths": {host: {"username": user, "password": password, "auth": auth}}});
        let mut secret = crate::cluster::node(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": self.flags.image_pull_secret, "namespace": self.namespace},
            "stringData": {".dockerconfigjson": login.to_string()},
        }))?;
        self.label(&mut secret);
        Ok(Some(secret))
    }

    fn deployment(&self) -> String {
        let Self { flags, namespace } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut args = vec![format!("--log-level={}", flags.log_level)];
        args.extend(RUNTIME_FLAGS.map(str::to_owned));
        if !flags.watch_all_namespaces {
            args.push(format!("--watch-namespace={namespace}"));
        }
        let list = |items: &[String], indent: &str| -> String {
            items.iter().map(|item| format!("{indent}- {item}\n")).collect()
        };
        let mut pod = String::new();
        if !flags.image_pull_secret.is_empty() {
            pod += &format!("      imagePullSecrets: [{{name: {}}}]\n", quoted(&flags.image_pull_secret));
        }
        if !flags.toleration_keys.is_empty() {
            let keys: Vec<String> = flags
                .toleration_keys
                .iter()
                .map(|key| format!("{{key: {}, operator: Exists}}", quoted(key)))
                .collect();
            pod += &format!("      tolerations:\n{}", list(&keys, "      "));
        }
        format!(
            "---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {NAME}, namespace: {namespace}, labels: {{app.kubernetes.io/component: {NAME}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {NAME}
  namespace: {namespace}
  labels: {{app.kubernetes.io/component: {NAME}, control-plane: controller}}
spec:
  replicas: 1
  strategy: {{type: Recreate}}
  selector: {{matchLabels: {{app: {NAME}}}}}
  template:
    metadata:
      labels: {{app: {NAME}, app.kubernetes.io/component: {NAME}, app.kubernetes.io/instance: {namespace}, app.kubernetes.io/part-of: flux, app.kubernetes.io/version: v{version}}}
    spec:
      serviceAccountName: {NAME}
      terminationGracePeriodSeconds: 60
      priorityClassName: system-cluster-critical
      nodeSelector: {{kubernetes.io/os: linux}}
      securityContext: {{fsGroup: 1337}}
{pod}      containers:
      - name: manager
        image: {image}
        imagePullPolicy: IfNotPresent
        args:
{args}        ports:
        - {{containerPort: 8080, name: http-prom, protocol: TCP}}
        - {{containerPort: 9440, name: healthz, protocol: TCP}}
        livenessProbe: {{httpGet: {{path: /healthz, port: healthz}}}}
        readinessProbe: {{httpGet: {{path: /readyz, port: healthz}}}}
        env:
        - name: RUNTIME_NAMESPACE
          valueFrom: {{fieldRef: {{fieldPath: metadata.namespace}}}}
        resources:
          limits: {{cpu: 1000m, memory: 512Mi}}
          requests: {{cpu: 50m, memory: 64Mi}}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {{drop: [ALL]}}
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          runAsUser: 65534
          seccompProfile: {{type: RuntimeDefault}}
        volumeMounts: [{{mountPath: /tmp, name: temp}}]
      volumes: [{{name: temp, emptyDir: {{}}}}]
",
            image = quoted(&format!("{}/{NAME}:v{version}", flags.registry)),
            args = list(&args, "        "),
        )
    }
}

/// A text of the user's, which stays a text whatever is in it.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// How the controller runs in a pod: it says whether it is well, and keeps artifacts across a restart of its container.
const RUNTIME_FLAGS: [&str; 5] = [
    "--log-encoding=json",
    "--enable-leader-election",
    "--health-addr=:9440",
    "--metrics-addr=:8080",
    "--storage-path=/tmp/artifacts",
];

fn policies(namespace: &str) -> String {
    let policy = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
        )
    };
    policy(
        "allow-egress",
        "{egress: [{}], ingress: [{from: [{podSelector: {}}]}], podSelector: {}, policyTypes: [Ingress, Egress]}",
    ) + &policy(
        "allow-scraping",
        "{ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080, protocol: TCP}]}], podSelector: {}, policyTypes: [Ingress]}",
    ) + &policy(
        "allow-webhooks",
        &format!(
            "{{ingress: [{{from: [{{namespaceSelector: {{}}}}]}}], podSelector: {{matchLabels: {{app: {NAME}}}}}, policyTypes: [Ingress]}}"
        ),
    )
}
