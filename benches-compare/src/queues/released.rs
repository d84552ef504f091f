//! Kekbit 0.3.5, the version before this one; its pages are made present for it.

use kekbit_released::{
    api::{EncoderHandler, Reader, Writer},
    core::{Metadata, ShmReader, ShmWriter, TickUnit, shm_reader, shm_writer, storage_path},
};
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    by_hand,
    queues::{Maker, Named, Place, Queue, Receiver, Sender, named, poll},
};

/// A folder of its own for each channel: the library makes up the names below.
const CHANNEL: u64 = 42;
const FOR_EVER: u64 = 99_999_999_999_999;

pub struct Released;

pub struct Channel<const N: usize>(ShmWriter<EncoderHandler>);

impl<const N: usize> Channel<N> {
    pub fn create(place: &Place) -> Channel<N> {
        let record = 8 * (N as u32 + 1);
        let capacity = u32::try_from(place.count).ok().and_then(|count| count.checked_mul(record));
        let capacity = capacity.and_then(|size| size.checked_add(4096)).expect("4 GiB at most");
        let meta = Metadata::new(1, CHANNEL, capacity, record, FOR_EVER, TickUnit::Nanos);
        let writer = shm_writer(&place.path(), &meta, EncoderHandler::default());
        let writer = writer.expect("a new channel");
        by_hand::prefault_mappings_of(&storage_path(&place.path(), CHANNEL));
        Channel(writer)
    }
}

impl<const N: usize> Sender<N> for Channel<N> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        self.0.write(&words.as_bytes()).expect("room for it");
    }
}

impl<const N: usize> Receiver<N> for ShmReader {
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        let take = || self.try_read().expect("an open channel");
        poll(count, take, |bytes: &[u8]| {
            each(FromBytes::ref_from_bytes(bytes).expect("a record of this size"));
        });
    }
}

impl<const N: usize> Queue<N> for Released {
    const NAME: &'static str = "Kekbit 0.3.5";

    type Sender = Channel<N>;
    type Receiver = ShmReader;

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize> Named<N> for Released {
    fn sender(place: &Place) -> Channel<N> {
        Channel::create(place)
    }

    fn receiver(place: &Place) -> ShmReader {
        let reader = shm_reader(&place.path(), CHANNEL).expect("a channel");
        by_hand::prefault_mappings_of(&storage_path(&place.path(), CHANNEL));
        reader
    }
}
