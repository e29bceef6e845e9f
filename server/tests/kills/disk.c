// A disk in a test's hand, loaded with LD_PRELOAD: each change below a directory goes into a journal, may be refused, and
// may be the last before the power goes. `disk.rs` says what is done and reads the journal. What is mapped is not seen:
// of SQLite's files that is the index of a write-ahead log, which is made anew after a crash.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// What the test wants; the same bytes as `Hand` of disk.rs.
struct hand {
  int64_t cut;      // the power goes before the change of this number from now; 0: it stays
  int64_t after;    // changes of the kind that are still done before the fault begins
  int32_t fault;    // see `enum fault`; set last
  int32_t refused;  // changes that were refused
};
enum fault { NONE, FULL, BROKEN, UNSYNCED, READ_ONLY };

// The head of a change in the journal, followed by its path and its bytes.
struct head {
  uint8_t what;  // see `enum what`
  uint8_t failed;
  uint16_t path;
  uint32_t bytes;
  uint64_t file;  // the number of its inode
  uint64_t at;
};
enum what { CREATE, FOLDER, WRITE, TRUNCATE, SYNC, UNLINK };

#define FILES 65536
#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static uint64_t inode[FILES];  // of the open files that are watched
static const char *below;
static int journal = -1;
static struct hand *hand;

__attribute__((constructor)) static void begin(void) {
  const char *to = getenv("DISK_JOURNAL"), *by = getenv("DISK_HAND");
  const char *folder = getenv("DISK_BELOW");
  if (!to || !by || !folder) return;
  int file = open(by, O_RDWR | O_CLOEXEC);
  hand = mmap(NULL, sizeof *hand, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  journal = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (hand == MAP_FAILED || journal < 0) abort();
  below = folder;
}

// Whether a path is the watched directory or below it. Others than absolute ones are not seen, nor are names that change:
// who reads the journal compares it with the directory.
static int is_below(const char *path) {
  size_t length = below ? strlen(below) : 0;
  return length && strncmp(path, below, length) == 0 && (path[length] == '/' || !path[length]);
}

static int is_watched(int file) { return file >= 0 && file < FILES && inode[file]; }

static void tell(enum what what, int failed, uint64_t file, uint64_t at, const char *path, size_t length, const void *bytes, size_t count) {
  struct head head = {what, failed, length, count, file, at};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)path, length}, {(void *)bytes, count}};
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  if (real(journal, parts, 3) != (ssize_t)(sizeof head + length + count)) abort();
}

static void tell_path(enum what what, uint64_t file, const char *path) { tell(what, 0, file, 0, path, strlen(path), NULL, 0); }

// Before a change: the power may go, and it may be refused. Says with which error, or 0; 1 in `first` where it is the
// first that is.
static int refuse(int full, int broken, int synced, int *first) {
  if (hand->cut > 0 && --hand->cut == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  int fault = __atomic_load_n(&hand->fault, __ATOMIC_ACQUIRE);
  int error = 0;
  if (fault == FULL && full) error = ENOSPC;
  if (fault == BROKEN && (broken || synced)) error = EIO;
  if (fault == UNSYNCED && synced) error = EIO;
  if (fault == READ_ONLY && !synced) error = EROFS;
  if (!error || hand->after-- > 0) return 0;
  if (first) *first = hand->after == -1;
  __atomic_add_fetch(&hand->refused, 1, __ATOMIC_ACQ_REL);
  return error;
}

static int failed(int error) {
  pthread_mutex_unlock(&order);
  errno = error;
  return -1;
}

static ssize_t done(ssize_t result) {
  int error = errno;
  pthread_mutex_unlock(&order);
  errno = error;
  return result;
}

static int opened(const char *path, int flags, mode_t mode) {
  REAL(int, "open64", const char *, int, ...);
  if (!is_below(path)) return real(path, flags, mode);
  pthread_mutex_lock(&order);
  struct stat before, after;
  int is_new = (flags & O_CREAT) && stat(path, &before) < 0;
  int empties = !is_new && (flags & O_TRUNC);
  int error = is_new || empties ? refuse(is_new, is_new, 0, NULL) : 0;
  if (error) return failed(error);
  int file = real(path, flags, mode);
  if (file < 0 || file >= FILES || fstat(file, &after) < 0) return done(file);
  inode[file] = after.st_ino;
  if (is_new) tell_path(CREATE, after.st_ino, path);
  if (empties) tell(TRUNCATE, 0, after.st_ino, 0, NULL, 0, NULL, 0);
  return done(file);
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }
int open(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(path, flags, mode); }

int close(int file) {
  REAL(int, "close", int);
  if (is_watched(file)) inode[file] = 0;
  return real(file);
}

// Writes at a place. Of the first write that finds no room or breaks, half is written, as disks do.
static ssize_t written(int file, const void *bytes, size_t count, off_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
  int first = 0;
  int error = refuse(1, 1, 0, &first);
  if (error && !(first && error != EROFS && count > 1)) {
    errno = error;
    return -1;
  }
  ssize_t result = real(file, bytes, error ? count / 2 : count, at);
  if (result > 0) tell(WRITE, 0, inode[file], at, NULL, 0, bytes, result);
  return result;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
  if (!is_watched(file)) return real(file, bytes, count, at);
  pthread_mutex_lock(&order);
  return done(written(file, bytes, count, at));
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (!is_watched(file)) return real(file, bytes, count);
  pthread_mutex_lock(&order);
  off_t at = lseek(file, 0, fcntl(file, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
  ssize_t result = written(file, bytes, count, at);
  if (result > 0) lseek(file, at + result, SEEK_SET);
  return done(result);
}

int ftruncate64(int file, off_t length) {
  REAL(int, "ftruncate64", int, off_t);
  if (!is_watched(file)) return real(file, length);
  pthread_mutex_lock(&order);
  struct stat before;
  int grows = fstat(file, &before) == 0 && length > before.st_size;
  int error = refuse(grows, 1, 0, NULL);
  if (error) return failed(error);
  int result = real(file, length);
  if (!result) tell(TRUNCATE, 0, inode[file], length, NULL, 0, NULL, 0);
  return done(result);
}
int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

// After a refused one nothing is dirty any more, as with Linux: what was not written is lost.
int fsync(int file) {
  REAL(int, "fsync", int);
  if (!is_watched(file)) return real(file);
  pthread_mutex_lock(&order);
  int error = refuse(0, 0, 1, NULL);
  tell(SYNC, error != 0, inode[file], 0, NULL, 0, NULL, 0);
  // The machine keeps its power: that all of it stays is the journal's to say.
  return error ? failed(error) : done(0);
}
int fdatasync(int file) { return fsync(file); }

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  if (!is_below(path)) return real(path);
  pthread_mutex_lock(&order);
  int error = refuse(0, 1, 0, NULL);
  if (error) return failed(error);
  int result = real(path);
  if (!result) tell_path(UNLINK, 0, path);
  return done(result);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  if (!is_below(path)) return real(path, mode);
  pthread_mutex_lock(&order);
  int error = refuse(1, 1, 0, NULL);
  if (error) return failed(error);
  int result = real(path, mode);
  struct stat after;
  if (!result && stat(path, &after) == 0) tell_path(FOLDER, after.st_ino, path);
  return done(result);
}
