//! What `lookup` in a chart's templates finds in the cluster.
//!
//! Templates are rendered without waiting for anything, and the cluster is asked over a port that waits. So a template that
//! asks for something unknown stops its render, the cluster is asked, and the chart is rendered anew with the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::object::Gvk;
use gitops_core::ports::{Cluster, ListOptions, ObjectRef};
use gitops_yaml::Node;
use helm_rs::render::Lookup;
use helm_rs::values::Value;

use crate::status::mapping;

/// How many questions are answered at most: answers may lead to further questions without end.
const QUESTIONS: usize = 1000;

/// API version, kind, namespace and name, as the template gives them.
type Question = (String, String, String, String);
type Answer = Result<Option<Value>, String>;

/// The questions of a chart's templates, and the answers that are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookups(Arc<Known>);

#[derive(Debug, Default)]
struct Known(Mutex<BTreeMap<Question, Option<Answer>>>);

impl Lookup for Known {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Answer {
        let question = [api_version, kind, namespace, name].map(str::to_owned).into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = known.entry(question).or_default();
        answer.clone().unwrap_or_else(|| Err(String::from("the cluster was not asked for it")))
    }
}

impl Lookups {
    /// Returns what a render asks.
    pub(super) fn asked(&self) -> Arc<dyn Lookup> {
        Arc::clone(&self.0) as Arc<dyn Lookup>
    }

    /// Asks the cluster what is unknown; returns whether anything was, and the chart is to be rendered anew.
    pub(super) async fn answer<C: Cluster>(&self, cluster: &C) -> bool {
        let open: Vec<Question> = {
            let known = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() > QUESTIONS {
                return false;
            }
            let open = known.iter().filter(|(_, answer)| answer.is_none());
            open.map(|(question, _)| question.clone()).collect()
        };
        for question in &open {
            let answer = find(cluster, question).await;
            let mut known = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(question.clone(), Some(answer));
        }
        !open.is_empty()
    }
}

async fn find<C: Cluster>(cluster: &C, (api_version, kind, namespace, name): &Question) -> Answer {
    let gvk = Gvk::new(api_version, kind.as_str());
    let failed = |error: gitops_core::ports::ClusterError| error.to_string();
    let served = cluster.kind(&gvk).await.map_err(failed)?;
    let served = served.ok_or_else(|| {
        format!("unable to get apiresource from unstructured: {api_version}, Kind={kind}: the cluster serves no such kind")
    })?;
    let namespace = if served.namespaced { namespace.as_str() } else { "" };
    if name.is_empty() {
        let options = ListOptions {
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            ..ListOptions::default()
        };
        let list = cluster.list(&gvk, &options).await.map_err(failed)?;
        let list = mapping(vec![
            ("apiVersion", Node::string(api_version.as_str())),
            ("kind", Node::string(format!("{kind}List"))),
            ("metadata", mapping(vec![("resourceVersion", Node::string(list.resource_version))])),
            ("items", Node::sequence(list.items)),
        ]);
        return Ok(Some(Value::from_node(&list)));
    }
    let target = ObjectRef { gvk, namespace: namespace.into(), name: name.as_str().into() };
    Ok(cluster.get(&target).await.map_err(failed)?.as_ref().map(Value::from_node))
}
