//! The log by hand; the reader looks again after so many of the CPU's spin hints.

use crate::{
    by_hand::{Alignment, Pages, Reader, Writer},
    queues::{Maker, Named, Place, Queue, Receiver, Sender, named},
};

pub struct Hand<const PAUSES: u32, const LINES: bool>;

pub type Looks<const PAUSES: u32> = Hand<PAUSES, false>;
pub type Lined = Hand<1, true>;

const fn alignment(lines: bool) -> Alignment {
    if lines { Alignment::CacheLine } else { Alignment::Packed }
}

impl<const N: usize> Sender<N> for Writer<[u64; N], false> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        self.append(words);
    }
}

pub struct Follower<const N: usize, const PAUSES: u32>(Reader<[u64; N], false>);

impl<const N: usize, const PAUSES: u32> Receiver<N> for Follower<N, PAUSES> {
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        for _ in 0..count {
            each(self.0.follow(PAUSES));
        }
    }
}

impl<const N: usize, const PAUSES: u32, const LINES: bool> Queue<N> for Hand<PAUSES, LINES> {
    const NAME: &'static str = "log by hand";

    type Sender = Writer<[u64; N], false>;
    type Receiver = Follower<N, PAUSES>;

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize, const PAUSES: u32, const LINES: bool> Named<N> for Hand<PAUSES, LINES> {
    fn sender(place: &Place) -> Self::Sender {
        Writer::create(&place.path(), place.count, alignment(LINES), Pages::Present)
    }

    fn receiver(place: &Place) -> Self::Receiver {
        Follower(Reader::open(&place.path(), place.count, alignment(LINES)))
    }
}
