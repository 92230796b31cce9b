#include "durable_shadow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Files up to this size are copied whole at a sync; above it only what was written since the last
// one.
enum { WHOLE_MAX = 256 * 1024, RANGES_MAX = 4096, INODES_MAX = 65536 };

struct range {
  off_t begin, end;
};

// A file of the watched folder, whatever its names. The birth time tells a reused inode number from
// its predecessor.
struct inode {
  dev_t dev;
  ino_t ino;
  int64_t born_s, born_ns;
  unsigned number;  // shadow/.inodes/<number>
  int fd;           // of that file
  struct range* dirty;
  int dirty_count;  // -1: too many, copy all
  off_t low_water;  // the shortest the file was since its last sync
};

static void die(const char* what) {
  fprintf(stderr, "shadow: %s: %s\n", what, strerror(errno));
  abort();
}

static void join(char* out, const char* folder, const char* name) {
  if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) die(folder);
}

static char data_dir[PATH_MAX], shadow_dir[PATH_MAX];
static size_t data_len;
static struct inode* inodes[INODES_MAX];
static unsigned inode_count;

// Straight to the kernel: the C library's names are the ones that the library around us replaces.
static int raw_open(const char* path, int flags, mode_t mode) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}
static void raw_pwrite(int fd, const void* p, size_t n, off_t offset) {
  if (syscall(SYS_pwrite64, fd, p, n, offset) != (long)n) die("writing the shadow");
}
static void raw_ftruncate(int fd, off_t size) {
  if (syscall(SYS_ftruncate, fd, size) != 0) die("cutting the shadow");
}

static bool identify(int dirfd, const char* path, int flags, struct inode* out, struct stat* st) {
  struct statx x;
  if (statx(dirfd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0) return false;
  memset(out, 0, sizeof *out);
  memset(st, 0, sizeof *st);
  out->dev = ((dev_t)x.stx_dev_major << 32) | x.stx_dev_minor;
  out->ino = x.stx_ino;
  if (x.stx_mask & STATX_BTIME) {
    out->born_s = x.stx_btime.tv_sec;
    out->born_ns = x.stx_btime.tv_nsec;
  }
  st->st_mode = x.stx_mode;
  st->st_size = (off_t)x.stx_size;
  return true;
}

static struct inode* find(const struct inode* id) {
  for (unsigned i = inode_count; i-- > 0;) {
    const struct inode* n = inodes[i];
    if (n->ino == id->ino && n->dev == id->dev && n->born_s == id->born_s &&
        n->born_ns == id->born_ns)
      return inodes[i];
  }
  return NULL;
}

static void contents_path(char* out, unsigned number) {
  char name[32];
  snprintf(name, sizeof name, ".inodes/%u", number);
  join(out, shadow_dir, name);
}

static bool is_dot(const char* name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// Starts to follow a file. existing: its durable contents, or NULL for one born after the start.
static struct inode* follow(const struct inode* id, const char* existing) {
  char path[PATH_MAX];
  if (inode_count == INODES_MAX) die("too many files");
  struct inode* n = malloc(sizeof *n);
  *n = *id;
  n->number = inode_count;
  n->dirty = malloc(RANGES_MAX * sizeof *n->dirty);
  n->dirty_count = existing ? 0 : -1;
  n->low_water = existing ? INT64_MAX : 0;
  contents_path(path, n->number);
  if (existing && link(existing, path) != 0) die(existing);
  n->fd = raw_open(path, O_RDWR | O_CREAT, 0600);
  if (n->fd < 0) die(path);
  inodes[inode_count++] = n;
  return n;
}

static bool is_lock_file(const char* path) {
  const char* slash = strrchr(path, '/');
  const char* name = slash ? slash + 1 : path;
  return strcmp(name, "lock.mdb") == 0 || strcmp(name, "lock") == 0;
}

// The path of an open file or folder relative to the watched folder, "" for itself; false: it lies
// elsewhere.
static bool watched_path(int fd, char* out) {
  char link_name[64], path[PATH_MAX];
  snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link_name, path, sizeof path - 1);
  if (n < 0) return false;
  path[n] = 0;
  if (strncmp(path, data_dir, data_len) != 0 || (path[data_len] != '/' && path[data_len] != 0))
    return false;
  strcpy(out, path[data_len] ? path + data_len + 1 : "");
  return true;
}

struct inode* shadow_file(int fd, struct stat* st) {
  struct inode id;
  char path[PATH_MAX];
  if (!identify(fd, "", AT_EMPTY_PATH, &id, st) || !S_ISREG(st->st_mode)) return NULL;
  struct inode* n = find(&id);
  if (n) return n;
  return watched_path(fd, path) && !is_lock_file(path) ? follow(&id, NULL) : NULL;
}

bool shadow_folder(int fd, char* relative) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && watched_path(fd, relative);
}

void shadow_written(struct inode* n, off_t begin, off_t end) {
  if (n->dirty_count < 0 || begin >= end) return;
  if (n->dirty_count > 0) {
    struct range* last = &n->dirty[n->dirty_count - 1];
    if (begin <= last->end && end >= last->begin) {
      if (begin < last->begin) last->begin = begin;
      if (end > last->end) last->end = end;
      return;
    }
  }
  if (n->dirty_count == RANGES_MAX) {
    n->dirty_count = -1;
    return;
  }
  n->dirty[n->dirty_count++] = (struct range){begin, end};
}

