//! A file in memory, without a name, that is opened by its number.

use std::{
    fs::File,
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

/// One file for all inputs: what the one before left in it is overwritten.
pub(crate) struct Scratch {
    file: File,
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

thread_local! {
    static SCRATCH: Scratch = Scratch::new();
}

/// Where files are memory, if there is such a place.
pub(crate) fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

impl Scratch {
    fn new() -> Scratch {
        let file = tempfile::tempfile_in(folder()).expect("a file without a name");
        let metadata = file.metadata().expect("a file that is open");
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Scratch { file, path, device: metadata.dev(), inode: metadata.ino() }
    }

    pub(crate) fn with<R>(use_it: impl FnOnce(&Scratch) -> R) -> R {
        SCRATCH.with(use_it)
    }

    pub(crate) fn fill(&self, bytes: &[u8]) {
        self.file.set_len(bytes.len() as u64).expect("room for some pages");
        self.file.write_all_at(bytes, 0).expect("room for some pages");
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let len = self.file.metadata().expect("a file that is open").len();
        let mut bytes = vec![0; usize::try_from(len).expect("some pages")];
        self.file.read_exact_at(&mut bytes, 0).expect("as long as it was said to be");
        bytes
    }
}
