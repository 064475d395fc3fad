//! An archive as a submission: a zip, or a tar that may be compressed.
//!
//! It is read from its beginning to its end, and nothing of it is unpacked on disk. What its author says of lengths
//! has a limit wherever it would take memory.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use flate2::read::GzDecoder;

use super::take::{ENTRIES, Entry, Visit, is_wanted, plain};

/// How much of an archive may be unpacked, in bytes: to find what counts one must also read what doesn't, such as a
/// forgotten target folder. It isn't kept.
const UNPACKED: u64 = 4 << 30;

/// How large the list of a zip archive's files may be, in bytes: the reader keeps it, and takes a multiple of that.
const LIST: u64 = 32 << 20;

/// How large a record of a tar archive may be that says something of the next file, in bytes. Such have long names.
const RECORD: u64 = 64 << 10;

/// A file of which no more than `left` bytes can be read.
struct Limited<'a, R> {
    file: R,
    left: &'a Cell<u64>,
    /// What is said if more is asked for.
    too_much: String,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| io::Error::other(self.too_much.clone()))?);
        Ok(read)
    }
}

impl<R: Seek> Seek for Limited<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn too_many() -> String {
    format!("it has more than {ENTRIES} files")
}

/// Shows each file and link of a zip archive.
pub(super) fn scan_zip(file: &File, visit: &mut Visit<'_>) -> Result<(), String> {
    let broken = |error: zip::result::ZipError| format!("the archive can't be read: {error}");
    let left = Cell::new(LIST);
    let too_much = format!("the list of its files takes more than {} MiB", LIST >> 20);
    let mut archive =
        zip::ZipArchive::new(Limited { file, left: &left, too_much }).map_err(broken)?;
    // From now on it reads only the files that are asked for, each of them with a limit.
    left.set(u64::MAX);
    if archive.len() > ENTRIES {
        return Err(too_many());
    }
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(broken)?;
        // Its name as it stands there, so that one which leads out isn't taken for another.
        let name = entry.name().map_err(broken)?.replace('\\', "/");
        let Some(path) = plain(Path::new(&name)) else { continue };
        if entry.is_symlink() {
            visit(&path, Entry::Link)?;
        } else if entry.is_file() && is_wanted(&path) {
            visit(&path, Entry::File(&mut entry))?;
        }
    }
    Ok(())
}

/// Shows each file and link of a compressed tar archive.
pub(super) fn scan_tar_gz(file: File, visit: &mut Visit<'_>) -> Result<(), String> {
    scan_tar(GzDecoder::new(file), visit)
}