void shadow_written_through(struct inode* n, const struct iovec* v, off_t begin, off_t bytes) {
  for (; bytes > 0; v++) {
    const size_t part = (off_t)v->iov_len < bytes ? v->iov_len : (size_t)bytes;
    raw_pwrite(n->fd, v->iov_base, part, begin);
    begin += (off_t)part;
    bytes -= (off_t)part;
  }
}

void shadow_shortened(struct inode* n, off_t size) {
  if (size < n->low_water) n->low_water = size;
}

static void copy_range(int from, int to, off_t begin, off_t end) {
  static char buffer[1 << 20];
  while (begin < end) {
    const size_t want =
        (size_t)(end - begin) < sizeof buffer ? (size_t)(end - begin) : sizeof buffer;
    const ssize_t got = pread(from, buffer, want, begin);
    if (got < 0) die("reading a watched file");
    if (got == 0) return;
    raw_pwrite(to, buffer, (size_t)got, begin);
    begin += got;
  }
}

void shadow_sync_file(struct inode* n, int fd, off_t size) {
  // The caller's descriptor may be write-only.
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  const int from = raw_open(self, O_RDONLY, 0);
  if (from < 0) die(self);
  if (n->low_water < size) raw_ftruncate(n->fd, n->low_water);
  raw_ftruncate(n->fd, size);
  if (size <= WHOLE_MAX || n->dirty_count < 0) {
    copy_range(from, n->fd, 0, size);
  } else {
    for (int i = 0; i < n->dirty_count; i++)
      copy_range(from, n->fd, n->dirty[i].begin, n->dirty[i].end < size ? n->dirty[i].end : size);
  }
  close(from);
  n->dirty_count = 0;
  n->low_water = INT64_MAX;
}

// One name of a synced folder: a folder is made, a file's contents so far get the name.
static void keep_name(const char* data_path, const char* shadow_path) {
  struct inode id;
  struct stat st;
  if (is_lock_file(data_path) || !identify(AT_FDCWD, data_path, AT_SYMLINK_NOFOLLOW, &id, &st))
    return;
  if (S_ISDIR(st.st_mode)) {
    if (mkdir(shadow_path, 0700) != 0 && errno != EEXIST) die(shadow_path);
    return;
  }
  if (!S_ISREG(st.st_mode)) return;  // a socket does not outlive its process
  struct inode* n = find(&id);
  if (!n) n = follow(&id, NULL);
  char contents[PATH_MAX], fresh[PATH_MAX];
  contents_path(contents, n->number);
  join(fresh, shadow_dir, ".inodes/new");
  if (link(contents, fresh) != 0 || rename(fresh, shadow_path) != 0) die(shadow_path);
  unlink(fresh);  // rename between two names of one file leaves both
}

static void remove_tree(const char* path) {
  DIR* d = opendir(path);
  if (!d) {
    unlink(path);
    return;
  }
  for (struct dirent* e; (e = readdir(d));) {
    char inner[PATH_MAX];
    if (is_dot(e->d_name)) continue;
    join(inner, path, e->d_name);
    remove_tree(inner);
  }
  closedir(d);
  rmdir(path);
}

void shadow_sync_folder(const char* relative) {
  char data[PATH_MAX], shadow[PATH_MAX], a[PATH_MAX], b[PATH_MAX];
  join(data, data_dir, relative);
  join(shadow, shadow_dir, relative);
  // A folder whose own name is not durable keeps nothing.
  DIR* d = access(shadow, F_OK) == 0 ? opendir(data) : NULL;
  if (!d) return;
  for (struct dirent* e; (e = readdir(d));) {
    if (is_dot(e->d_name)) continue;
    join(a, data, e->d_name);
    join(b, shadow, e->d_name);
    keep_name(a, b);
  }
  closedir(d);
  if (!(d = opendir(shadow))) die(shadow);
  for (struct dirent* e; (e = readdir(d));) {
    if (is_dot(e->d_name) || strcmp(e->d_name, ".inodes") == 0) continue;
    join(a, data, e->d_name);
    join(b, shadow, e->d_name);
    if (access(a, F_OK) != 0) remove_tree(b);
  }
  closedir(d);
}

static void follow_tree(const char* data, const char* shadow) {
  DIR* d = opendir(data);
  if (!d) die(data);
  for (struct dirent* e; (e = readdir(d));) {
    char a[PATH_MAX], b[PATH_MAX];
    struct inode id;
    struct stat st;
    if (is_dot(e->d_name)) continue;
    join(a, data, e->d_name);
    join(b, shadow, e->d_name);
    if (is_lock_file(a) || !identify(AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, &id, &st)) continue;
    if (S_ISDIR(st.st_mode)) follow_tree(a, b);
    if (S_ISREG(st.st_mode)) follow(&id, b);
  }
  closedir(d);
}

void shadow_start(const char* data, const char* shadow) {
  if (!realpath(data, data_dir) || !realpath(shadow, shadow_dir))
    die("the watched folder and the shadow must exist");
  data_len = strlen(data_dir);
  char contents[PATH_MAX];
  join(contents, shadow_dir, ".inodes");
  remove_tree(contents);
  if (mkdir(contents, 0700) != 0) die(contents);
  follow_tree(data_dir, shadow_dir);
}
