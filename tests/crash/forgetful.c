// A disk that forgets every write not yet synced, as a library to preload (LD_PRELOAD).
//
// What is durable stands in a second folder, the shadow. A write goes to the real file only; the
// shadow gets it when the file is synced, or at once when it was opened with O_DSYNC or O_SYNC. A
// name (creation, rename, removal) gets there when its folder is synced, and never before. After
// SIGKILL the shadow is what a power cut would have left in the worst case.
//
//   CONSENTRY_SHIM_DATA    the watched folder; at the start it must equal the shadow
//   CONSENTRY_SHIM_SHADOW  the shadow; in its folder .inodes the contents stand by number
//   CONSENTRY_SHIM_FAULTS  a folder of switches, looked at on each call:
//     fail-sync            syncs and synchronous writes fail with EIO, nothing becomes durable
//     full                 whatever makes a file longer fails with ENOSPC
//     low                  statvfs reports no free space
//   fail-sync and full may name whom they strike: "full-spool" the files below spool/, "full-data"
//   data.mdb.
//
// Not seen: stores through a shared writable mapping, sendfile, copy_file_range, io_uring, truncate
// by path. The daemon uses none of them on its data. sync_file_range promises nothing and gets
// nothing. LMDB's lock.mdb is left out: it holds nothing that outlives a process.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "durable_shadow.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char faults_dir[PATH_MAX];
static bool active;  // outside the watched folder everything is as ever; before start() everywhere

static ssize_t (*real_write)(int, const void*, size_t);
static ssize_t (*real_writev)(int, const struct iovec*, int);
static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec*, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_posix_fallocate)(int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_open)(const char*, int, ...);
static int (*real_openat)(int, const char*, int, ...);
static int (*real_statvfs)(const char*, struct statvfs*);
static int (*real_fstatvfs)(int, struct statvfs*);

static bool fault(const char* name) {
  char path[PATH_MAX + 32];
  if (!active || !faults_dir[0]) return false;
  const int kept = errno;
  snprintf(path, sizeof path, "%s/%s", faults_dir, name);
  const bool on = access(path, F_OK) == 0;
  errno = kept;
  return on;
}

// One that may be meant for some files only.
static bool fault_of(const char* name, int fd) {
  if (fault(name)) return true;
  static const char* const areas[][2] = {{"-spool", "/spool/"}, {"-data", "/data.mdb"}};
  for (unsigned i = 0; i < sizeof areas / sizeof *areas; i++) {
    char full_name[64], link[64], path[PATH_MAX];
    snprintf(full_name, sizeof full_name, "%s%s", name, areas[i][0]);
    if (!fault(full_name)) continue;
    const int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    errno = kept;
    path[n > 0 ? n : 0] = '\0';
    if (strstr(path, areas[i][1])) return true;
  }
  return false;
}

// fsync and fdatasync of anything.
static int sync_fd(int fd, int (*real)(int)) {
  char path[PATH_MAX];
  struct stat st;
  if (!active) return real(fd);
  pthread_mutex_lock(&lock);
  struct inode* n = shadow_file(fd, &st);
  const bool folder = !n && shadow_folder(fd, path);
  int result = 0;
  if (n || folder) {
    if (fault_of("fail-sync", fd)) {
      errno = EIO;
      result = -1;
    } else if (n) {
      shadow_sync_file(n, fd, st.st_size);
    } else {
      shadow_sync_folder(path);
    }
  }
  pthread_mutex_unlock(&lock);
  return n || folder ? result : real(fd);
}

static size_t total(const struct iovec* v, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += v[i].iov_len;
  return sum;
}

// All writes end here. offset -1: at the file's position, or its end with O_APPEND.
static ssize_t write_at(int fd, const struct iovec* v, int count, off_t offset) {
  struct stat st;
  if (!active) return offset < 0 ? real_writev(fd, v, count) : real_pwritev(fd, v, count, offset);
  pthread_mutex_lock(&lock);
  struct inode* n = shadow_file(fd, &st);
  if (!n) {
    pthread_mutex_unlock(&lock);
    return offset < 0 ? real_writev(fd, v, count) : real_pwritev(fd, v, count, offset);
  }
  const int flags = fcntl(fd, F_GETFL);
  const bool at_once = (flags & O_DSYNC) != 0;  // O_SYNC holds this bit too
  const off_t begin = (flags & O_APPEND) ? st.st_size
                      : offset >= 0      ? offset
                                         : lseek(fd, 0, SEEK_CUR);
  ssize_t done = -1;
  if (begin + (off_t)total(v, count) > st.st_size && fault_of("full", fd)) {
    errno = ENOSPC;
  } else if (at_once && fault_of("fail-sync", fd)) {
    errno = EIO;
  } else {
    done = offset < 0 ? real_writev(fd, v, count) : real_pwritev(fd, v, count, offset);
    if (done > 0 && at_once) {
      shadow_written_through(n, v, begin, done);
    } else if (done > 0) {
      shadow_written(n, begin, begin + done);
    }
  }
  const int kept = errno;
  pthread_mutex_unlock(&lock);
  errno = kept;
  return done;
}

