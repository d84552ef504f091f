//! crossbeam-channel, bounded.

use crossbeam_channel as channel;

use crate::queues::{Maker, Place, Queue, Receiver, SLOTS, Sender, made, poll};

pub struct Crossbeam;

impl<const N: usize> Sender<N> for channel::Sender<[u64; N]> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        channel::Sender::send(self, *words).expect("a receiver");
    }
}

impl<const N: usize> Receiver<N> for channel::Receiver<[u64; N]> {
    #[inline(always)]
    fn run(self, count: u64, mut each: impl FnMut(&[u64; N])) {
        poll(count, || self.try_recv().ok(), |words| each(&words));
    }
}

impl<const N: usize> Queue<N> for Crossbeam {
    const NAME: &'static str = "crossbeam-channel";

    type Sender = channel::Sender<[u64; N]>;
    type Receiver = channel::Receiver<[u64; N]>;

    fn pair(_: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        let (sender, receiver) = channel::bounded(SLOTS);
        made(sender, receiver)
    }
}
