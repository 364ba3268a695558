#!/usr/bin/env python3
"""Writes the table of Kubernetes' types that Schema::kubernetes reads.

    go mod download k8s.io/client-go@v0.37.1 k8s.io/api@v0.37.1 k8s.io/apiextensions-apiserver@v0.37.1
    python3 kubernetes.py "$(go env GOMODCACHE)/k8s.io" v0.37.1 > kubernetes-1.37.txt

Names, types, list kinds and defaults come from the schemas in client-go and apiextensions-apiserver, required fields
from the tags of the Go types. Needs PyYAML. Only facts are taken: no text of either project goes into the table.
"""
import glob
import re
import sys

import yaml

home, version = sys.argv[1], sys.argv[2]
API, META = "io.k8s.api.", "io.k8s.apimachinery.pkg.apis.meta.v1."
CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."
FREE = {"__untyped_atomic_", "__untyped_deduced_", "io.k8s.apimachinery.pkg.runtime.RawExtension"}
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "q",
    META + "Time": "s",
    META + "MicroTime": "s",
    META + "FieldsV1": "?",
    CRD + "v1.JSON": "?",
    CRD + "v1.JSONSchemaPropsOrArray": "?",
    CRD + "v1.JSONSchemaPropsOrBool": "?",
    CRD + "v1.JSONSchemaPropsOrStringArray": "?",
}
CLUSTER_KINDS = set()
LETTERS = {"string": "s", "numeric": "n", "boolean": "b", "untyped": "?"}
# Aggregated, so in no schema of the clients; it has not changed since Kubernetes 1.7.
AGGREGATED = """\
kube-aggregator.v1.APIService|apiregistration.k8s.io/v1#APIService!|apiVersion:s kind:s metadata:@meta.ObjectMeta spec:@kube-aggregator.v1.APIServiceSpec status:?
kube-aggregator.v1.APIServiceSpec||caBundle:s group:s groupPriorityMinimum!:n insecureSkipTLSVerify:b service:@kube-aggregator.v1.ServiceReference version:s versionPriority!:n
kube-aggregator.v1.ServiceReference||name:s namespace:s port:n~~443""".split("\n")


def schema(module, path):
    with open(f"{home}/{module}@{version}/{path}/internal/internal.go") as file:
        text = file.read()
    start = "typed.YAMLObject(`"
    return yaml.safe_load(text[text.index(start) + len(start):text.rindex("`)")])["types"]


def go_structs(folder):
    """The fields of every struct of a package: (name in JSON, is required, is integer), or an inlined type's name."""
    found = {}
    for path in glob.glob(f"{folder}/*types*.go"):
        with open(path) as file:
            text = file.read()
        for above, name, body in re.findall(r"((?:^//[^\n]*\n|^\n)*)^type (\w+) struct \{\n(.*?)^\}", text, re.S | re.M):
            fields, optional = [], False
            if "+genclient:nonNamespaced" in above:
                CLUSTER_KINDS.add((folder, name))
            for line in body.split("\n"):
                line = line.strip()
                if line.startswith("//"):
                    optional = optional or line[2:].strip().startswith("+optional")
                    continue
                tag = re.search(r'^(\w+)?\s*([\w.*\[\]]+)\s+`.*json:"([^"]*)"', line)
                if tag:
                    _, kind, tag = tag.groups()
                    label, *marks = tag.split(",")
                    if "inline" in marks:
                        fields.append(kind.split(".")[-1])
                    else:
                        required = not optional and not {"omitempty", "omitzero"} & set(marks)
                        fields.append((label, required, bool(re.fullmatch(r"\*?u?int(32|64)?", kind))))
                optional = False
            found[name] = fields
    return found


def facts(structs, name, seen=()):
    out = {}
    for field in structs.get(name, []):
        if isinstance(field, str):
            if field not in seen:
                out.update(facts(structs, field, (*seen, name)))
        else:
            out[field[0]] = field[1:]
    return out


def short(name):
    for long, replacement in ((META, "meta."), (API, ""), (CRD, "crd.")):
        if name.startswith(long):
            return replacement + name[len(long):]
    raise SystemExit(f"a name of an unknown package: {name}")


