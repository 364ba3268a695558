//! `.Capabilities`: what the cluster can do, with Go's fields and methods.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use gitops_template::{Function, List, Object, Signature, Type, Value};

use crate::{Capabilities, KubeVersion};

/// `*common.Capabilities`
#[derive(Debug)]
pub(crate) struct CapabilitiesObject(pub(crate) Arc<Capabilities>);

/// `common.KubeVersion`
#[derive(Debug)]
struct KubeVersionObject(KubeVersion);

/// `common.VersionSet`
#[derive(Debug)]
struct VersionSet(Arc<Capabilities>);

/// `version.BuildInfo`
#[derive(Debug)]
struct BuildInfo;

/// Makes a method without arguments that returns a text.
fn text_method(text: &str) -> Option<Arc<Function>> {
    let text = Value::from(text);
    Some(Arc::new(Function::new(Signature::new(&[], Type::String), move |_, _| Ok(text.clone()))))
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("*common.Capabilities")
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Arc::new(KubeVersionObject(self.0.kube_version.clone()))),
            "APIVersions" => Value::Object(Arc::new(VersionSet(Arc::clone(&self.0)))),
            "HelmVersion" => Value::Object(Arc::new(BuildInfo)),
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for KubeVersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("common.KubeVersion")
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::String(match name {
            "Version" => self.0.version.clone(),
            "Major" => self.0.major.clone(),
            "Minor" => self.0.minor.clone(),
            _ => return None,
        }))
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        match name {
            "GitVersion" => text_method(&self.0.version),
            "String" => text_method(&self.0.normalized),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        Some(self.0.normalized.to_string())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for VersionSet {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("common.VersionSet")
    }

    fn method(&self, name: &str) -> Option<Arc<Function>> {
        if name != "Has" {
            return None;
        }
        let capabilities = Arc::clone(&self.0);
        let signature = Signature::new(&[Type::String], Type::Bool);
        Some(Arc::new(Function::new(signature, move |_, arguments| {
            let wanted = arguments.first().and_then(Value::as_str).unwrap_or_default();
            Ok(Value::Bool(capabilities.has(wanted)))
        })))
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::List(List::strings(self.0.api_versions.iter().cloned())))
    }

    fn truth(&self) -> bool {
        !self.0.api_versions.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for BuildInfo {
    fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed("version.BuildInfo")
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::from(match name {
            "Version" => "v4.3",
            "GitCommit" | "GitTreeState" => "",
            "GoVersion" => "go1.26.8",
            "KubeClientVersion" => "v1.37",
            _ => return None,
        }))
    }

    fn text(&self) -> Option<String> {
        Some("{v4.3   go1.26.8 v1.37}".to_owned())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
