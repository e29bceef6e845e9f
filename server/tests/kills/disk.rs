//! The disk below the binary, by the library of `disk.c` that is loaded into it: a test says when the power goes and what
//! is refused, and learns what a loss of power would leave. Certain is what was synced and nothing else: content by a
//! sync of the file, names by a sync of their folder. All else survives or vanishes, as a seed has it.

use std::collections::BTreeMap;
use std::fs::{File, read, read_dir};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pages::Pages;
use super::random::Random;

/// What goes wrong; the numbers are those of `enum fault` in `disk.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// ENOSPC for what needs room; of the first write half is done.
    Full = 1,
    /// EIO for every change and every sync; of the first write half is done.
    Broken = 2,
    /// EIO for every sync: what was not on the disk yet may be lost for good.
    Unsynced = 3,
    /// EROFS for every change.
    ReadOnly = 4,
}

/// A change in the journal, as `struct head` of `disk.c` has it.
struct Change<'a> {
    what: u8,
    failed: bool,
    inode: u64,
    at: usize,
    path: PathBuf,
    bytes: &'a [u8],
}

/// Bytes of a change's head.
const HEAD: usize = 24;

/// See the module.
pub struct Disk {
    folder: PathBuf,
    library: PathBuf,
    journal: PathBuf,
    hand: PathBuf,
    contents: Vec<Content>,
    inodes: BTreeMap<u64, usize>,
    names: BTreeMap<PathBuf, usize>,
    /// Names that are certain.
    kept: BTreeMap<PathBuf, usize>,
    /// Names that came (with their content) or went since their folder was synced.
    renamed: Vec<(PathBuf, Option<usize>)>,
}

enum Content {
    Folder(PathBuf),
    File(Pages),
}

/// SQLite's index of a write-ahead log is mapped, means nothing after a crash, and is made anew.
fn is_left_out(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"-shm")
}

impl Disk {
    /// Takes `data` in a folder into its hand, and has the library made there.
    pub fn new(place: &Path) -> Self {
        let at = |name: &str| place.join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kills/disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        assert!(compiler.arg(at("disk.so")).arg(source).status().unwrap().success(), "it is compiled");
        std::fs::write(at("hand"), [0; 24]).unwrap();
        let mut disk = Self {
            folder: at("data"),
            library: at("disk.so"),
            journal: at("journal"),
            hand: at("hand"),
            contents: Vec::new(),
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            kept: BTreeMap::new(),
            renamed: Vec::new(),
        };
        disk.find();
        disk
    }

    /// What a process is to find in its environment.
    pub fn environment(&self) -> [(&'static str, &Path); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("DISK_BELOW", &self.folder),
            ("DISK_JOURNAL", &self.journal),
            ("DISK_HAND", &self.hand),
        ]
    }

    fn set(&self, at: u64, bytes: &[u8]) {
        File::options().write(true).open(&self.hand).unwrap().write_all_at(bytes, at).unwrap();
    }

    /// The process ends before its change of this number from now.
    pub fn end_before(&self, change: u64) {
        self.set(0, &change.to_ne_bytes());
    }

    /// Something goes wrong after so many more changes that it concerns.
    pub fn spoil(&self, fault: Fault, after: u64) {
        self.set(8, &after.to_ne_bytes());
        self.set(16, &[fault as i32, 0].map(i32::to_ne_bytes).concat());
    }

    /// All goes well again; how many changes were refused.
    pub fn mend(&self) -> u32 {
        self.set(16, &0_i32.to_ne_bytes());
        self.refused()
    }

    /// How many changes were refused since it was spoiled.
    pub fn refused(&self) -> u32 {
        u32::from_ne_bytes(read(&self.hand).unwrap()[20..].try_into().unwrap())
    }

    /// Follows what a process did that is over.
    pub fn follow(&mut self, random: &mut Random) {
        let journal = read(&self.journal).unwrap();
        let mut rest = journal.as_slice();
        while let Some((change, after)) = next(rest) {
            self.apply(&change, random);
            rest = after;
        }
        assert!(rest.is_empty(), "the journal ends in the middle of a change");
        std::fs::remove_file(&self.journal).unwrap();
        self.compare();
    }

