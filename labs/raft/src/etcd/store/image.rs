//! The whole store as bytes: Raft's snapshot, and what `etcdctl snapshot save` keeps.
//!
//! Eight bytes that name the format, the body's length and its CRC-32, then the body in postcard.
//! Raft's files and frames have checksums of their own; this one is for copies that people keep.

use super::super::api::{LeaseId, Member, MemberId, Revision};
use super::Store;
use super::mvcc::{Mvcc, Version};
use super::sessions::Session;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

const NAME: &[u8; 8] = b"raftkv1\n";
const HEADER: usize = NAME.len() + 8 + 4;
/// A kept copy is filled up with zeros to a multiple of this.
const PAGE: usize = 512;

/// Why an image was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenImage(&'static str);

impl fmt::Display for BrokenImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a snapshot is broken ({}): remove this member and add it anew, or restore it from a copy",
            self.0
        )
    }
}
impl std::error::Error for BrokenImage {}

#[derive(Serialize, Deserialize)]
struct Body<'b> {
    revision: Revision,
    compacted: Revision,
    cluster: u64,
    last_member: MemberId,
    members: Vec<Member>,
    leases: Vec<(LeaseId, i64)>,
    /// Member, boot, floor, what is done above it.
    sessions: Vec<(MemberId, u64, u64, Vec<u64>)>,
    #[serde(borrow)]
    versions: Vec<VersionRow<'b>>,
}

/// By key and age; a row without a key has the key of the row before it.
#[derive(Serialize, Deserialize)]
struct VersionRow<'b> {
    key: Option<&'b [u8]>,
    revision: Revision,
    sub: u32,
    create: Revision,
    version: i64,
    lease: LeaseId,
    value: Option<&'b [u8]>,
}

impl Store {
    /// The whole store as bytes.
    pub fn to_image(&self) -> Vec<u8> {
        let mut last: Option<&[u8]> = None;
        let mut versions = Vec::new();
        for (key, version) in self.mvcc.versions() {
            let mut next = row(key, version);
            if last == Some(key) {
                next.key = None;
            }
            last = Some(key);
            versions.push(next);
        }
        let sessions = self.sessions.members.iter().map(|(id, session)| {
            let above = session.above.iter().copied().collect();
            (*id, session.boot, session.floor, above)
        });
        let body = Body {
            revision: self.mvcc.revision,
            compacted: self.mvcc.compacted,
            cluster: self.cluster,
            last_member: self.last_member,
            members: self.members.values().cloned().collect(),
            leases: self.leases.iter().map(|(id, l)| (id, l.ttl)).collect(),
            sessions: sessions.collect(),
            versions,
        };
        // Fails only for types that postcard cannot hold; these are none.
        let mut image = postcard::to_extend(&body, vec![0; HEADER])
            .expect("the store's body has a postcard encoding");
        let len = (image.len() - HEADER) as u64;
        let crc = crc32fast::hash(&image[HEADER..]);
        image[..8].copy_from_slice(NAME);
        image[8..16].copy_from_slice(&len.to_le_bytes());
        image[16..HEADER].copy_from_slice(&crc.to_le_bytes());
        image
    }

    /// The store that [`Store::to_image`] wrote; zeros behind it are ignored.
    pub fn from_image(image: &[u8]) -> Result<Store, BrokenImage> {
        let broken = |why| Err(BrokenImage(why));
        let Some((header, rest)) = image.split_at_checked(HEADER) else {
            return broken("it is too short");
        };
        if &header[..8] != NAME {
            return broken("it is of another format");
        }
        let len = u64::from_le_bytes(header[8..16].try_into().unwrap_or_default());
        let crc = u32::from_le_bytes(header[16..].try_into().unwrap_or_default());
        let cut = usize::try_from(len).ok();
        let Some((body, padding)) = cut.and_then(|len| rest.split_at_checked(len)) else {
            return broken("its end is missing");
        };
        if padding.len() >= PAGE || padding.iter().any(|byte| *byte != 0) {
            return broken("there is something behind its end");
        }
        if crc32fast::hash(body) != crc {
            return broken("its checksum is wrong");
        }
        match postcard::take_from_bytes(body) {
            Ok((body, [])) => restore(body),
            _ => broken("it does not decode"),
        }
    }

    /// The image, filled up to whole pages, for a copy that somebody keeps.
    pub fn to_copy(&self) -> Vec<u8> {
        let mut copy = self.to_image();
        copy.resize(copy.len().next_multiple_of(PAGE), 0);
        copy
    }
}

fn row<'v>(key: &'v [u8], version: &'v Version) -> VersionRow<'v> {
    VersionRow {
        key: Some(key),
        revision: version.revision,
        sub: version.sub,
        create: version.create,
        version: version.version,
        lease: version.lease,
        value: version.value.as_deref(),
    }
}

fn restore(body: Body<'_>) -> Result<Store, BrokenImage> {
    let mut store = Store::new();
    store.cluster = body.cluster;
    store.last_member = body.last_member;
    store.members = body.members.into_iter().map(|m| (m.id, m)).collect();
    for (id, ttl) in body.leases {
        store.leases.restore(id, ttl);
    }
    for (id, boot, floor, above) in body.sessions {
        let above = above.into_iter().collect();
        let session = Session { boot, floor, above };
        store.sessions.members.insert(id, session);
    }
    store.mvcc.revision = body.revision;
    store.mvcc.compacted = body.compacted;
    store.mvcc = versions(store.mvcc, &body.versions)?;
    let mut attached = Vec::new();
    for found in store.mvcc.range(&super::KeyRange::all(), body.revision) {
        if found.version.lease != 0 {
            attached.push((found.version.lease, found.key.clone()));
        }
    }
    for (lease, key) in attached {
        if !store.leases.contains(lease) {
            return Err(BrokenImage("a key has a lease that does not exist"));
        }
        store.leases.attach(lease, &key);
    }
    Ok(store)
}

fn versions(mut mvcc: Mvcc, rows: &[VersionRow<'_>]) -> Result<Mvcc, BrokenImage> {
    let mut key: &[u8] = &[];
    let mut age = (0, 0);
    let mut places = BTreeSet::new();
    for row in rows {
        let next = (row.revision, row.sub);
        match row.key {
            Some(new) if new > key => key = new,
            None if !key.is_empty() && next > age => {}
            _ => return Err(BrokenImage("its keys are not in order")),
        }
        age = next;
        if row.revision > mvcc.revision || !places.insert(next) {
            return Err(BrokenImage("its revisions contradict each other"));
        }
        let version = Version {
            revision: row.revision,
            sub: row.sub,
            create: row.create,
            version: row.version,
            lease: row.lease,
            value: row.value.map(Into::into),
        };
        mvcc.insert(key, version);
    }
    Ok(mvcc)
}
