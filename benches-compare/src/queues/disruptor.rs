//! disruptor, with one producer and a poller.

use std::hint;

use disruptor::{
    BusySpin, EventPoller, Polling, Producer, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};

use crate::queues::{Maker, Place, Queue, Receiver, SLOTS, Sender, made};

pub struct Disruptor;

impl<const N: usize> Sender<N> for SingleProducer<[u64; N], SingleConsumerBarrier> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        self.publish(|slot| *slot = *words);
    }
}

impl<const N: usize> Receiver<N> for EventPoller<[u64; N], SingleProducerBarrier> {
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        let mut left = count;
        while 0 < left {
            match self.poll() {
                Ok(mut events) => {
                    for words in &mut events {
                        each(words);
                        left -= 1;
                    }
                }
                Err(Polling::NoEvents) => hint::spin_loop(),
                Err(Polling::Shutdown) => panic!("{left} records are missing"),
            }
        }
    }
}

impl<const N: usize> Queue<N> for Disruptor {
    const NAME: &'static str = "disruptor";

    type Sender = SingleProducer<[u64; N], SingleConsumerBarrier>;
    type Receiver = EventPoller<[u64; N], SingleProducerBarrier>;

    fn pair(_: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        let builder = build_single_producer(SLOTS, || [0; N], BusySpin);
        let (receiver, builder) = builder.new_event_poller();
        let sender = builder.build();
        made(sender, receiver)
    }
}
