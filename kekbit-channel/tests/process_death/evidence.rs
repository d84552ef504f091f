//! What lies in the file of a writer that was killed, read after `docs/FORMAT.md` and without the
//! library; and where in its program the kill has hit it.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use crate::{
    board::Board,
    image::{CHECKSUMS, Image, PAGE},
    program::{Focus, Phase, Plan, THREADS, Told},
    watch::Expected,
};

/// Where the state page says that a flush is under way.
const FLUSHING: usize = 128;

/// A channel file, walked through.
pub(crate) struct Evidence {
    /// The file, with its tail where the walk ended.
    pub(crate) image: Image,
    /// Records in it.
    pub(crate) count: u64,
    /// The reason of its close mark.
    pub(crate) closed: Option<u64>,
}

impl Evidence {
    /// Walks through a file and takes its records for the next that are expected.
    pub(crate) fn of(path: &Path, expected: &mut Expected) -> Evidence {
        let mut image = Image::of_file(path);
        let head = if image.spec.flags & crate::image::TIME_STAMPS == 0 { 8 } else { 16 };
        let alignment = image.spec.alignment as usize;
        let mut closed = None;
        while let Some(word) = image.bytes[image.tail..].first_chunk() {
            let word = u64::from_le_bytes(*word);
            let (kind, len) = (word >> 60, usize::try_from(word >> 32 & 0x0FFF_FFFF).unwrap());
            match kind {
                0 if word == 0 => break,
                1 => {
                    let payload = image.tail + head;
                    expected.take(&image.bytes[payload..payload + len]);
                    image.tail += (head + len).next_multiple_of(alignment);
                    image.sequence += 1;
                }
                2 => image.tail += 8 + len,
                3 => {
                    closed = Some(len as u64);
                    break;
                }
                _ => panic!("the word {word:#018x} at byte {}", image.tail),
            }
        }
        Evidence { count: image.sequence, image, closed }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.image.spec.durable
    }

    /// Every byte behind the tail is zero, except for what an unfinished frame may have put there.
    pub(crate) fn check_zeroes(&self, open_size: u64, plan: &Plan) {
        let tail = self.image.tail;
        let word = if self.closed.is_some() { 8 } else { 0 };
        let open = tail + usize::try_from(open_size).unwrap().max(word);
        let behind = self.image.bytes.get(open..).unwrap_or(&[]);
        assert!(is_zero(behind), "{open_size} bytes behind {tail} are open, not all; {plan:?}");
    }

    /// How much of the payload that comes next lies behind the tail already.
    fn unfinished(&self, expected: &mut Expected, plan: &Plan) -> &'static str {
        let head = if plan.time_stamps { 16 } else { 8 };
        let payload = expected.next_payload();
        let start = self.image.tail + head;
        let found = self.image.bytes.get(start..start + payload.len()).unwrap_or(&[]);
        match () {
            () if found.is_empty() || found.iter().all(|byte| *byte == 0) => "nothing of it there",
            () if found == payload => "all there but the word",
            () => "a part of it there",
        }
    }

    /// Where the writer was when it was killed, as exactly as can be told.
    pub(crate) fn place(&self, expected: &mut Expected, plan: &Plan, board: &Board) -> String {
        let (_, returned) = board.progress();
        let phase = board.phase(0);
        if plan.focus == Focus::Shared {
            let phases: Vec<_> = (0..THREADS).map(|thread| board.phase(thread)).collect();
            let busy = phases.iter().find(|phase| **phase != Phase::Between);
            return format!("threads: {:?}", busy.unwrap_or(&Phase::Between));
        }
        let detail = match phase {
            Phase::Appending | Phase::Committing if returned < self.count => "the word is there",
            Phase::Appending | Phase::Committing | Phase::Filling | Phase::Leaving => {
                self.unfinished(expected, plan)
            }
            Phase::Syncing if self.durable() < board.get(Told::SyncTarget) => "not yet durable",
            Phase::Syncing => "durable",
            Phase::Closing if self.closed.is_some() => "the mark is there",
            Phase::Closing => "no mark yet",
            Phase::Creating => "the name is there",
            _ => return format!("{phase:?}"),
        };
        format!("{phase:?}: {detail}")
    }

    /// The bytes that recovery has to make of this file. What lay in the pages behind the mark is
    /// given back, where the file system takes it.
    pub(crate) fn check_sealed(&self, path: &Path, killed: bool) {
        let mut sealed = self.image.clone();
        let count = self.count;
        let (durable, was_flushing) = (sealed.spec.durable, sealed.spec.flushing != 0);
        let state = sealed.spec.data_offset() - PAGE;
        sealed.close(4).patch(|spec| (spec.durable, spec.flushing) = (count, 0));
        let mut found = fs::read(path).unwrap();
        // The mark was there, and on its way to the disk.
        let mut marks = if killed { vec![0, 1] } else { vec![0] };
        // Without checksums nothing vouches for what was on its way to the disk.
        if sealed.spec.flags & CHECKSUMS == 0 && (was_flushing || killed) {
            marks.push(2);
        }
        assert!(marks.contains(&found[state + FLUSHING]), "{}", found[state + FLUSHING]);
        if found[state + FLUSHING] != 0 && [durable, count].contains(&durable_of(&found, state)) {
            let durable = durable_of(&found, state);
            sealed.patch(|spec| spec.durable = durable);
        }
        found[state + FLUSHING] = 0;
        let given_back = (sealed.tail + 8).next_multiple_of(PAGE);
        assert_eq!(found.len(), sealed.bytes.len());
        assert!(found[..given_back] == sealed.bytes[..given_back], "recovery has changed records");
        let pages = found[given_back..].chunks(PAGE).zip(sealed.bytes[given_back..].chunks(PAGE));
        for (found, before) in pages {
            assert!(found == before || is_zero(found), "recovery has written behind its mark");
        }
    }
}

fn durable_of(bytes: &[u8], state: usize) -> u64 {
    u64::from_le_bytes(bytes[state + 64..][..8].try_into().unwrap())
}

/// Whether there is nothing. NB: by pages, which is quick without optimization too.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE).all(|page| *page == [0; PAGE][..page.len()])
}

/// How often the writer was killed at which place.
#[derive(Debug, Default)]
pub(crate) struct Hits(BTreeMap<String, u64>);

impl Hits {
    pub(crate) fn count(&mut self, place: impl Into<String>) {
        self.add(place, 1);
    }

    pub(crate) fn add(&mut self, place: impl Into<String>, count: u64) {
        *self.0.entry(place.into()).or_default() += count;
    }

    /// How many of the places that begin so were hit.
    pub(crate) fn of(&self, place: &str) -> u64 {
        self.0.iter().filter(|(name, _)| name.starts_with(place)).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counted:")?;
        self.0.iter().try_for_each(|(place, count)| write!(f, "\n{count:>9}  {place}"))
    }
}
