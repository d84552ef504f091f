//! [`Trail`]: the way from the datum that was asked to the part that is being read.

use crate::error::Invalid;

/// Lies on the stack, each part pointing to the one around it, so that knowing the place of an
/// error costs nothing as long as there is none.
pub(super) struct Trail<'p> {
    around: Option<&'p Trail<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Within { name: &'p str, offset: usize },
    Element { index: usize, size: usize },
}

impl<'p> Trail<'p> {
    /// The start of the way.
    pub(super) const START: Trail<'static> =
        Trail { around: None, step: Step::Within { name: "", offset: 0 } };

    pub(super) fn within(&'p self, name: &'p str, offset: usize) -> Trail<'p> {
        Trail { around: Some(self), step: Step::Within { name, offset } }
    }

    pub(super) fn element(&'p self, index: usize, size: usize) -> Trail<'p> {
        Trail { around: Some(self), step: Step::Element { index, size } }
    }

    /// Into the value of an option, which adds nothing to a path.
    pub(super) fn value(&'p self) -> Trail<'p> {
        self.within("", size_of::<u8>())
    }

    /// The error of the part at the end, told from the start.
    #[cold]
    pub(super) fn enclose(&self, mut invalid: Invalid) -> Invalid {
        let mut trail = Some(self);
        while let Some(Trail { around, step }) = trail {
            invalid = match *step {
                Step::Within { name, offset } => invalid.within(name, offset),
                Step::Element { index, size } => invalid.within_element(index, size),
            };
            trail = *around;
        }
        invalid
    }
}
