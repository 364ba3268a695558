//! Keeps a cluster in one file: whatever is answered as written survives the process.
//!
//! Writes are handed to a thread in their order, which stores what has gathered in one transaction. An answer waits
//! for its transaction, others are gathered meanwhile: many clients share the cost of reaching the disk.

use crate::failure::Failure;
use crate::store::{Object, ObjectKey};
use crate::value::Value;
use gitops_yaml::Str;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Objects as JSON, by group, plural, namespace and name with zeroes between.
const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
/// The resource version of the last write.
const REVISION: TableDefinition<'_, (), u64> = TableDefinition::new("revision");
/// How many writes go into one transaction at most.
const TOGETHER: usize = 4_096;
/// Memory for pages of the file; all objects are in memory anyway.
const CACHE_BYTES: usize = 8 << 20;

type Touched = Vec<(ObjectKey, Option<Arc<Object>>)>;

struct Batch {
    number: u64,
    revision: u64,
    touched: Touched,
}

/// How far the file has come.
#[derive(Clone, Debug, Default)]
struct Saved {
    number: u64,
    failed: Option<Arc<str>>,
}

/// The writing side of a state file.
#[derive(Debug)]
pub(super) struct Journal {
    queue: Option<mpsc::Sender<Batch>>,
    sent: AtomicU64,
    saved: watch::Receiver<Saved>,
    thread: Option<JoinHandle<()>>,
}

/// What a state file held.
pub(super) struct Restored {
    pub(super) journal: Journal,
    pub(super) objects: Vec<(ObjectKey, Object)>,
    pub(super) revision: u64,
}

impl Journal {
    /// Opens a file or makes one that its owner alone can read.
    pub(super) fn open(path: &Path) -> io::Result<Restored> {
        let database =
            database(path).map_err(|why| io::Error::other(format!("{}: {why}", path.display())))?;
        let (objects, revision) =
            read(&database).map_err(|why| io::Error::other(format!("{}: {why}", path.display())))?;
        let (queue, batches) = mpsc::channel();
        let (done, saved) = watch::channel(Saved::default());
        let thread = std::thread::Builder::new()
            .name("cluster-state".to_owned())
            .spawn(move || keep(&database, &batches, &done))?;
        let journal = Self { queue: Some(queue), sent: AtomicU64::new(0), saved, thread: Some(thread) };
        Ok(Restored { journal, objects, revision })
    }

    /// Hands on what was written; called in the order of the writes.
    pub(super) fn send(&self, revision: u64, touched: Touched) {
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(queue) = &self.queue {
            // A queue without a reader is told by what it saved last.
            let _ = queue.send(Batch { number, revision, touched });
        }
    }

    /// Waits until all that was handed on is in the file.
    pub(super) async fn settled(&self) -> Result<(), Failure> {
        let sent = self.sent.load(Ordering::SeqCst);
        let mut saved = self.saved.clone();
        let lost = |why: &str| Failure::internal(format!("the cluster's state could not be stored: {why}"));
        let reached = saved.wait_for(|saved| saved.number >= sent || saved.failed.is_some()).await;
        match reached {
            Ok(saved) => saved.failed.as_deref().map_or(Ok(()), |why| Err(lost(why))),
            Err(_) => Err(lost("its writer has ended")),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It ends once it has stored what was handed on.
            let _ = thread.join();
        }
    }
}

fn database(path: &Path) -> Result<Database, redb::Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(FileBackend::new(file)?)?;
    Ok(database)
}

fn read(database: &Database) -> Result<(Vec<(ObjectKey, Object)>, u64), redb::Error> {
    let begin = database.begin_write()?;
    begin.open_table(OBJECTS)?;
    begin.open_table(REVISION)?;
    begin.commit()?;
    let transaction = database.begin_read()?;
    let revision = transaction.open_table(REVISION)?.get(())?.map_or(0, |value| value.value());
    let mut objects = Vec::new();
    for entry in transaction.open_table(OBJECTS)?.iter()? {
        let (key, bytes) = entry?;
        let object = Value::from_json(bytes.value()).ok().and_then(Object::read);
        match (parse(key.value()), object) {
            (Some(key), Some(object)) => objects.push((key, object)),
            _ => {
                let what = key.value().replace('\0', "/");
                return Err(redb::Error::Corrupted(format!("{what} can't be read")));
            }
        }
    }
    Ok((objects, revision))
}

fn keep(database: &Database, batches: &mpsc::Receiver<Batch>, done: &watch::Sender<Saved>) {
    while let Ok(first) = batches.recv() {
        let mut together = vec![first];
        together.extend(batches.try_iter().take(TOGETHER - 1));
        let number = together.last().map_or(0, |batch| batch.number);
        match store(database, &together) {
            Ok(()) => done.send_replace(Saved { number, failed: None }),
            Err(why) => {
                // What is in memory is ahead of the file from here on: no later write can be answered either.
                done.send_replace(Saved { number, failed: Some(why.to_string().into()) });
                return;
            }
        };
    }
}

fn store(database: &Database, batches: &[Batch]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut objects = transaction.open_table(OBJECTS)?;
        for (key, object) in batches.iter().flat_map(|batch| &batch.touched) {
            let key = text(key);
            match object {
                Some(object) => {
                    objects.insert(key.as_str(), object.whole().to_json().as_bytes())?;
                }
                None => {
                    objects.remove(key.as_str())?;
                }
            }
        }
        if let Some(last) = batches.last() {
            transaction.open_table(REVISION)?.insert((), last.revision)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn text(key: &ObjectKey) -> String {
    let (group, plural) = &key.resource;
    format!("{group}\0{plural}\0{}\0{}", key.namespace, key.name)
}

fn parse(text: &str) -> Option<ObjectKey> {
    let mut parts = text.split('\0').map(Str::from);
    let (group, plural) = (parts.next()?, parts.next()?);
    let key = ObjectKey { resource: (group, plural), namespace: parts.next()?, name: parts.next()? };
    parts.next().is_none().then_some(key)
}
