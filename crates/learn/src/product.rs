//! Products of matrices in single precision, row after row.
#![allow(unsafe_code)]

/// A matrix that lies row after row, or its transpose.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    elements: &'a [f32],
    rows: usize,
    columns: usize,
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// The matrix with rows of `columns` elements.
    pub(crate) fn new(elements: &'a [f32], columns: usize) -> Self {
        let rows = elements.len() / columns;
        Self {
            elements: &elements[..rows * columns],
            rows,
            columns,
            strides: (columns, 1),
        }
    }

    /// Some of the columns of a matrix that lies row after row.
    pub(crate) fn columns(self, first: usize, count: usize) -> Self {
        assert!(
            first + count <= self.columns && self.strides.1 == 1,
            "columns of the matrix"
        );
        let elements = self.elements.get(first..).unwrap_or_default();
        Self {
            elements,
            columns: count,
            ..self
        }
    }

    /// Rows for columns.
    pub(crate) fn transposed(self) -> Self {
        let (row, column) = self.strides;
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: (column, row),
            ..self
        }
    }

    /// Writes the product with `other` to `product`.
    ///
    /// # Panics
    /// The matrices do not go together, or the product has another size.
    pub(crate) fn times(self, other: Matrix<'_>, product: &mut [f32]) {
        assert_eq!(self.columns, other.rows, "inner dimensions");
        assert_eq!(
            product.len(),
            self.rows * other.columns,
            "size of the product"
        );
        let stride = |stride: usize| stride as isize;
        // SAFETY: with its strides, a matrix reaches to the last of its rows · columns elements, which its slice has; so does
        // the product, which nothing else refers to. No length is beyond isize, as slices are not.
        unsafe {
            matrixmultiply::sgemm(
                self.rows,
                self.columns,
                other.columns,
                1.0,
                self.elements.as_ptr(),
                stride(self.strides.0),
                stride(self.strides.1),
                other.elements.as_ptr(),
                stride(other.strides.0),
                stride(other.strides.1),
                0.0,
                product.as_mut_ptr(),
                stride(other.columns),
                1,
            );
        }
    }
}
