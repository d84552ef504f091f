//! [`FixedStr`] and [`FixedBytes`]: text and bytes of a fixed size.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    str::{self, FromStr},
};

use crate::{
    error::Invalid,
    field::{Field, plain_view},
    schema::Type,
};

/// Text of up to `N` bytes of UTF-8, which takes exactly `N` bytes on the wire.
///
/// The rest is filled with zeroes, as in a `char[N]` of C or an `S` field of numpy. The text ends
/// at the first zero, so it cannot contain NUL itself: such a text is refused rather than cut.
/// Nor is a text that is too long cut: it is refused as well, and so no character is ever split.
///
/// # Examples
/// ```
/// use kekbit_codec::{FixedStr, TextError};
///
/// let carrier: FixedStr<2> = "UA".parse()?;
/// assert_eq!(carrier, "UA");
/// assert_eq!(FixedStr::<2>::new("DAL"), Err(TextError::TooLong { len: 3, max: 2 }));
/// assert_eq!(FixedStr::<2>::new("\0"), Err(TextError::Nul { at: 0 }));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Copy)]
pub struct FixedStr<const N: usize> {
    /// UTF-8 up to the first zero, or to the end if there is none; zeroes from there on.
    bytes: [u8; N],
}

/// Why a text is no [`FixedStr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It does not fit.
    #[error("text of {len} bytes where {max} fit")]
    TooLong {
        /// Bytes of the text.
        len: usize,
        /// Bytes there is room for.
        max: usize,
    },
    /// It contains NUL, which marks the end of a [`FixedStr`].
    #[error("text with NUL at byte {at}")]
    Nul {
        /// The byte of the first NUL.
        at: usize,
    },
}

impl<const N: usize> FixedStr<N> {
    /// The empty text.
    pub const EMPTY: FixedStr<N> = FixedStr { bytes: [0; N] };

    /// The text, padded to `N` bytes.
    ///
    /// # Errors
    /// The text has more than `N` bytes, or contains NUL.
    ///
    /// # Examples
    /// ```
    /// use kekbit_codec::FixedStr;
    ///
    /// const VENUE: FixedStr<8> = match FixedStr::new("XNYS") {
    ///     Ok(venue) => venue,
    ///     Err(_) => panic!("too long"),
    /// };
    /// assert_eq!(VENUE.as_str(), "XNYS");
    /// ```
    pub const fn new(text: &str) -> Result<FixedStr<N>, TextError> {
        let mut bytes = [0; N];
        let len = text.len();
        let mut at = 0;
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            if *byte == 0 {
                return Err(TextError::Nul { at });
            }
            if at < N {
                bytes[at] = *byte;
            }
            at += 1;
            rest = tail;
        }
        if N < len { Err(TextError::TooLong { len, max: N }) } else { Ok(FixedStr { bytes }) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = until_nul(&self.bytes);
        match str::from_utf8(text) {
            Ok(text) => text,
            // Only bytes that changed between `check` and `get` can bring us here.
            Err(_) => text.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        }
    }
}

#[inline]
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The text in `bytes`, or why there is none.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Invalid> {
    let text = until_nul(bytes);
    let padding = bytes.iter().skip(text.len());
    if let Some(stray) = padding.into_iter().position(|&byte| byte != 0) {
        return Err(stray_text(bytes, text.len(), text.len() + stray));
    }
    match str::from_utf8(text) {
        Ok(text) => Ok(text),
        Err(error) => Err(not_utf8(bytes, error.valid_up_to())),
    }
}

/// Out of line, so that what is rarely needed does not keep the compiler from inlining the rest.
#[inline(never)]
fn check_text(bytes: &[u8]) -> Result<(), Invalid> {
    text(bytes).map(|_| ())
}

/// Whether ASCII without NUL is followed by nothing but zeroes. Eight bytes at a time, no branch on
/// any of them.
#[inline(always)]
fn is_padded_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // What is amiss, in the high bits; the others say nothing.
    let mut amiss = 0;
    let mut look = |word: &[u8; 8], carry: u64| {
        let word = u64::from_le_bytes(*word);
        // 0xFF for each byte that is not zero, else 0x7F. No sum carries into the next byte if all
        // are ASCII, and if not, `word` itself tells.
        let full = word.wrapping_add(!HIGH_BITS) | !HIGH_BITS;
        // The carry goes through all that is full, and ends in the first byte that is not. What is
        // full behind that one has kept its high bit.
        let sum = full.wrapping_add(carry);
        amiss |= word | full & sum;
        u64::from(sum == 0)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let _ = words.iter().fold(1, |carry, word| look(word, carry));
    match (rest, bytes.last_chunk::<8>()) {
        ([], _) => {}
        // Looks at some bytes twice. What is in front of the first was looked at with it.
        (_, Some(last)) => {
            look(last, 1);
        }
        (_, None) => {
            let mut word = [0; 8];
            word.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            look(&word, 1);
        }
    }
    amiss & HIGH_BITS == 0
}

#[cold]
#[inline(never)]
fn stray_text(bytes: &[u8], end: usize, at: usize) -> Invalid {
    let byte = bytes.get(at).copied().unwrap_or_default();
    Invalid::new(
        format_args!("byte {byte:#04x} at {at} behind the end of the text at {end}"),
        "zeroes behind the text",
    )
}