/// Shows each file and link of a tar archive.
pub(super) fn scan_tar(file: impl Read, visit: &mut Visit<'_>) -> Result<(), String> {
    let broken = |error: io::Error| format!("the archive can't be read: {error}");
    // What isn't wanted must be unpacked as well, to find what follows: a limit ends those that grow without end.
    let (left, too_much) =
        (Cell::new(UNPACKED), format!("it has more than {} GiB", UNPACKED >> 30));
    let mut archive = tar::Archive::new(Limited { file, left: &left, too_much });
    // Raw: else the library reads records of any length into memory.
    let mut long_name = None;
    for (number, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
        if number >= ENTRIES {
            return Err(too_many());
        }
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let mut record = Vec::new();
            entry.by_ref().take(RECORD + 1).read_to_end(&mut record).map_err(broken)?;
            if record.len() as u64 > RECORD {
                return Err(format!(
                    "the archive has a file with a name or other details of more than {} KiB",
                    RECORD >> 10
                ));
            }
            let name = if kind.is_gnu_longname() {
                Some(record.strip_suffix(b"\0").unwrap_or(&record).to_vec())
            } else {
                let mut details = tar::PaxExtensions::new(&record).flatten();
                details
                    .find(|detail| detail.key_bytes() == b"path")
                    .map(|path| path.value_bytes().to_vec())
            };
            long_name = name.or(long_name);
            continue;
        }
        if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let Some(path) = plain(Path::new(OsStr::from_bytes(&name))) else { continue };
        if kind.is_symlink() || kind.is_hard_link() {
            visit(&path, Entry::Link)?;
        } else if kind.is_file() && is_wanted(&path) {
            visit(&path, Entry::File(&mut entry))?;
        } else if kind.is_gnu_sparse() {
            return Err(format!(
                "{path} is stored with holes in the archive; hand in one made without them"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::super::take::{Taken, take};
    use super::*;

    #[test]
    fn archives_are_read_without_being_unpacked() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [
            ("raft/src/lib.rs", "lib"),
            ("raft/Cargo.toml", "toml"),
            ("raft/build.rs", "no"),
            ("x.bin", "no"),
        ];
        let expected = Taken {
            sources: [("lib.rs".to_owned(), b"lib".to_vec())].into(),
            manifest: Some("toml".to_owned()),
        };

        let path = folder.path().join("bob.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).expect("a file"));
        for (name, text) in files {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
            zip.write_all(text.as_bytes()).expect("its content");
        }
        zip.finish().expect("a zip");
        assert_eq!(take(&path, b"").as_ref(), Ok(&expected));

        let path = folder.path().join("bob.tar.gz");
        let packed = flate2::write::GzEncoder::new(
            File::create(&path).expect("a file"),
            flate2::Compression::fast(),
        );
        let mut tar = tar::Builder::new(packed);
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, name, text.as_bytes()).expect("an entry");
        }
        tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("a tar");
        assert_eq!(take(&path, b"").as_ref(), Ok(&expected));

        let path = folder.path().join("broken.zip");
        fs::write(&path, "PK").expect("a file");
        assert!(take(&path, b"").unwrap_err().contains("the archive can't be read"));
    }

    /// A tar archive of files with these headers and contents.
    fn tar_of(path: &Path, entries: &[(tar::EntryType, &str, &[u8])]) {
        let mut tar = tar::Builder::new(File::create(path).expect("a file"));
        for (kind, name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_path(name).expect("a short name");
            header.set_size(content.len() as u64);
            header.set_cksum();
            tar.append(&header, *content).expect("an entry");
        }
        tar.finish().expect("a tar");
    }

    #[test]
    fn long_names_are_read_but_not_of_any_length() {
        use tar::EntryType;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob.tar");
        let long = format!("{}/raft/src/lib.rs", "x".repeat(200));
        let file = (EntryType::Regular, "short.rs", &b"lib"[..]);
        let expected =
            Taken { sources: [("lib.rs".to_owned(), b"lib".to_vec())].into(), manifest: None };
        let gnu = format!("{long}\0");
        tar_of(&path, &[(EntryType::GNULongName, "@", gnu.as_bytes()), file]);
        assert_eq!(take(&path, b"").as_ref(), Ok(&expected));
        let pax = format!("{} path={long}\n", long.len() + 10);
        tar_of(&path, &[(EntryType::XHeader, "@", pax.as_bytes()), file]);
        assert_eq!(take(&path, b"").as_ref(), Ok(&expected));

        // Should the reader ask for all of it, it is told so.
        struct Endless;
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
        for kind in [EntryType::GNULongName, EntryType::XHeader] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(1 << 40);
            header.set_cksum();
            let read = std::cell::Cell::new(0);
            let archive = header.as_bytes().chain(Counted(Endless, &read));
            let why = scan_tar(archive, &mut |_, _| Ok(())).expect_err("it is refused");
            assert!(why.contains("other details of more than 64 KiB"), "{why}");
            assert!(read.get() < 1 << 20, "{} bytes were read", read.get());
        }
    }

    /// Counts the bytes that are read.
    struct Counted<'a, R>(R, &'a Cell<u64>);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.set(self.1.get() + read as u64);
            Ok(read)
        }
    }

    #[test]
    fn a_zip_s_list_has_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).expect("a file"));
        let name = "x".repeat(60_000);
        for number in 0..600 {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(format!("{name}{number}"), options).expect("an entry");
        }
        zip.finish().expect("a zip");
        let why = take(&path, b"").expect_err("it is refused");
        assert!(why.contains("the list of its files takes more than 32 MiB"), "{why}");
    }

    #[test]
    fn names_that_no_file_can_have_are_refused() {
        use tar::EntryType;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bob.tar");
        let (lib, content) = ((EntryType::Regular, "src/lib.rs", &b"lib"[..]), &b"x"[..]);
        let long = format!("src/{}.rs\0", "x".repeat(300));
        for name in [&*long, "src/a\0b.rs\0"] {
            let name = (EntryType::GNULongName, "@", name.as_bytes());
            tar_of(&path, &[lib, name, (EntryType::Regular, "@", content)]);
            let why = take(&path, b"").expect_err("it is refused");
            assert!(why.contains("is no name for a file"), "{why}");
        }
        let (file, below) = ("src/a.rs", "src/a.rs/b.rs");
        tar_of(
            &path,
            &[lib, (EntryType::Regular, file, content), (EntryType::Regular, below, content)],
        );
        assert_eq!(take(&path, b""), Err("a.rs is both a file and a folder".to_owned()));
    }
}