    fn apply(&mut self, change: &Change, random: &mut Random) {
        match change.what {
            0 => self.name(change, Content::File(Pages::new(Vec::new()))),
            1 => self.name(change, Content::Folder(change.path.clone())),
            5 => {
                self.names.remove(&change.path);
                self.renamed.push((change.path.clone(), None));
            }
            what => {
                let id = self.inodes[&change.inode];
                match (&mut self.contents[id], what) {
                    (Content::File(pages), 2) => {
                        pages.write(change.at, change.bytes);
                        // Now and then the system writes by itself.
                        if random.once_in(50) {
                            pages.flush(random, 2);
                        }
                    }
                    (Content::File(pages), 3) => pages.truncate(change.at),
                    (Content::File(pages), _) if change.failed => pages.fail(random),
                    (Content::File(pages), _) => pages.sync(),
                    (Content::Folder(_), _) if change.failed => {}
                    (Content::Folder(path), _) => {
                        let path = path.clone();
                        self.keep_names(&path, usize::MAX);
                    }
                }
            }
        }
    }

    fn name(&mut self, change: &Change, content: Content) {
        let id = self.contents.len();
        self.contents.push(content);
        self.inodes.insert(change.inode, id);
        self.names.insert(change.path.clone(), id);
        self.renamed.push((change.path.clone(), Some(id)));
    }

    /// The first so many changes of names in a folder reach the disk.
    fn keep_names(&mut self, folder: &Path, most: usize) {
        let mut count = 0;
        let renamed = std::mem::take(&mut self.renamed);
        for (path, id) in renamed {
            let is_kept = path.parent() == Some(folder) && count < most;
            count += usize::from(path.parent() == Some(folder));
            match id {
                _ if !is_kept => self.renamed.push((path, id)),
                Some(id) => drop(self.kept.insert(path, id)),
                None => drop(self.kept.remove(&path)),
            }
        }
    }

    /// Leaves of the directory what a loss of power would.
    pub fn lose_power(&mut self, random: &mut Random) {
        // All of what is not certain, about half of it, or next to nothing.
        let many = [1, 2, 1_000][random.below(3) as usize];
        for content in &mut self.contents {
            if let Content::File(pages) = content {
                pages.flush(random, many);
            }
        }
        let mut folders: Vec<PathBuf> =
            self.renamed.iter().filter_map(|(path, _)| Some(path.parent()?.to_owned())).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            let most = random.below(3 + self.renamed.len() as u64) as usize;
            self.keep_names(&folder, most);
        }
        std::fs::remove_dir_all(&self.folder).unwrap();
        // In their order a folder comes before what is in it, and without it all of that is gone.
        for (path, id) in self.kept.iter().filter(|(path, _)| !is_left_out(path)) {
            match &self.contents[*id] {
                _ if path.parent().is_some_and(|folder| *path != self.folder && !folder.is_dir()) => {}
                Content::Folder(_) => std::fs::create_dir(path).unwrap(),
                Content::File(pages) => std::fs::write(path, pages.disk()).unwrap(),
            }
        }
        self.find();
    }

    /// Takes what is there for certain.
    fn find(&mut self) {
        self.contents.clear();
        self.inodes.clear();
        self.names.clear();
        self.renamed.clear();
        for path in all(&self.folder) {
            let data = std::fs::metadata(&path).unwrap();
            let content = match data.is_dir() {
                true => Content::Folder(path.clone()),
                false => Content::File(Pages::new(read(&path).unwrap())),
            };
            self.inodes.insert(data.ino(), self.contents.len());
            self.names.insert(path, self.contents.len());
            self.contents.push(content);
        }
        self.kept = self.names.clone();
    }

    /// Whether the journal told all that happened.
    fn compare(&self) {
        let told: Vec<&PathBuf> = self.names.keys().filter(|path| !is_left_out(path)).collect();
        let found = all(&self.folder);
        assert_eq!(told, found.iter().filter(|path| !is_left_out(path)).collect::<Vec<_>>(), "names");
        for path in told {
            if let Content::File(pages) = &self.contents[self.names[path]] {
                assert!(read(path).unwrap() == pages.memory(), "{} is not what was told of it", path.display());
            }
        }
    }
}

/// A folder and everything in it, in order.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(all(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// The next change in a journal, and what follows it.
fn next(journal: &[u8]) -> Option<(Change<'_>, &[u8])> {
    let (head, rest) = journal.split_at_checked(HEAD)?;
    let number =
        |from: usize, to: usize| head[from..to].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (path, rest) = rest.split_at_checked(number(2, 4) as usize)?;
    let (bytes, rest) = rest.split_at_checked(number(4, 8) as usize)?;
    let path = PathBuf::from(String::from_utf8(path.to_vec()).unwrap());
    let change =
        Change { what: head[0], failed: head[1] != 0, inode: number(8, 16), at: number(16, 24) as usize, path, bytes };
    Some((change, rest))
}
