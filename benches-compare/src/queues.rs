//! What carries records from one thread or process to another, seen alike.

use std::{
    any::Any,
    hint,
    path::{Path, PathBuf},
};

#[cfg(feature = "aeron")]
pub mod aeron;
pub mod crossbeam;
pub mod disruptor;
pub mod hand;
pub mod iceoryx;
pub mod kekbit;
pub mod released;
pub mod rtrb;
pub mod std_mpsc;

/// Slots of the queues that have so many and no more.
pub const SLOTS: usize = 4096;

/// Where a queue is, and for how many records.
#[derive(Debug, Clone)]
pub struct Place {
    pub folder: PathBuf,
    pub name: String,
    pub count: u64,
}

impl Place {
    pub fn new(folder: &Path, name: &str, count: u64) -> Place {
        Place { folder: folder.to_owned(), name: name.to_owned(), count }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// The end that sends payloads of `N` words.
pub trait Sender<const N: usize> {
    /// Sends, and spins while there is no room.
    fn send(&mut self, words: &[u64; N]);
}

/// The end that receives them.
pub trait Receiver<const N: usize> {
    /// Receives so many, waiting as one who uses this queue for speed would.
    fn run(self, count: u64, each: impl FnMut(&[u64; N]));
}

/// A kind of queue. The ends are made in their threads: some may not leave them.
pub trait Queue<const N: usize> {
    const NAME: &'static str;

    type Sender: Sender<N>;
    type Receiver: Receiver<N>;

    /// What has to be there while queues are used, as long as it is not dropped.
    fn host(folder: &Path) -> Box<dyn Any> {
        let _ = folder;
        Box::new(())
    }

    /// Makers of both ends. That of the sender is called first.
    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>);
}

/// Makes an end, in its thread.
pub type Maker<T> = Box<dyn FnOnce() -> T + Send>;

/// One that other processes find by its place.
pub trait Named<const N: usize>: Queue<N> {
    /// Makes it.
    fn sender(place: &Place) -> Self::Sender;
    /// Comes to one that was made.
    fn receiver(place: &Place) -> Self::Receiver;
}

/// The makers of both ends of a queue that is found by its place.
fn named<Q: Named<N>, const N: usize>(place: &Place) -> (Maker<Q::Sender>, Maker<Q::Receiver>) {
    let (here, there) = (place.clone(), place.clone());
    (Box::new(move || Q::sender(&here)), Box::new(move || Q::receiver(&there)))
}

/// Both ends, where they may go from thread to thread.
fn made<S, R>(sender: S, receiver: R) -> (Maker<S>, Maker<R>)
where
    S: Send + 'static,
    R: Send + 'static,
{
    (Box::new(move || sender), Box::new(move || receiver))
}

/// Takes so many, and looks again at once where there is none.
#[inline(always)]
fn poll<T>(count: u64, mut take: impl FnMut() -> Option<T>, mut each: impl FnMut(T)) {
    let mut left = count;
    while 0 < left {
        match take() {
            Some(item) => {
                each(item);
                left -= 1;
            }
            None => hint::spin_loop(),
        }
    }
}
