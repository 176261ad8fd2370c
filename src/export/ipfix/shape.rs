//! Which fields of a record have a value.

/// A set of fields by their place; any number of them.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Shape(Vec<u64>);

impl Shape {
    /// Takes the field at this place in.
    pub(super) fn add(&mut self, nth: usize) {
        let (word, bit) = (nth / 64, nth % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, nth: usize) -> bool {
        self.0.get(nth / 64).is_some_and(|word| word >> (nth % 64) & 1 == 1)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut shape = Self::default();
        places.into_iter().for_each(|nth| shape.add(nth));
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fields_are_the_same_shape_however_they_came() {
        let mut shape: Shape = [200, 3].into_iter().collect();
        assert_eq!(shape, [3, 200, 3].into_iter().collect());
        assert!(shape.contains(3) && shape.contains(200) && !shape.contains(4) && !shape.contains(10_000));
        shape.clear();
        assert!(shape.is_empty());
        shape.add(3);
        assert_eq!(shape, [3].into_iter().collect());
    }
}
