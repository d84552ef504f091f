//! A channel file made by hand, after `docs/FORMAT.md` and nothing else.
//!
//! None of it comes from the library: the layout, the checksum and the frame word are written down
//! a second time here, so that a mistake would have to be made twice.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{fs, os::unix::fs::MetadataExt, path::Path};

pub(crate) const CHECKSUMS: u32 = 1;
pub(crate) const TIME_STAMPS: u32 = 2;
pub(crate) const PAGE: usize = 4096;

/// CRC-32C, a byte at a time.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for part in parts {
        for byte in *part {
            crc = crc >> 8 ^ BYTES[usize::from(crc.to_le_bytes()[0] ^ byte)];
        }
    }
    !crc
}

/// What each byte does to a CRC-32C, a bit at a time.
static BYTES: [u32; 256] = {
    let (mut table, mut byte) = ([0; 256], 0);
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// FNV-1a, 64 bits, over the lines that are no annotations.
pub(crate) fn fingerprint(schema: &str) -> u64 {
    let lines = schema.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(str::bytes).fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// Every field of a header, and the state page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) version: u32,
    pub(crate) flags: u32,
    pub(crate) channel_id: [u8; 16],
    pub(crate) writer_id: u64,
    pub(crate) predecessor: [u8; 16],
    pub(crate) created: u64,
    pub(crate) boot_id: [u8; 16],
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) writer_timeout: u64,
    pub(crate) capacity: u64,
    pub(crate) max_payload: u32,
    pub(crate) alignment: u32,
    pub(crate) stride: u64,
    pub(crate) fingerprint: u64,
    pub(crate) schema: String,
    /// As stored: 0 is a channel that is not in use yet.
    pub(crate) base_plus_one: u64,
    pub(crate) durable: u64,
    pub(crate) flushing: u64,
}

impl Spec {
    /// A channel of raw bytes with checksums, of no boot and no file in particular.
    pub(crate) fn raw(capacity: u64) -> Spec {
        Spec {
            version: 1,
            flags: CHECKSUMS,
            channel_id: *b"sixteen bytes id",
            writer_id: 0,
            predecessor: [0; 16],
            created: 1_700_000_000_000_000_000,
            boot_id: [0; 16],
            device: 0,
            inode: 0,
            writer_timeout: 0,
            capacity,
            max_payload: u32::try_from(capacity - 8).unwrap(),
            alignment: 8,
            stride: 0,
            fingerprint: 0,
            schema: String::new(),
            base_plus_one: 1,
            durable: 0,
            flushing: 0,
        }
    }

    /// A channel of `count` records of one `u64` each.
    pub(crate) fn numbers(count: u64) -> Spec {
        let schema = "struct Number 8\n value 0 8 u64\n".to_owned();
        Spec {
            max_payload: 8,
            stride: 16,
            fingerprint: fingerprint(&schema),
            schema,
            ..Spec::raw(16 * count)
        }
    }

    pub(crate) fn flags(mut self, flags: u32) -> Spec {
        if self.stride == 0 && (self.flags ^ flags) & TIME_STAMPS != 0 {
            self.max_payload -= 8;
        }
        self.flags = flags;
        self
    }

    /// With time stamps, of which each record takes 8 bytes more.
    pub(crate) fn stamped(mut self) -> Spec {
        self.flags |= TIME_STAMPS;
        match self.capacity.checked_div(self.stride) {
            None => self.max_payload -= 8,
            Some(count) => {
                self.stride += 8;
                self.capacity = count * self.stride;
            }
        }
        self
    }

    pub(crate) fn data_offset(&self) -> usize {
        (160 + self.schema.len()).next_multiple_of(PAGE) + PAGE
    }

    pub(crate) fn file_size(&self) -> usize {
        let capacity = usize::try_from(self.capacity).unwrap();
        let alignment = self.alignment as usize;
        (self.data_offset() + capacity.next_multiple_of(alignment) + 8).next_multiple_of(PAGE)
    }

