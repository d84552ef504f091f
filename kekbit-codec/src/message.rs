//! [`Message`]: text put together at compile time, for errors that the compiler shows.

/// Up to `N` bytes of UTF-8. What does not fit is cut off between two characters, for good.
#[derive(Clone, Copy)]
pub(crate) struct Message<const N: usize> {
    bytes: [u8; N],
    len: usize,
    full: bool,
}

impl<const N: usize> Message<N> {
    pub(crate) const fn new() -> Message<N> {
        Message { bytes: [0; N], len: 0, full: false }
    }

    pub(crate) const fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds what is known to be UTF-8.
    pub(crate) const fn bytes(&mut self, text: &[u8]) {
        if self.full {
            return;
        }
        let mut count = text.len();
        if N - self.len < count {
            self.full = true;
            count = N - self.len;
            // A byte that continues a character is not where one starts.
            while 0 < count && text[count] & 0xC0 == 0x80 {
                count -= 1;
            }
        }
        let mut index = 0;
        // At compile time a call in a loop takes longer than the loop: no `len` here.
        while index < count {
            self.bytes[self.len] = text[index];
            self.len += 1;
            index += 1;
        }
    }

    pub(crate) const fn number(&mut self, number: u64) {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        if 10 <= number {
            self.number(number / 10);
        }
        self.str(DIGITS[(number % 10) as usize]);
    }

    pub(crate) const fn hexadecimal(&mut self, number: u64) {
        const DIGITS: [&str; 16] =
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
        let mut shift = 64;
        while 0 < shift {
            shift -= 4;
            self.str(DIGITS[(number >> shift & 0xF) as usize]);
        }
    }

    /// Bytes that still fit.
    pub(crate) const fn room(&self) -> usize {
        if self.full { 0 } else { N - self.len }
    }

    pub(crate) const fn as_str(&self) -> &str {
        text(self.bytes.split_at(self.len).0)
    }
}

/// The text of bytes that are known to be UTF-8.
pub(crate) const fn text(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "?",
    }
}

/// Whether two byte strings are the same, at compile time too.
pub(crate) const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (mut index, len) = (0, one.len());
    while index < len {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_between_characters() {
        let mut message = Message::<6>::new();
        message.str("ab\u{e9}");
        message.str("\u{4e2d}more");
        message.str("!");
        assert_eq!(message.as_str(), "ab\u{e9}");
        assert_eq!(message.room(), 0);
    }

    #[test]
    fn numbers_are_written_out() {
        let mut message = Message::<64>::new();
        message.number(1_907);
        message.str(" ");
        message.hexadecimal(0xBEEF);
        assert_eq!(message.as_str(), "1907 000000000000beef");
    }
}
