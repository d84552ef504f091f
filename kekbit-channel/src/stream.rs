//! [`RecordStream`]: the records of a channel as they come, for asynchronous programs.
//!
//! Records are read by the task, as any reader reads them: nothing is buffered, so a task that is
//! slow holds up nobody. A thread of the stream waits in its place while there are none, and wakes
//! it. It is started when there is nothing to read for the first time.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
    thread::{self, Thread},
};

use futures_core::{FusedStream, Stream};
use kekbit_codec::Record;

use crate::{
    cursor::Cursor,
    error::ReadError,
    mapping::Mapping,
    next::{Next, Recorded},
    reader::Reader,
    sync::{Mutex, MutexGuard},
    typed::TypedReader,
    wait::Wait,
};

/// After so many records in a row a stream lets other tasks of its thread run.
const RUN_MAX: u32 = 256;

/// The records of a channel from a reader's position on, as a [`Stream`]: of a [`TypedReader`] the
/// values, of a [`Reader`] the payloads, copied. Waits for those to come.
///
/// It ends when the channel does: closed, abandoned, or timed out. Which it was,
/// [`into_reader`](Self::into_reader) and `try_next` tell. An error that is
/// [passed](ReadError::is_passed) is followed by the next record, any other is the last item.
///
/// Works with every executor. A thread waits for the task, as with [`Wait::Block`]: it sleeps if
/// the writer was asked to [wake its readers](crate::ChannelOptions::wake_readers), and polls if
/// not, up to a thousand times a second. It ends within a tenth of a second after the stream was
/// dropped.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("counts.kekbit");
/// use kekbit_channel::{ChannelOptions, Record, TypedReader, TypedWriter};
/// use std::{future::poll_fn, pin::pin};
///
/// use futures_core::Stream;
///
/// #[derive(Record)]
/// struct Square(u64);
///
/// let options = ChannelOptions::new().records(100).wake_readers();
/// let mut writer = TypedWriter::create(&path, &options)?;
/// let mut squares = pin!(TypedReader::<Square>::open(&path)?.into_stream());
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// tokio::spawn(async move {
///     for number in 0..10 {
///         writer.append(&Square(number * number)).unwrap();
///         tokio::task::yield_now().await;
///     }
/// });
/// let mut sum = 0;
/// // With `StreamExt` of the crate futures: `squares.next().await`.
/// while let Some(square) = poll_fn(|context| squares.as_mut().poll_next(context)).await {
///     sum += square?.0;
/// }
/// assert_eq!(sum, 285);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct RecordStream<R: Source> {
    reader: R,
    watch: Option<Watch>,
    done: bool,
    /// Records in a row that were there at once.
    run: u32,
}

/// A reader whose records can be a stream. Sealed.
pub trait Source: sealed::Source + Unpin {}

mod sealed {
    use super::{Next, ReadError, Reader, Recorded};

    pub trait Source {
        type Value;

        fn take(&mut self) -> Result<Next<Recorded<Self::Value>>, ReadError>;

        fn reader(&mut self) -> &mut Reader;
    }
}

impl Source for Reader {}

impl sealed::Source for Reader {
    type Value = Vec<u8>;

    fn take(&mut self) -> Result<Next<Recorded<Vec<u8>>>, ReadError> {
        match self.try_next()?.into_record() {
            Ok(record) => record.try_map(|payload| Ok(payload.to_vec())).map(Next::Record),
            Err(other) => Ok(other),
        }
    }

    fn reader(&mut self) -> &mut Reader {
        self
    }
}

impl<T: Record> Source for TypedReader<T> {}

impl<T: Record> sealed::Source for TypedReader<T> {
    type Value = T;

    fn take(&mut self) -> Result<Next<Recorded<T>>, ReadError> {
        self.try_next()
    }

    fn reader(&mut self) -> &mut Reader {
        self.bytes()
    }
}

impl Reader {
    /// The records from here on as a stream, until the channel ends. With the feature `stream`.
    pub fn into_stream(self) -> RecordStream<Reader> {
        RecordStream::of(self)
    }
}

