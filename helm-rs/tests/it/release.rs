//! Releases: records, and operations against a cluster.

mod operations;
mod world;

use gitops_conformance::{Suite, folder};
use helm_rs::release::Release;

#[test]
fn records_are_those_of_helm() {
    let Some(folder) = folder("helm/release") else { return };
    let example: serde_json::Value =
        serde_json::from_str(&gitops_conformance::read(&folder.join("_storage-example.json"))).unwrap();
    let mut suite = Suite::new("helm-release-record");
    let outer = example["secret"]["data"]["release"].as_str().unwrap();
    let inner = String::from_utf8(data_encoding::BASE64.decode(outer.as_bytes()).unwrap()).unwrap();
    let record = Release::decode(&inner).unwrap();
    suite.check("read", || {
        let json: serde_json::Value = serde_json::from_str(&record.to_json_text()).unwrap();
        if json == example["decoded"] { Ok(()) } else { Err(format!("got {json}")) }
    });
    suite.check("written", || {
        let again = Release::decode(&record.encode()).unwrap();
        gitops_conformance::same_text(&record.to_json_text(), &again.to_json_text())
    });
    suite.check("bytes", || {
        let packed = data_encoding::BASE64.decode(inner.as_bytes()).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut text)
            .unwrap();
        gitops_conformance::same_text(&text, &record.to_json_text())
    });
    suite.check("labels", || {
        for (name, value) in record.record_labels() {
            if example["secret"]["metadata"]["labels"][name.as_str()] != value.as_str() {
                return Err(format!("{name}={value}"));
            }
        }
        Ok(())
    });
    suite.finish(100.0);
}
