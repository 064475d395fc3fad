//! Macros for the methods of serializers: what those refuse that look for something else, and how fields
//! are taken, whatever serde calls them.

/// The methods of a serializer for all that isn't looked for.
macro_rules! refuse {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$ok, Other> { Err(std::fmt::Error) })*
    };
}

/// The methods of a serializer for what has a name, or is in a wrapper, and is looked at as it is.
macro_rules! look_within {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(fn $method<T: Serialize + ?Sized>(self, $(_: $kind,)* value: &T) -> Result<$ok, Other> {
            value.serialize(self)
        })*
    };
}

/// The methods of a serializer for all whose parts are taken one by one, by what `$taker` makes.
macro_rules! take_parts {
    ($taker:expr => $($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$ok, Other> { Ok($taker(self)) })*
    };
}

/// What no serializer here takes.
macro_rules! refuse_the_rest {
    ($ok:ty) => {
        refuse! {
            serialize_f32(f32) -> $ok;
            serialize_f64(f64) -> $ok;
            serialize_char(char) -> $ok;
            serialize_str(&str) -> $ok;
            serialize_bytes(&[u8]) -> $ok;
            serialize_none() -> $ok;
            serialize_unit() -> $ok;
            serialize_unit_struct(&'static str) -> $ok;
        }

        look_within! {
            serialize_some() -> $ok;
            serialize_newtype_struct(&'static str) -> $ok;
        }
    };
}

/// An enum's variants, for serializers that look for none.
macro_rules! refuse_variants {
    ($ok:ty) => {
        refuse! {
            serialize_unit_variant(&'static str, u32, &'static str) -> $ok;
        }
        refuse_variants_with_values!($ok);
    };
}

/// An enum's variants that have more than a name.
macro_rules! refuse_variants_with_values {
    ($ok:ty) => {
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<$ok, Other> {
            Err(std::fmt::Error)
        }

        type SerializeTupleVariant = Impossible<$ok, Other>;
        type SerializeStructVariant = Impossible<$ok, Other>;
        refuse! {
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<$ok, Other>;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<$ok, Other>;
        }
    };
}

/// What is made up of parts, for serializers that look for a single value.
macro_rules! refuse_parts {
    ($ok:ty) => {
        type SerializeSeq = Impossible<$ok, Other>;
        type SerializeTuple = Impossible<$ok, Other>;
        type SerializeTupleStruct = Impossible<$ok, Other>;
        type SerializeMap = Impossible<$ok, Other>;
        type SerializeStruct = Impossible<$ok, Other>;
        refuse! {
            serialize_seq(Option<usize>) -> Impossible<$ok, Other>;
            serialize_tuple(usize) -> Impossible<$ok, Other>;
            serialize_tuple_struct(&'static str, usize) -> Impossible<$ok, Other>;
            serialize_map(Option<usize>) -> Impossible<$ok, Other>;
            serialize_struct(&'static str, usize) -> Impossible<$ok, Other>;
        }
    };
}

/// A number or a flag, for serializers that look for neither.
macro_rules! refuse_scalars {
    ($ok:ty) => {
        refuse! {
            serialize_bool(bool) -> $ok;
            serialize_i8(i8) -> $ok;
            serialize_i16(i16) -> $ok;
            serialize_i32(i32) -> $ok;
            serialize_i64(i64) -> $ok;
            serialize_u8(u8) -> $ok;
            serialize_u16(u16) -> $ok;
            serialize_u32(u32) -> $ok;
            serialize_u64(u64) -> $ok;
        }
    };
}

/// Takes the fields of a map, a struct or an enum's variant alike: by the taker's `take`, one by one, and at
/// the end by its `found`. Its `key` is that of a map's next value.
macro_rules! takes_fields {
    ($taker:ty, $ok:ty) => {
        impl SerializeMap for $taker {
            type Ok = $ok;
            type Error = Other;

            fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Other> {
                self.key = key_of(key)?;
                Ok(())
            }

            fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
                let key = std::mem::take(&mut self.key);
                self.take(&key, value);
                Ok(())
            }

            fn end(self) -> Result<$ok, Other> {
                Ok(self.found())
            }
        }

        takes_fields!($taker, $ok, SerializeStruct);
        takes_fields!($taker, $ok, SerializeStructVariant);
    };
    ($taker:ty, $ok:ty, $kind:ident) => {
        impl $kind for $taker {
            type Ok = $ok;
            type Error = Other;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Other> {
                self.take(name, value);
                Ok(())
            }

            fn end(self) -> Result<$ok, Other> {
                Ok(self.found())
            }
        }
    };
}