// A change of length. The shadow learns of it at the next sync.
static int resize(int fd, off_t size, bool shrinks_too, int (*real)(int, off_t, off_t),
                  off_t offset) {
  struct stat st;
  if (!active) return real(fd, offset, size);
  pthread_mutex_lock(&lock);
  struct inode* n = shadow_file(fd, &st);
  int result;
  if (n && offset + size > st.st_size && fault_of("full", fd)) {
    errno = ENOSPC;
    result = -1;
  } else {
    result = real(fd, offset, size);
    if (result == 0 && n && shrinks_too) shadow_shortened(n, size);
  }
  const int kept = errno;
  pthread_mutex_unlock(&lock);
  errno = kept;
  return result;
}

static int do_ftruncate(int fd, off_t offset, off_t size) {
  (void)offset;
  return real_ftruncate(fd, size);
}
static int do_fallocate(int fd, off_t offset, off_t size) {
  return real_fallocate(fd, 0, offset, size);
}

static void note_truncated(int fd, int flags) {
  struct stat st;
  if (fd < 0 || !active || !(flags & O_TRUNC)) return;
  const int kept = errno;
  pthread_mutex_lock(&lock);
  struct inode* n = shadow_file(fd, &st);
  if (n) shadow_shortened(n, 0);
  pthread_mutex_unlock(&lock);
  errno = kept;
}

#define REAL(name) (*(void**)& real_##name = dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  REAL(write), REAL(writev), REAL(pwrite), REAL(pwritev), REAL(ftruncate), REAL(fallocate);
  REAL(posix_fallocate), REAL(fsync), REAL(fdatasync), REAL(open), REAL(openat);
  REAL(statvfs), REAL(fstatvfs);
  const char* data = getenv("CONSENTRY_SHIM_DATA");
  const char* shadow = getenv("CONSENTRY_SHIM_SHADOW");
  const char* faults = getenv("CONSENTRY_SHIM_FAULTS");
  if (!data || !shadow) return;
  if (faults && !realpath(faults, faults_dir)) abort();
  shadow_start(data, shadow);
  active = true;
}

ssize_t write(int fd, const void* p, size_t n) {
  if (!active) return real_write(fd, p, n);
  const struct iovec v = {(void*)p, n};
  return write_at(fd, &v, 1, -1);
}
ssize_t writev(int fd, const struct iovec* v, int count) {
  return write_at(fd, v, count, -1);
}
ssize_t pwrite(int fd, const void* p, size_t n, off_t offset) {
  const struct iovec v = {(void*)p, n};
  return write_at(fd, &v, 1, offset);
}
ssize_t pwritev(int fd, const struct iovec* v, int count, off_t offset) {
  return write_at(fd, v, count, offset);
}
int ftruncate(int fd, off_t size) {
  return resize(fd, size, true, do_ftruncate, 0);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (mode != 0) return real_fallocate(fd, mode, offset, size);
  return resize(fd, size, false, do_fallocate, offset);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return resize(fd, size, false, do_fallocate, offset) == 0 ? 0 : errno;
}
int fsync(int fd) {
  return sync_fd(fd, real_fsync);
}
int fdatasync(int fd) {
  return sync_fd(fd, real_fdatasync);
}
int open(const char* path, int flags, ...) {
  va_list a;
  va_start(a, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  const int fd = real_open(path, flags, mode);
  note_truncated(fd, flags);
  return fd;
}
int openat(int dir, const char* path, int flags, ...) {
  va_list a;
  va_start(a, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  const int fd = real_openat(dir, path, flags, mode);
  note_truncated(fd, flags);
  return fd;
}
int creat(const char* path, mode_t mode) {
  return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
int statvfs(const char* path, struct statvfs* out) {
  const int result = real_statvfs(path, out);
  if (result == 0 && fault("low")) out->f_bavail = out->f_bfree = 0;
  return result;
}
int fstatvfs(int fd, struct statvfs* out) {
  const int result = real_fstatvfs(fd, out);
  if (result == 0 && fault("low")) out->f_bavail = out->f_bfree = 0;
  return result;
}

// On 64-bit Linux the two families are one.
_Static_assert(sizeof(off_t) == 8, "64-bit file offsets");
#define ALSO_64(name) __asm__(".globl " #name "64\n.set " #name "64, " #name)
ALSO_64(pwrite);
ALSO_64(pwritev);
ALSO_64(ftruncate);
ALSO_64(fallocate);
ALSO_64(posix_fallocate);
ALSO_64(open);
ALSO_64(openat);
ALSO_64(creat);
ALSO_64(statvfs);
ALSO_64(fstatvfs);