impl<T: Record> TypedReader<T> {
    /// The records from here on as a stream, until the channel ends. With the feature `stream`.
    pub fn into_stream(self) -> RecordStream<TypedReader<T>> {
        RecordStream::of(self)
    }
}

impl<R: Source> RecordStream<R> {
    fn of(reader: R) -> RecordStream<R> {
        RecordStream { reader, watch: None, done: false, run: 0 }
    }

    /// The reader, behind the last record that the stream has given.
    pub fn into_reader(self) -> R {
        self.reader
    }

    /// Lets `waker` be woken when there is something.
    fn wait(&mut self, waker: &Waker) -> Result<(), ReadError> {
        let reader = self.reader.reader();
        let mapping = Arc::clone(reader.mapping());
        let (_, cursor) = reader.parts();
        let cursor = *cursor;
        match &mut self.watch {
            Some(watch) => watch.wait(cursor, waker),
            None => {
                let started = Watch::start(&mapping, cursor, waker);
                let refused = |source| mapping.refused("starting a thread that waits", source);
                self.watch = Some(started.map_err(refused)?);
            }
        }
        Ok(())
    }
}

impl<R: Source> Stream for RecordStream<R> {
    type Item = Result<Recorded<<R as sealed::Source>::Value>, ReadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        if this.run == RUN_MAX {
            this.run = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let error = match this.reader.take() {
            Ok(Next::Record(record)) => {
                this.run += 1;
                return Poll::Ready(Some(Ok(record)));
            }
            Ok(Next::Pending) => {
                this.run = 0;
                match this.wait(context.waker()) {
                    Ok(()) => return Poll::Pending,
                    Err(error) => error,
                }
            }
            Ok(_) => {
                this.done = true;
                return Poll::Ready(None);
            }
            Err(error) => error,
        };
        // Behind a record that is no value the stream goes on.
        this.done = !error.is_passed();
        Poll::Ready(Some(Err(error)))
    }
}

impl<R: Source> FusedStream for RecordStream<R> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// A thread that waits for a task. Dropping it ends the thread soon.
#[derive(Debug)]
struct Watch {
    shared: Arc<Mutex<Shared>>,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    /// Who is to be woken.
    waker: Option<Waker>,
    /// What to wait at, until the thread takes it.
    cursor: Option<Cursor>,
    /// Whether the thread waits, or is about to: then it will wake whoever is there by then.
    waiting: bool,
    ended: bool,
}

impl Watch {
    fn start(mapping: &Arc<Mapping>, cursor: Cursor, waker: &Waker) -> std::io::Result<Watch> {
        let shared = Arc::new(Mutex::new(Shared {
            waker: Some(waker.clone()),
            cursor: Some(cursor),
            waiting: true,
            ended: false,
        }));
        let (watched, mapping) = (Arc::clone(&shared), Arc::clone(mapping));
        let name = "kekbit-stream".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || run(&watched, &mapping))?;
        Ok(Watch { shared, thread: thread.thread().clone() })
    }

    /// The task has found nothing at `cursor`.
    fn wait(&self, cursor: Cursor, waker: &Waker) {
        let mut shared = lock(&self.shared);
        if !shared.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            shared.waker = Some(waker.clone());
        }
        // A thread that still waits at an earlier place finds what the task has read meanwhile, and
        // wakes it once too often; then it is asked again.
        if !shared.waiting {
            (shared.waiting, shared.cursor) = (true, Some(cursor));
            drop(shared);
            self.thread.unpark();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.shared).ended = true;
        self.thread.unpark();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Nothing that panics is done under the lock, unless by a waker that is cloned.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(shared: &Mutex<Shared>, mapping: &Mapping) {
    loop {
        let cursor = {
            let mut shared = lock(shared);
            if shared.ended {
                return;
            }
            shared.cursor.take()
        };
        let Some(mut cursor) = cursor else {
            thread::park();
            continue;
        };
        // Whatever it is, the task finds it for itself.
        let _ = cursor.wait_unless(mapping, Wait::Block, || lock(shared).ended);
        let waker = {
            let mut shared = lock(shared);
            shared.waiting = false;
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
