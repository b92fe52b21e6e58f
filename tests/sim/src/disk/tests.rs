use super::*;

fn name(file: &str) -> FileName {
    FileName::from(file)
}

fn append(bytes: &[u8]) -> DiskOp {
    DiskOp::Append(bytes.into())
}

fn replace(bytes: &[u8]) -> DiskOp {
    DiskOp::Replace(bytes.into())
}

/// A handler writes, and its effect is carried out.
fn done(disk: &mut Disk, file: &str, op: DiskOp) {
    disk.write(&name(file), &op);
    disk.execute(&name(file), op);
}

/// What a crash leaves of `log` if it keeps so many whole writes and so many bytes of the next.
fn left(disk: &Disk, whole: usize, torn: usize) -> Option<Vec<u8>> {
    let mut disk = disk.clone();
    disk.crash(|_, _| Kept { whole, torn });
    assert_eq!(disk.read("log"), disk.durable("log"));
    assert_eq!(
        disk.used_bytes(),
        disk.read("log").map_or(0, |b| b.len() as u64)
    );
    disk.read("log").map(<[u8]>::to_vec)
}

#[test]
fn a_crash_keeps_what_was_synced_and_a_first_part_of_the_rest() {
    let mut disk = Disk::default();
    done(&mut disk, "log", append(b"ab"));
    disk.sync(&name("log"));
    done(&mut disk, "log", append(b"cd"));
    done(&mut disk, "log", append(b"efg"));
    assert_eq!(disk.read("log"), Some(&b"abcdefg"[..]));
    assert_eq!(disk.durable("log"), Some(&b"ab"[..]));
    let text = |whole, torn| left(&disk, whole, torn).expect("it was synced once");
    assert_eq!(text(0, 0), b"ab");
    assert_eq!(text(1, 0), b"abcd");
    assert_eq!(text(2, 0), b"abcdefg");
    // A torn piece of the next append, never more than all of it.
    assert_eq!(text(0, 1), b"abc");
    assert_eq!(text(1, 2), b"abcdef");
    assert_eq!(text(1, 99), b"abcdefg");
}

#[test]
fn what_no_effect_has_carried_out_is_lost_in_any_crash() {
    let mut disk = Disk::default();
    done(&mut disk, "log", append(b"ab"));
    disk.write(&name("log"), &append(b"cd"));
    assert_eq!(disk.read("log"), Some(&b"abcd"[..]));
    // A sync covers what came before it only.
    disk.sync(&name("log"));
    assert_eq!(disk.durable("log"), Some(&b"ab"[..]));
    assert_eq!(left(&disk, usize::MAX, 99).as_deref(), Some(&b"ab"[..]));
    disk.execute(&name("log"), append(b"cd"));
    assert_eq!(left(&disk, usize::MAX, 0).as_deref(), Some(&b"abcd"[..]));
}

#[test]
fn a_replace_is_atomic_and_not_durable_before_its_sync() {
    let mut disk = Disk::default();
    done(&mut disk, "log", replace(b"old"));
    assert_eq!(left(&disk, 0, 2), None);
    disk.sync(&name("log"));
    done(&mut disk, "log", replace(b"newer"));
    // Never a mixture, however much is torn.
    assert_eq!(left(&disk, 0, 2).as_deref(), Some(&b"old"[..]));
    assert_eq!(left(&disk, 1, 0).as_deref(), Some(&b"newer"[..]));
    disk.sync(&name("log"));
    assert_eq!(left(&disk, 0, 0).as_deref(), Some(&b"newer"[..]));
}

#[test]
fn a_sync_makes_absence_and_a_cut_durable_too() {
    let mut disk = Disk::default();
    done(&mut disk, "log", append(b"abcd"));
    disk.sync(&name("log"));
    done(&mut disk, "log", DiskOp::Truncate(1));
    assert_eq!(left(&disk, 0, 0).as_deref(), Some(&b"abcd"[..]));
    disk.sync(&name("log"));
    assert_eq!(left(&disk, 0, 0).as_deref(), Some(&b"a"[..]));
    done(&mut disk, "log", DiskOp::Remove);
    assert_eq!(disk.read("log"), None);
    assert_eq!(disk.list(""), Vec::<String>::new());
    assert_eq!(left(&disk, 0, 0).as_deref(), Some(&b"a"[..]));
    disk.sync(&name("log"));
    assert_eq!(left(&disk, 0, 0), None);
    assert_eq!(disk, Disk::default());
}

#[test]
fn files_keep_first_parts_of_their_own() {
    let mut disk = Disk::default();
    done(&mut disk, "a", append(b"1"));
    done(&mut disk, "b", append(b"2"));
    disk.crash(|file, _| {
        if file == &name("b") {
            Kept::ALL
        } else {
            Kept::SYNCED
        }
    });
    assert_eq!((disk.read("a"), disk.read("b")), (None, Some(&b"2"[..])));
}

#[test]
fn room_is_counted_by_what_reads_see() {
    let mut disk = Disk::with_capacity(6);
    done(&mut disk, "log", append(b"abcd"));
    assert_eq!((disk.free_bytes(), disk.used_bytes()), (2, 4));
    done(&mut disk, "log", DiskOp::Truncate(1));
    done(&mut disk, "vote", replace(b"12345"));
    assert_eq!(disk.free_bytes(), 0);
    // Less room than is used is none, and what is there stays.
    disk.set_capacity(3);
    assert_eq!((disk.free_bytes(), disk.used_bytes()), (0, 6));
    disk.crash(|_, _| Kept::SYNCED);
    assert_eq!(disk.free_bytes(), 3);
}

#[test]
fn after_a_failed_sync_that_was_believed_nothing_of_it_is_ever_durable() {
    let mut disk = Disk::default();
    done(&mut disk, "log", append(b"ab"));
    disk.sync(&name("log"));
    done(&mut disk, "log", append(b"cd"));
    disk.lose_pending(&name("log"));
    assert_eq!(disk.read("log"), Some(&b"abcd"[..]));
    done(&mut disk, "log", append(b"ef"));
    disk.sync(&name("log"));
    assert_eq!(disk.read("log"), Some(&b"abcdef"[..]));
    let left = left(&disk, usize::MAX, 99).expect("it was synced once");
    assert!(!left.windows(2).any(|two| two == b"cd"), "{left:?}");
}

#[test]
fn damage_is_what_the_next_start_reads() {
    let mut disk = Disk::default();
    done(&mut disk, "log", append(b"abcd"));
    assert!(!disk.damage("log", |_| ()), "nothing of it is durable");
    disk.sync(&name("log"));
    assert!(disk.damage("log", |bytes| bytes[1] ^= 1));
    assert_eq!(disk.read("log"), Some(&b"accd"[..]));
    assert_eq!(left(&disk, 0, 0).as_deref(), Some(&b"accd"[..]));
}
