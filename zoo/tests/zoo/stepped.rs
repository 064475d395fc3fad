//! The ladder's tests: the right Raft passes each, and each fails a wrong one.