    /// The header, with its checksum.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut bytes = b"KEKBIT\r\n".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend((self.data_offset() as u64).to_le_bytes());
        bytes.extend(self.channel_id);
        bytes.extend(self.writer_id.to_le_bytes());
        bytes.extend(self.predecessor);
        bytes.extend(self.created.to_le_bytes());
        bytes.extend(self.boot_id);
        bytes.extend(self.device.to_le_bytes());
        bytes.extend(self.inode.to_le_bytes());
        bytes.extend(self.writer_timeout.to_le_bytes());
        bytes.extend(self.capacity.to_le_bytes());
        bytes.extend(self.max_payload.to_le_bytes());
        bytes.extend(self.alignment.to_le_bytes());
        bytes.extend(self.stride.to_le_bytes());
        bytes.extend(self.fingerprint.to_le_bytes());
        bytes.extend(u32::try_from(self.schema.len()).unwrap().to_le_bytes());
        bytes.extend([0; 8]);
        assert_eq!(bytes.len(), 156);
        bytes.extend(crc32c(&[&bytes, self.schema.as_bytes()]).to_le_bytes());
        bytes.extend(self.schema.as_bytes());
        bytes
    }

    fn state(&self) -> [u8; 136] {
        let mut state = [0; 136];
        let base = self.base_plus_one.to_le_bytes();
        state[..8].copy_from_slice(&base);
        let check = u64::from(crc32c(&[&self.channel_id, &base]));
        state[8..16].copy_from_slice(&check.to_le_bytes());
        state[64..72].copy_from_slice(&self.durable.to_le_bytes());
        state[128..].copy_from_slice(&self.flushing.to_le_bytes());
        state
    }

    /// The fields of a file, believed as they are.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Spec {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let id_at = |at: usize| bytes[at..at + 16].try_into().unwrap();
        let state = usize::try_from(u64_at(16)).unwrap() - PAGE;
        Spec {
            version: u32_at(8),
            flags: u32_at(12),
            channel_id: id_at(24),
            writer_id: u64_at(40),
            predecessor: id_at(48),
            created: u64_at(64),
            boot_id: id_at(72),
            device: u64_at(88),
            inode: u64_at(96),
            writer_timeout: u64_at(104),
            capacity: u64_at(112),
            max_payload: u32_at(120),
            alignment: u32_at(124),
            stride: u64_at(128),
            fingerprint: u64_at(136),
            schema: String::from_utf8(bytes[160..160 + u32_at(144) as usize].to_vec()).unwrap(),
            base_plus_one: u64_at(state),
            durable: u64_at(state + 64),
            flushing: u64_at(state + 128),
        }
    }

    /// An empty channel of this kind.
    pub(crate) fn image(&self) -> Image {
        let mut bytes = vec![0; self.file_size()];
        let header = self.header();
        bytes[..header.len()].copy_from_slice(&header);
        let data = self.data_offset();
        bytes[data - PAGE..data - PAGE + 136].copy_from_slice(&self.state());
        let sequence = self.base_plus_one.saturating_sub(1);
        Image { spec: self.clone(), bytes, tail: data, sequence }
    }
}

/// The bytes of a file, and where its next frame goes.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) spec: Spec,
    pub(crate) bytes: Vec<u8>,
    pub(crate) tail: usize,
    pub(crate) sequence: u64,
}

impl Image {
    /// A file as it lies there; its tail is at the first frame.
    pub(crate) fn of_file(path: &Path) -> Image {
        let bytes = fs::read(path).unwrap();
        let spec = Spec::of_bytes(&bytes);
        let (tail, sequence) = (spec.data_offset(), spec.base_plus_one.saturating_sub(1));
        Image { spec, bytes, tail, sequence }
    }

    /// Where the frame of a record starts in a channel with a stride.
    pub(crate) fn slot(&self, index: u64) -> usize {
        self.spec.data_offset() + usize::try_from(index * self.spec.stride).unwrap()
    }

