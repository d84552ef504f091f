//! Kekbit as one gets it: typed, `follow` with the default wait; the pages made present for both
//! ends (all others have theirs), or for the writer alone.

use kekbit_channel::{Alignment, ChannelOptions, Prefault, TypedReader, TypedWriter, Wait};

use crate::{
    queues::{Maker, Named, Place, Queue, Receiver, Sender, named},
    records::Words,
};

pub struct Kekbit<const CHECKED: bool, const LINES: bool, const PRESENT: bool = true>;

pub type Checked = Kekbit<true, false>;
pub type Unchecked = Kekbit<false, false>;
pub type Faulting = Kekbit<true, false, false>;
pub type CheckedLines = Kekbit<true, true>;
pub type UncheckedLines = Kekbit<false, true>;

impl<const N: usize> Sender<N> for TypedWriter<Words<N>> {
    #[inline(always)]
    fn send(&mut self, words: &[u64; N]) {
        self.append(&Words { words: *words }).expect("room for it");
    }
}

impl<const N: usize> Receiver<N> for TypedReader<Words<N>> {
    #[inline(always)]
    fn run(mut self, count: u64, mut each: impl FnMut(&[u64; N])) {
        let count = usize::try_from(count).expect("64 bits");
        for record in self.follow(Wait::default()).take(count) {
            each(&record.expect("a record").words);
        }
    }
}

impl<const N: usize, const CHECKED: bool, const LINES: bool, const PRESENT: bool> Queue<N>
    for Kekbit<CHECKED, LINES, PRESENT>
{
    const NAME: &'static str = match (CHECKED, LINES) {
        (true, false) if !PRESENT => "Kekbit, the reader's pages as they come",
        (true, false) => "Kekbit",
        (false, false) => "Kekbit, no checksums",
        (true, true) => "Kekbit, lines",
        (false, true) => "Kekbit, lines, no checksums",
    };

    type Sender = TypedWriter<Words<N>>;
    type Receiver = TypedReader<Words<N>>;

    fn pair(place: &Place) -> (Maker<Self::Sender>, Maker<Self::Receiver>) {
        named::<Self, N>(place)
    }
}

impl<const N: usize, const CHECKED: bool, const LINES: bool, const PRESENT: bool> Named<N>
    for Kekbit<CHECKED, LINES, PRESENT>
{
    fn sender(place: &Place) -> Self::Sender {
        let mut options = ChannelOptions::new().records(place.count).prefault(Prefault::All);
        if !CHECKED {
            options = options.without_checksums();
        }
        if LINES {
            options = options.alignment(Alignment::CacheLine);
        }
        TypedWriter::create(place.path(), &options).expect("a new channel")
    }

    fn receiver(place: &Place) -> Self::Receiver {
        let reader = TypedReader::open(place.path()).expect("a channel");
        if PRESENT {
            reader.prefault();
        }
        reader
    }
}