#[cold]
#[inline(never)]
fn not_utf8(bytes: &[u8], at: usize) -> Invalid {
    let byte = bytes.get(at).copied().unwrap_or_default();
    Invalid::new(format_args!("byte {byte:#04x} at {at} of the text"), "UTF-8")
}

/// The view is the text itself.
///
/// NB: a `&str` must stay UTF-8 as long as it lives. One that points into shared memory relies on
/// what a channel promises, that committed bytes do not change; where a hostile process could
/// write to the file all the same, decode the record, which copies the text.
impl<const N: usize> Field for FixedStr<N> {
    type Wire = [u8; N];
    type View<'a> = Result<&'a str, Invalid>;
    const TYPE: Type = Type::Str(N);

    #[inline]
    fn put(&self, wire: &mut [u8; N]) {
        *wire = self.bytes;
    }
    #[inline]
    fn check(wire: &[u8; N]) -> Result<(), Invalid> {
        // Most texts are.
        if is_padded_ascii(wire) { Ok(()) } else { check_text(wire) }
    }
    #[inline]
    fn get(wire: &[u8; N]) -> Self {
        FixedStr { bytes: *wire }
    }
    fn view(wire: &[u8; N]) -> Result<&str, Invalid> {
        text(wire)
    }
    #[inline(always)]
    fn put_and_feed<H: Hasher>(&self, wire: &mut [u8; N], hasher: &mut H) {
        self.put(wire);
        hasher.write(&self.bytes);
    }
}

impl<const N: usize> Default for FixedStr<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> Deref for FixedStr<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for FixedStr<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> Borrow<str> for FixedStr<N> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> FromStr for FixedStr<N> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl<const N: usize> TryFrom<&str> for FixedStr<N> {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl<const N: usize> PartialEq for FixedStr<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for FixedStr<N> {}

impl<const N: usize> PartialEq<str> for FixedStr<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for FixedStr<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> PartialOrd for FixedStr<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for FixedStr<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> Hash for FixedStr<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const N: usize> fmt::Display for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Exactly `N` bytes of anything: a key, a digest, an identifier.
///
/// On the wire the same as `[u8; N]`. The schema calls it bytes instead of numbers, its view is a
/// `&[u8; N]`, and it is shown in hexadecimal.
///
/// # Examples
/// ```
/// use kekbit_codec::FixedBytes;
///
/// let key = FixedBytes::from([0xC0, 0xFF, 0xEE]);
/// assert_eq!(key.to_string(), "c0ffee");
/// assert_eq!(FixedBytes::<3>::try_from(&b"key"[..])?, FixedBytes::from(*b"key"));
/// assert!(FixedBytes::<3>::try_from(&b"keys"[..]).is_err());
/// # Ok::<(), core::array::TryFromSliceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedBytes<const N: usize>(
    /// The bytes.
    pub [u8; N],
);

impl<const N: usize> Field for FixedBytes<N> {
    type Wire = [u8; N];
    type View<'a> = &'a [u8; N];
    const TYPE: Type = Type::Bytes(N);

    #[inline]
    fn put(&self, wire: &mut [u8; N]) {
        *wire = self.0;
    }
    #[inline]
    fn check(_: &[u8; N]) -> Result<(), Invalid> {
        Ok(())
    }
    #[inline]
    fn get(wire: &[u8; N]) -> Self {
        FixedBytes(*wire)
    }
    #[inline]
    fn view(wire: &[u8; N]) -> &[u8; N] {
        wire
    }
    #[inline(always)]
    fn put_and_feed<H: Hasher>(&self, wire: &mut [u8; N], hasher: &mut H) {
        self.put(wire);
        hasher.write(&self.0);
    }
}

plain_view!(&[u8; N]; const N: usize);

impl<const N: usize> Default for FixedBytes<N> {
    fn default() -> Self {
        FixedBytes([0; N])
    }
}

impl<const N: usize> Deref for FixedBytes<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> AsRef<[u8]> for FixedBytes<N> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> From<[u8; N]> for FixedBytes<N> {
    fn from(bytes: [u8; N]) -> Self {
        FixedBytes(bytes)
    }
}

impl<const N: usize> From<FixedBytes<N>> for [u8; N] {
    fn from(bytes: FixedBytes<N>) -> Self {
        bytes.0
    }
}

impl<const N: usize> TryFrom<&[u8]> for FixedBytes<N> {
    type Error = core::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(FixedBytes)
    }
}

impl<const N: usize> fmt::Display for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of up to 20 bytes that are ASCII, with one of them changed to anything.
    #[test]
    fn the_quick_look_agrees_with_the_slow_one() {
        let mut bytes = [0; 20];
        for size in 0..=bytes.len() {
            for len in 0..=size {
                for at in 0..size {
                    for byte in 0..=u8::MAX {
                        bytes[..len].fill(b'a');
                        bytes[len..].fill(0);
                        bytes[at] = byte;
                        let wire = &bytes[..size];
                        let expected = wire.is_ascii() && text(wire).is_ok();
                        assert_eq!(is_padded_ascii(wire), expected, "{wire:?}");
                    }
                }
            }
        }
    }
}
