//! How a Rust type is a type of SQL: what pgrx is told of one that can be read and, where it is returned, has
//! [`IntoDatum`](pgrx::IntoDatum).
//!
//! A lifetime in the macros' arguments is that of the call, or of the array, from which a value is borrowed.

/// Declares that values of SQL are read by a function `read` of the type, unsafe because it trusts a datum to be of the right
/// type of SQL and to live as long as what it returns: None where that counts as NULL.
macro_rules! is_argument {
    (<$call:lifetime> $type:ty) => {
        impl<$call> ::pgrx::FromDatum for $type {
            #[inline]
            unsafe fn from_polymorphic_datum(
                datum: ::pgrx::pg_sys::Datum,
                is_null: bool,
                _: ::pgrx::pg_sys::Oid,
            ) -> Option<Self> {
                if is_null {
                    return None;
                }
                // SAFETY: the caller promises a datum of this type, and that it lives long enough.
                unsafe { Self::read(datum) }
            }
        }

        // SAFETY: an argument lives as long as the call, and functions are declared in SQL with the type that is read.
        unsafe impl<$call> ::pgrx::callconv::ArgAbi<$call> for $type {
            #[inline]
            unsafe fn unbox_arg_unchecked(argument: ::pgrx::callconv::Arg<'_, $call>) -> Self {
                let index = argument.index();
                // SAFETY: pgrx hands over an argument of the call at hand.
                unsafe { argument.unbox_arg_using_from_datum() }
                    .unwrap_or_else(|| panic!("argument {index} must not be null"))
            }

            #[inline]
            unsafe fn unbox_nullable_arg(
                argument: ::pgrx::callconv::Arg<'_, $call>,
            ) -> ::pgrx::nullable::Nullable<Self> {
                // SAFETY: pgrx hands over an argument of the call at hand.
                unsafe { argument.unbox_arg_using_from_datum::<Self>() }.into()
            }
        }
    };
}

/// Declares that `IntoDatum` makes what an SQL function returns.
macro_rules! is_result {
    ($type:ty) => {
        // SAFETY: the datum is one of the type that the function returns in SQL, in the memory context of the call.
        unsafe impl ::pgrx::callconv::BoxRet for $type {
            unsafe fn box_into<'fcx>(
                self,
                fcinfo: &mut ::pgrx::callconv::FcInfo<'fcx>,
            ) -> ::pgrx::datum::Datum<'fcx> {
                match ::pgrx::IntoDatum::into_datum(self) {
                    // SAFETY: into_datum has just made it, for a function of this type.
                    Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
                    None => fcinfo.return_null(),
                }
            }
        }
    };
}

/// Declares that elements of arrays are read like arguments; the second type is the first one, borrowed from an array.
macro_rules! is_element {
    ($type:ty, <$array:lifetime> $borrowed:ty) => {
        // SAFETY: elements of arrays are neither compressed nor out of line, and valid as long as the array.
        unsafe impl ::pgrx::datum::UnboxDatum for $type {
            type As<$array>
                = $borrowed
            where
                Self: $array;

            #[inline]
            unsafe fn unbox<$array>(datum: ::pgrx::datum::Datum<$array>) -> $borrowed
            where
                Self: $array,
            {
                let datum = datum.sans_lifetime();
                // SAFETY: pgrx hands over an element that is not NULL, of an array of this type.
                unsafe { <$borrowed as ::pgrx::FromDatum>::from_datum(datum, false) }
                    .unwrap_or_else(|| panic!("element must not be null"))
            }
        }
    };
}

/// Declares the name in SQL of types that the extension creates. The first of them is what `extension_sql_file!` creates.
macro_rules! is_created {
    ($name:literal: $first:ty $(, $type:ty)*) => {
        is_created!(@each $name, ThisExtension, $first: $first $(, $type)*);
    };
    (@each $name:literal, $origin:ident, $first:ty: $($type:ty),+) => {$(
        // SAFETY: FromDatum and IntoDatum of the type read and make values of that type of SQL.
        unsafe impl ::pgrx::pgrx_sql_entity_graph::metadata::SqlTranslatable for $type {
            const TYPE_IDENT: &'static str = ::pgrx::pgrx_resolved_type!($first);
            const TYPE_ORIGIN: ::pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin =
                ::pgrx::pgrx_sql_entity_graph::metadata::TypeOrigin::$origin;
            const ARGUMENT_SQL: ::std::result::Result<
                ::pgrx::pgrx_sql_entity_graph::metadata::SqlMappingRef,
                ::pgrx::pgrx_sql_entity_graph::metadata::ArgumentError,
            > = Ok(::pgrx::pgrx_sql_entity_graph::metadata::SqlMappingRef::literal($name));
            const RETURN_SQL: ::std::result::Result<
                ::pgrx::pgrx_sql_entity_graph::metadata::ReturnsRef,
                ::pgrx::pgrx_sql_entity_graph::metadata::ReturnsError,
            > = Ok(::pgrx::pgrx_sql_entity_graph::metadata::ReturnsRef::One(
                ::pgrx::pgrx_sql_entity_graph::metadata::SqlMappingRef::literal($name),
            ));
        }
    )+};
}

/// Declares the name in SQL of a type of another extension.
macro_rules! is_foreign {
    ($name:literal: $type:ty) => {
        $crate::datum::is_created!(@each $name, External, $type: $type);
    };
}

pub(crate) use {is_argument, is_created, is_element, is_foreign, is_result};
