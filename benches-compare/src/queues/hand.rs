//! The log by hand; the reader looks again after so many of the CPU's spin hints.

use crate::{
    by_hand::{Alignment, Pages, Reader, Writer},
    queues::{Maker, Named, Place, Queue, Receiver, Sender, named},
};

pub struct Hand<const PAUSES: u32, const LINES: bool, const CHECKED: bool>;

pub type Looks<const PAUSES: u32> = Hand<PAUSES, false, false>;
pub type LooksAndSums<const PAUSES: u32> = Hand<PAUSES, false, true>;
pub type Lined = Hand<1, true, false>;
pub type LinedAndSummed = Hand<1, true, true>;

const fn alignment(lines: bool) -> Alignment {
    if lines { Alignment::CacheLine } else { Alignment::Packed }
}

impl<const N: usize, const CHECKED: bool> Sender<N> for Writer<[u64; N], CHECKED> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        self.append(words);
    }
}

pub struct Follower<const N: usize, const PAUSES: u32, const CHECKED: bool>(
    Reader<[u64; N], CHECKED>,
);

impl<const N: usize, const PAUSES: u32, const CHECKED: bool> Receiver<N>
    for Follower<N, PAUSES, CHECKED>
{
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        for _ in 0..count {
            each(self.0.follow(PAUSES));
        }
    }
}

impl<const N: usize, const PAUSES: u32, const LINES: bool, const CHECKED: bool> Queue<N>
    for Hand<PAUSES, LINES, CHECKED>
{
    const NAME: &'static str = "log by hand";

    type Sender = Writer<[u64; N], CHECKED>;
    type Receiver = Follower<N, PAUSES, CHECKED>;

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize, const PAUSES: u32, const LINES: bool, const CHECKED: bool> Named<N>
    for Hand<PAUSES, LINES, CHECKED>
{
    fn sender(place: &Place) -> Self::Sender {
        Writer::create(&place.path(), place.count, alignment(LINES), Pages::Present)
    }

    fn receiver(place: &Place) -> Self::Receiver {
        Follower(Reader::open(&place.path(), place.count, alignment(LINES)))
    }
}
