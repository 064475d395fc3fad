//! What the three tests of MIT's labgob are about, under their names. Theirs count warnings; what
//! they warn about can't happen here, and that is what these show.

use std::collections::HashMap;

use labgob::{Decoder, Encoder, decode, encode};
use serde::{Deserialize, Serialize};

use crate::round_trip::assert_round_trip;

/// What Go registers as a type behind an interface is an enum here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Any {
    Int(i64),
    Text(String),
    Inner(Inner),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    x: i64,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outer {
    x: i64,
    list: Vec<Inner>,
    by_name: HashMap<String, Box<Inner>>,
    any: Any,
}

/// Values of all sorts come back as they went, through one sequence.
#[test]
#[expect(non_snake_case, reason = "MIT's name")]
fn TestGOB() {
    let inner = |x: i64| Inner { x, name: format!("inner {x}") };
    let outer = Outer {
        x: -7,
        list: (0..5).map(inner).collect(),
        by_name: (0..5).map(|x| (x.to_string(), Box::new(inner(x)))).collect(),
        any: Any::Inner(inner(99)),
    };
    let mut encoder = Encoder::new();
    encoder.encode(&0_i64).encode(&1_i64).encode(&outer).encode(&vec![outer.clone(); 2]);
    encoder.encode(&Any::Text("text".into()));
    let bytes = encoder.finish();

    let mut decoder = Decoder::new(&bytes);
    assert_eq!(decoder.decode::<i64>(), Ok(0));
    assert_eq!(decoder.decode::<i64>(), Ok(1));
    assert_eq!(decoder.decode::<Outer>(), Ok(outer.clone()));
    assert_eq!(decoder.decode::<Vec<Outer>>(), Ok(vec![outer.clone(), outer]));
    assert_eq!(decoder.decode::<Any>(), Ok(Any::Text("text".into())));
    assert_eq!(decoder.finish(), Ok(()));
}

mod private {
    use super::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub(crate) struct Capital {
        pub(crate) yes: i64,
        no: String,
    }

    impl Capital {
        pub(crate) fn new(yes: i64, no: &str) -> Self {
            Self { yes, no: no.to_owned() }
        }
    }
}

/// A private field, deep inside a type, is not lost.
#[test]
#[expect(non_snake_case, reason = "MIT's name")]
fn TestCapital() {
    let key = Box::new(private::Capital::new(1, "private"));
    assert_round_trip(vec![HashMap::from([(key, 2_i64)])]);
}

/// A zero replaces what was in the variable before.
#[test]
#[expect(non_snake_case, reason = "MIT's name")]
fn TestDefault() {
    #[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
    struct Reply {
        x: i64,
        text: String,
        list: Vec<i64>,
    }
    let mut reply = Reply { x: 99, text: "old".into(), list: vec![99] };
    assert_eq!(reply.x, 99);
    reply = decode(&encode(&Reply::default())).unwrap();
    assert_eq!(reply, Reply::default());
}
