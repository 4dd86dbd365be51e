//! Enums whose numbers go over the wire.

/// An enum of numbered codes with `ALL` and `from_bits`.
macro_rules! codes {
    (
        $(#[$attribute:meta])*
        $name:ident {$(
            $(#[$doc:meta])*
            $code:ident = $number:literal,
        )*}
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {$(
            $(#[$doc])*
            $code = $number,
        )*}

        impl $name {
            /// All codes, in the order of their definition.
            pub const ALL: &'static [$name] = &[$($name::$code),*];

            /// The code with this number; `None` if there is none.
            #[must_use]
            pub fn from_bits(bits: u8) -> Option<$name> {
                match bits {
                    $($number => Some($name::$code),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use codes;
