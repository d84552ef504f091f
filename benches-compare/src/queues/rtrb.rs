//! rtrb: a ring for two threads.

use std::hint;

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::queues::{Maker, Place, Queue, Receiver, SLOTS, Sender, made, poll};

pub struct Rtrb;

impl<const N: usize> Sender<N> for Producer<[u64; N]> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        while let Err(PushError::Full(_)) = self.push(*words) {
            hint::spin_loop();
        }
    }
}

impl<const N: usize> Receiver<N> for Consumer<[u64; N]> {
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        poll(count, || self.pop().ok(), |words| each(&words));
    }
}

impl<const N: usize> Queue<N> for Rtrb {
    const NAME: &'static str = "rtrb";

    type Sender = Producer<[u64; N]>;
    type Receiver = Consumer<[u64; N]>;

    fn pair(_: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        let (sender, receiver) = RingBuffer::new(SLOTS);
        made(sender, receiver)
    }
}
