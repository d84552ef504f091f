//! The channels of the standard library, with slots and without a bound.

use std::sync::mpsc;

use crate::queues::{Maker, Place, Queue, Receiver, SLOTS, Sender, made, poll};

pub struct Bounded;
pub struct Unbounded;

impl<const N: usize> Sender<N> for mpsc::SyncSender<[u64; N]> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        mpsc::SyncSender::send(self, *words).expect("a receiver");
    }
}

impl<const N: usize> Sender<N> for mpsc::Sender<[u64; N]> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        mpsc::Sender::send(self, *words).expect("a receiver");
    }
}

impl<const N: usize> Receiver<N> for mpsc::Receiver<[u64; N]> {
    #[inline(always)]
    fn run(self, count: u64, mut each: impl FnMut(&[u64; N])) {
        poll(count, || self.try_recv().ok(), |words| each(&words));
    }
}

impl<const N: usize> Queue<N> for Bounded {
    const NAME: &'static str = "std mpsc, bounded";

    type Sender = mpsc::SyncSender<[u64; N]>;
    type Receiver = mpsc::Receiver<[u64; N]>;

    fn pair(_: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        let (sender, receiver) = mpsc::sync_channel(SLOTS);
        made(sender, receiver)
    }
}

impl<const N: usize> Queue<N> for Unbounded {
    const NAME: &'static str = "std mpsc";

    type Sender = mpsc::Sender<[u64; N]>;
    type Receiver = mpsc::Receiver<[u64; N]>;

    fn pair(_: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        let (sender, receiver) = mpsc::channel();
        made(sender, receiver)
    }
}