def target(kind):
    """A value's type without its marker: a letter or a name."""
    if "namedType" in kind:
        name = kind["namedType"]
        return "?" if name in FREE else SCALARS.get(name) or short(name)
    return LETTERS.get(kind.get("scalar"), "?")


def shown(kind, field):
    suffix = ""
    if "list" in kind:
        inner = kind["list"]
        text = "[" + target(inner["elementType"])
        if inner["elementRelationship"] == "associative":
            suffix = "~merge=" + ",".join(inner.get("keys", []))
    elif "map" in kind:
        text = "{" + target(kind["map"]["elementType"])
    else:
        text = target(kind)
        text = text if len(text) == 1 else "@" + text
    relationship = kind.get("map", kind).get("elementRelationship")
    if relationship == "atomic":
        suffix = "~atomic"
    default = field.get("default")
    if default and not isinstance(default, dict):
        suffix += ("" if suffix else "~") + f"~{default}"
    return text + suffix


def group_names():
    groups = {}
    for path in glob.glob(f"{home}/api@{version}/*/*/register.go"):
        with open(path) as file:
            package = tuple(path.split("/")[-3:-1])
            groups[package] = re.search(r'GroupName\s*=\s*"([^"]*)"', file.read()).group(1)
    return groups


def main():
    groups, lines = group_names(), list(AGGREGATED)
    types = schema("client-go", "applyconfigurations")
    types += [t for t in schema("apiextensions-apiserver", "pkg/client/applyconfiguration")
              if t["name"].startswith(CRD + "v1.")]
    structs = {}
    for one in types:
        name = one["name"]
        if name in FREE or name in SCALARS or "map" not in one:
            continue
        label = short(name)
        if label.startswith("meta."):
            folder, package = f"{home}/apimachinery@{version}/pkg/apis/meta/v1", None
        elif label.startswith("crd."):
            folder, package = f"{home}/apiextensions-apiserver@{version}/pkg/apis/apiextensions/v1", None
        else:
            package = tuple(label.split(".")[:2])
            folder = f"{home}/api@{version}/{package[0]}/{package[1]}"
        if folder not in structs:
            structs[folder] = go_structs(folder)
        known = facts(structs[folder], name.rsplit(".", 1)[1])
        fields = {field["name"]: field for field in one["map"].get("fields", [])}
        kinds = ""
        if {"apiVersion", "kind", "metadata"} <= set(fields):
            group = groups[package] if package else "apiextensions.k8s.io"
            api_version = package[1] if package else "v1"
            kinds = (f"{group}/" if group else "") + f"{api_version}#{name.rsplit('.', 1)[1]}"
            kinds += "!" if (folder, name.rsplit(".", 1)[1]) in CLUSTER_KINDS else ""
        texts = []
        for field in sorted(fields):
            text = shown(fields[field]["type"], fields[field])
            required, integer = known.get(field, (False, False))
            if text.startswith("n") and integer:
                text = "i" + text[1:]
            texts.append(f"{field}{'!' if required else ''}:{text}")
        if one["map"].get("elementRelationship") == "atomic":
            texts.insert(0, "~atomic")
        lines.append(f"{label}|{kinds}|{' '.join(texts)}")
    print(f"# The types of Kubernetes {version.replace('v0.', 'v1.')}, one a line, sorted by name; written by kubernetes.py.")
    print("#")
    print("# NAME|KINDS|FIELDS: the name, the kind it describes as apiVersion#kind (`!`: without a namespace), its fields as name:type (`!`:")
    print("# required). Types are s(tring), i(nteger), n(umber), b(oolean), q (integer or string), ? (anything), @NAME,")
    print("# [TYPE (list) and {TYPE (map). ~merge=KEYS follows a list whose elements are told apart by KEYS (or by their")
    print("# value), ~atomic what is replaced as a whole, and after a second ~ stands the default.")
    print("\n".join(sorted(lines, key=lambda line: line.split("|")[0])))


main()
