//! Positions of resources by hashes of their ids and by their names; every hit is compared with the resource itself.
//!
//! What few builds ask for, former ids and names, is made when it is first asked for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use gitops_yaml::Str;

use crate::id::ResourceId;
use crate::resource::Resource;
use crate::resource_map::as_u32;

/// Tables that follow changes one resource at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// The hash of every resource's present id.
    hashes: Vec<u64>,
    current: Table,
    /// How many of the present ids more than one resource has.
    crowded: usize,
    any: Option<AnyId>,
    /// Positions by the names that resources have or had; some may have lost the name since.
    names: Option<HashMap<Str, Positions>>,
}

/// Positions by present and former ids.
#[derive(Clone, Debug, Default)]
struct AnyId {
    hashes: Vec<Box<[u64]>>,
    table: Table,
}

type Table = HashMap<u64, Positions, BuildHasherDefault<AsItIs>>;

impl Index {
    /// Indexes resources by the hashes of their present ids.
    pub(crate) fn new(hashes: impl Iterator<Item = u64>) -> Self {
        let mut index = Self { hashes: hashes.collect(), ..Self::default() };
        index.current.reserve(index.hashes.len());
        for position in 0..index.hashes.len() {
            index.enter(as_u32(position), index.hashes[position]);
        }
        index
    }

    /// Returns whether more than one resource has one present id.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded > 0
    }

    /// Returns the positions of the resources whose present id has this hash.
    pub(crate) fn with_current(&self, hash: u64) -> &[u32] {
        self.current.get(&hash).map(Positions::as_slice).unwrap_or_default()
    }

    /// Returns the positions of the resources that have or had an id of this hash; `all` are the hashes of every resource.
    pub(crate) fn with_any<I: Iterator<Item = Box<[u64]>>>(
        &mut self,
        hash: u64,
        all: impl FnOnce() -> I,
    ) -> &[u32] {
        let any = self.any.get_or_insert_with(|| {
            let mut any = AnyId::default();
            all().for_each(|hashes| any.push(hashes));
            any
        });
        any.table.get(&hash).map(Positions::as_slice).unwrap_or_default()
    }

    /// Returns the positions of the resources that have or had a name.
    pub(crate) fn with_name(&mut self, name: &str, resources: &[Resource]) -> &[u32] {
        let names = self.names.get_or_insert_with(|| {
            let mut names = HashMap::new();
            for (position, resource) in resources.iter().enumerate() {
                note_names(&mut names, as_u32(position), resource);
            }
            names
        });
        names.get(name).map(Positions::as_slice).unwrap_or_default()
    }

    /// Adds a resource at the end; `hashes` are those of all its ids.
    pub(crate) fn push(&mut self, hash: u64, resource: &Resource, hashes: impl FnOnce() -> Box<[u64]>) {
        let position = as_u32(self.hashes.len());
        self.hashes.push(hash);
        self.enter(position, hash);
        if let Some(any) = &mut self.any {
            any.push(hashes());
        }
        if let Some(names) = &mut self.names {
            note_names(names, position, resource);
        }
    }

    /// Follows a change of a resource.
    pub(crate) fn follow(
        &mut self,
        position: u32,
        hash: u64,
        resource: &Resource,
        hashes: impl FnOnce() -> Box<[u64]>,
    ) {
        let old = std::mem::replace(&mut self.hashes[position as usize], hash);
        if old != hash {
            if let Some(list) = self.current.get_mut(&old) {
                list.remove(position);
                self.crowded -= usize::from(list.as_slice().len() == 1);
            }
            self.enter(position, hash);
        }
        if let Some(any) = &mut self.any {
            any.follow(position, hashes());
        }
        if let Some(names) = &mut self.names {
            note_names(names, position, resource);
        }
    }

    fn enter(&mut self, position: u32, hash: u64) {
        let list = self.current.entry(hash).or_default();
        list.add(position);
        self.crowded += usize::from(list.as_slice().len() == 2);
    }
}

impl AnyId {
    fn push(&mut self, hashes: Box<[u64]>) {
        let position = as_u32(self.hashes.len());
        for hash in &hashes {
            self.table.entry(*hash).or_default().add(position);
        }
        self.hashes.push(hashes);
    }

    fn follow(&mut self, position: u32, hashes: Box<[u64]>) {
        let known = &mut self.hashes[position as usize];
        if *known == hashes {
            return;
        }
        for hash in known.iter() {
            if let Some(list) = self.table.get_mut(hash) {
                list.remove(position);
            }
        }
        for hash in &hashes {
            self.table.entry(*hash).or_default().add(position);
        }
        *known = hashes;
    }
}

fn note_names(names: &mut HashMap<Str, Positions>, position: u32, resource: &Resource) {
    names.entry(resource.name()).or_default().add(position);
    for previous in &resource.history.previous {
        names.entry(previous.name.clone()).or_default().add(position);
    }
}

/// Positions in order; mostly one.
#[derive(Clone, Debug)]
enum Positions {
    One(u32),
    Many(Vec<u32>),
}

impl Default for Positions {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Positions {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(position) => std::slice::from_ref(position),
            Self::Many(positions) => positions,
        }
    }

    fn add(&mut self, position: u32) {
        match self {
            Self::Many(positions) if positions.is_empty() => *self = Self::One(position),
            Self::Many(positions) => {
                if let Err(at) = positions.binary_search(&position) {
                    positions.insert(at, position);
                }
            }
            Self::One(only) if *only == position => {}
            Self::One(only) => *self = Self::Many(vec![position.min(*only), position.max(*only)]),
        }
    }

    fn remove(&mut self, position: u32) {
        match self {
            Self::One(only) if *only == position => *self = Self::default(),
            Self::One(_) => {}
            Self::Many(positions) => positions.retain(|other| *other != position),
        }
    }
}

/// Hashes of hashes: the number as it is.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Returns the hash of an id.
pub(crate) fn hash_of(id: &ResourceId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
