//! Records of releases in Secrets, as Helm keeps them: what one tool writes, the other reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::object::Gvk;
use gitops_core::ports::{Clock, Cluster, ClusterFault, DeleteOptions, ListOptions, ObjectRef, WriteOptions};
use gitops_yaml::{Node, Str};
use helm_rs::Time;
use helm_rs::release::{ClusterError, Now, Release, ReleaseStore, SECRET_TYPE, SYSTEM_LABELS, record_name};

/// Records of releases in the Secrets of one namespace: `sh.helm.release.v1.NAME.vN`.
#[derive(Debug)]
pub struct ReleaseSecrets<'a, C, K> {
    cluster: &'a C,
    clock: &'a K,
    namespace: Str,
    manager: Str,
}

impl<'a, C: Cluster, K: Clock> ReleaseSecrets<'a, C, K> {
    /// Keeps records in this namespace: a release's own, or its storage namespace.
    #[must_use]
    pub fn new(cluster: &'a C, clock: &'a K, namespace: impl Into<Str>) -> Self {
        Self { cluster, clock, namespace: namespace.into(), manager: Str::literal("helm") }
    }

    /// Names the field manager; Helm's is `helm`.
    #[must_use]
    pub fn manager(mut self, manager: impl Into<Str>) -> Self {
        self.manager = manager.into();
        self
    }

    /// Lists every release's last record, whose name sorts first to last.
    ///
    /// # Errors
    /// That the records can't be read.
    pub async fn releases(&self) -> Result<Vec<Release>, ClusterError> {
        let mut all = self.select("owner=helm", "list: failed to list").await?;
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.revision.cmp(&a.revision)));
        all.dedup_by(|later, first| later.name == first.name);
        Ok(all)
    }

    /// Reads the records with these labels. Those that can't be read are passed over, as Helm does.
    async fn select(&self, labels: &str, failed: &str) -> Result<Vec<Release>, ClusterError> {
        let options = ListOptions {
            namespace: Some(self.namespace.clone()),
            labels: labels.to_owned(),
            ..ListOptions::default()
        };
        let list = self.cluster.list(&secret(), &options).await;
        let list = list.map_err(|error| ClusterError(format!("{failed}: {error}")))?;
        Ok(list.items.iter().filter_map(|object| read(object).ok()).collect())
    }

    fn target(&self, name: &str, revision: i64) -> ObjectRef {
        ObjectRef {
            gvk: secret(),
            namespace: self.namespace.clone(),
            name: record_name(name, revision).into(),
        }
    }

    fn options(&self) -> WriteOptions {
        WriteOptions { manager: self.manager.clone(), ..WriteOptions::default() }
    }

    /// Makes the Secret of a record; `time` names the label with the time of this write.
    fn write(&self, release: &Release, time: &'static str) -> Node {
        let mut labels = Node::mapping(Vec::new());
        let now = self.clock.now().as_secs().to_string();
        let mut all = release.record_labels();
        all.insert(Str::literal(time), now.into());
        for (key, value) in all {
            labels.set(key, Node::string(value));
        }
        let mut metadata = Node::mapping(Vec::new());
        metadata.set("name", Node::string(release.record_name()));
        metadata.set("namespace", Node::string(self.namespace.clone()));
        metadata.set("labels", labels);
        let mut data = Node::mapping(Vec::new());
        data.set("release", Node::string(STANDARD.encode(release.encode())));
        let mut object = Node::mapping(Vec::new());
        object.set("apiVersion", Node::string(Str::literal("v1")));
        object.set("kind", Node::string(Str::literal("Secret")));
        object.set("metadata", metadata);
        object.set("type", Node::string(Str::literal(SECRET_TYPE)));
        object.set("data", data);
        object
    }
}

fn secret() -> Gvk {
    Gvk::new("v1", Str::literal("Secret"))
}

/// Reads a record and its user's labels.
fn read(object: &Node) -> Result<Release, String> {
    let data = object.at_path(&["data", "release"]).and_then(Node::as_str).unwrap_or_default();
    let text = STANDARD.decode(data).map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
    let mut release = Release::decode(text).map_err(|error| error.to_string())?;
    for entry in object.at_path(&["metadata", "labels"]).and_then(Node::entries).unwrap_or_default() {
        if let (Some(key), Some(value)) = (entry.key.scalar(), entry.value.scalar())
            && !SYSTEM_LABELS.contains(&key.as_str())
        {
            release.labels.insert(key.clone(), value.clone());
        }
    }
    Ok(release)
}

impl<C: Cluster, K: Clock> ReleaseStore for ReleaseSecrets<'_, C, K> {
    async fn history(&self, name: &str) -> Result<Vec<Release>, ClusterError> {
        self.select(&format!("name={name},owner=helm"), "query: failed to query with labels").await
    }

    async fn get(&self, name: &str, revision: i64) -> Result<Option<Release>, ClusterError> {
        let target = self.target(name, revision);
        let key = &target.name;
        let live = self.cluster.get(&target).await;
        let live = live.map_err(|error| ClusterError(format!("get: failed to get \"{key}\": {error}")))?;
        let record = live.map(|object| read(&object)).transpose();
        record.map_err(|why| ClusterError(format!("get: failed to decode data \"{key}\": {why}")))
    }

    async fn deployed(&self, name: &str) -> Result<Vec<Release>, ClusterError> {
        let labels = format!("name={name},owner=helm,status=deployed");
        self.select(&labels, "query: failed to query with labels").await
    }

    async fn create(&self, release: &Release) -> Result<(), ClusterError> {
        let object = self.write(release, "createdAt");
        match self.cluster.create(&object, &self.options()).await {
            Ok(_) => Ok(()),
            Err(error) if error.fault == ClusterFault::AlreadyExists => {
                Err(ClusterError("release: already exists".to_owned()))
            }
            Err(error) => Err(ClusterError(format!("create: failed to create: {error}"))),
        }
    }

    async fn update(&self, release: &Release) -> Result<(), ClusterError> {
        let object = self.write(release, "modifiedAt");
        let updated = self.cluster.replace(&object, &self.options()).await;
        updated.map(drop).map_err(|error| ClusterError(format!("update: failed to update: {error}")))
    }

    async fn delete(&self, name: &str, revision: i64) -> Result<(), ClusterError> {
        let deleted = self.cluster.delete(&self.target(name, revision), &DeleteOptions::default()).await;
        match deleted {
            Ok(true) => Ok(()),
            Ok(false) => Err(ClusterError("release: not found".to_owned())),
            Err(error) => Err(ClusterError(error.to_string())),
        }
    }
}

/// Tells releases the time of a clock.
#[derive(Debug)]
pub struct ReleaseClock<'a, K>(pub &'a K);

impl<K: Clock> Now for ReleaseClock<'_, K> {
    fn now(&self) -> Time {
        let now = self.0.now();
        Time::new(i64::try_from(now.as_secs()).unwrap_or(i64::MAX), now.subsec_nanos())
    }
}