    fn word(&self, kind: u64, length: u64, body: &[u8]) -> u64 {
        let word = kind << 60 | length << 32;
        if self.spec.flags & CHECKSUMS == 0 {
            return word;
        }
        let (sequence, head) = (self.sequence.to_le_bytes(), word.to_le_bytes());
        word | u64::from(crc32c(&[&self.spec.channel_id, &sequence, &head, body]))
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts a record at the tail; its time stamp is used in a channel that has them.
    pub(crate) fn record(&mut self, stamp: u64, payload: &[u8]) -> &mut Image {
        let mut body = Vec::new();
        if self.spec.flags & TIME_STAMPS != 0 {
            body.extend(stamp.to_le_bytes());
        }
        body.extend(payload);
        let word = self.word(1, payload.len() as u64, &body);
        self.put(self.tail, &word.to_le_bytes());
        self.put(self.tail + 8, &body);
        self.tail += (8 + body.len()).next_multiple_of(self.spec.alignment as usize);
        self.sequence += 1;
        self
    }

    /// Puts as many records as there are payloads.
    pub(crate) fn records<P: AsRef<[u8]>>(
        &mut self,
        payloads: impl IntoIterator<Item = P>,
    ) -> &mut Image {
        for payload in payloads {
            self.record(0, payload.as_ref());
        }
        self
    }

    /// Puts records of one `u64` each, whose value is ten times their number.
    pub(crate) fn numbers(&mut self, count: u64) -> &mut Image {
        for _ in 0..count {
            let value = number(self.sequence);
            self.record(self.sequence, &value);
        }
        self
    }

    /// Leaves one place of a channel with a stride as it is.
    pub(crate) fn skip(&mut self) -> &mut Image {
        self.tail += usize::try_from(self.spec.stride).unwrap();
        self.sequence += 1;
        self
    }

    pub(crate) fn padding(&mut self, length: u64) -> &mut Image {
        let word = self.word(2, length, &[]);
        self.put(self.tail, &word.to_le_bytes());
        self.tail += 8 + usize::try_from(length).unwrap();
        self
    }

    pub(crate) fn close(&mut self, reason: u64) -> &mut Image {
        let word = self.word(3, reason, &[]);
        self.put(self.tail, &word.to_le_bytes());
        self
    }

    /// Changes the header (or the state) and puts its checksums right.
    pub(crate) fn patch(&mut self, change: impl FnOnce(&mut Spec)) -> &mut Image {
        change(&mut self.spec);
        let (header, state) = (self.spec.header(), self.spec.state());
        self.put(0, &header);
        self.put(self.spec.data_offset() - PAGE, &state);
        self
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, &self.bytes).unwrap();
    }

    /// Writes the file so that it passes for the one that was created here and now: the header
    /// names this boot, this device and this inode.
    pub(crate) fn write_native(&mut self, path: &Path) {
        self.write_of_boot(path, boot_id());
    }

    /// The same, except that the header names another boot.
    pub(crate) fn write_of_boot(&mut self, path: &Path, boot_id: [u8; 16]) {
        fs::write(path, b"").unwrap();
        let metadata = fs::metadata(path).unwrap();
        self.patch(|spec| {
            spec.boot_id = boot_id;
            (spec.device, spec.inode) = (metadata.dev(), metadata.ino());
            spec.created = u64::MAX;
        });
        self.write(path);
    }
}

/// The payload of record `sequence` of [`Image::numbers`].
pub(crate) fn number(sequence: u64) -> [u8; 8] {
    (sequence * 10).to_le_bytes()
}

/// The bytes of this boot's UUID, in the order of its text.
pub(crate) fn boot_id() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let digits: Vec<char> = text.chars().filter(|digit| *digit != '-').collect();
    std::array::from_fn(|index| {
        let pair: String = digits[2 * index..2 * index + 2].iter().collect();
        u8::from_str_radix(&pair, 16).unwrap()
    })
}
