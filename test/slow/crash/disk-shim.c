// Stands between the engine and the disk (LD_PRELOAD): records what it writes, syncs, renames and acknowledges, lets the disk be
// full or fail, and ends the process at a chosen call. Everything passes one lock, so the record is in a total order.
//
//   MAILWEIR_DISK_ROOT     the data folder; nothing outside it is touched
//   MAILWEIR_DISK_RECORD   file of records: { u32 kind, u32 fd, u64 at, u32 length } and so many octets (see read-record.ts)
//   MAILWEIR_DISK_CONTROL  file of 4 × i32 that the test writes while we run: fault, chance in 1000, seed, unused
//   MAILWEIR_DISK_KILL     "call pattern n": SIGKILL before the n-th such call (1, 2, …) on a path of that pattern, or behind it when n < 0
//   MAILWEIR_DISK_NOSYNC   set: a sync is recorded and not done, since nobody pulls the plug of this machine
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, LINK, REPLY, BEGIN };
enum { CREATED = 1, TRUNCATED = 2, FOLDER = 4 };
enum { FINE, FULL, SYNC_FAILS, WRITE_FAILS, SHORT, SHORT_THEN_FULL };
#define MAX_FD 65536

static struct file { char *path; dev_t dev; ino_t ino; } files[MAX_FD];
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static const char *root;
static size_t root_length;
static int record_fd = -1, no_sync;
static volatile int32_t *control;
static char kill_call[32], kill_pattern[256];
static int kill_count, kill_behind;
static uint32_t random_state = 1;

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void record(uint32_t kind, uint32_t fd, uint64_t at, const void *octets, size_t length);

__attribute__((constructor)) static void begin(void) {
  root = getenv("MAILWEIR_DISK_ROOT");
  if (!root) return;
  root_length = strlen(root);
  no_sync = getenv("MAILWEIR_DISK_NOSYNC") != NULL;
  const char *path = getenv("MAILWEIR_DISK_RECORD");
  if (path) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // Far away from the numbers that the program gets.
    record_fd = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
    syscall(SYS_close, fd);
    record(BEGIN, 0, 0, "", 0);
  }
  path = getenv("MAILWEIR_DISK_CONTROL");
  if (path) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) { control = mapped; random_state = (uint32_t)control[2] | 1; }
    if (fd >= 0) syscall(SYS_close, fd);
  }
  const char *kill_at = getenv("MAILWEIR_DISK_KILL");
  if (kill_at && sscanf(kill_at, "%31s %255s %d", kill_call, kill_pattern, &kill_count) == 3) {
    kill_behind = kill_count < 0;
    if (kill_behind) kill_count = -kill_count;
  }
}

static int below(const char *path) {
  return root && path && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}
static const char *shown(const char *path) { return path[root_length] ? path + root_length + 1 : "."; }

static void record(uint32_t kind, uint32_t fd, uint64_t at, const void *octets, size_t length) {
  if (record_fd < 0) return;
  struct __attribute__((packed)) { uint32_t kind, fd; uint64_t at; uint32_t length; } head = { kind, fd, at, (uint32_t)length };
  struct iovec parts[2] = { { &head, sizeof head }, { (void *)octets, length } };
  size_t left = sizeof head + length;
  while (left > 0) {
    ssize_t done = syscall(SYS_writev, record_fd, parts, 2);
    if (done <= 0) { dprintf(2, "disk shim: the record cannot be written\n"); _exit(70); }
    left -= done;
    for (int i = 0; i < 2; i++) {
      size_t part = (size_t)done < parts[i].iov_len ? (size_t)done : parts[i].iov_len;
      parts[i].iov_base = (char *)parts[i].iov_base + part;
      parts[i].iov_len -= part;
      done -= part;
    }
  }
}

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

/** Whether the process ends behind this call; it does not return when it ends before it. */
static int fatal(const char *call, const char *path) {
  if (kill_count <= 0 || strcmp(call, kill_call) != 0 || fnmatch(kill_pattern, shown(path), 0) != 0) return 0;
  if (--kill_count > 0) return 0;
  if (!kill_behind) die();
  return 1;
}

static const char *path_of(int fd) {
  if (!root || fd < 0 || fd >= MAX_FD || !files[fd].path) return NULL;
  struct stat now;
  // libuv closes without asking libc, and a socket may have got the number since.
  if (fstat(fd, &now) == 0 && now.st_ino == files[fd].ino && now.st_dev == files[fd].dev) return files[fd].path;
  free(files[fd].path);
  files[fd].path = NULL;
  return NULL;
}

static int chance(void) {
  random_state = random_state * 1664525u + 1013904223u;
  return (int)((random_state >> 8) % 1000) < control[1];
}
static int fault(void) { return control ? control[0] : FINE; }
static int fails(int how) { errno = how; return -1; }

static int opened(int fd, const char *path, int flags, int existed) {
  if (fd < 0 || fd >= MAX_FD) return fd;
  struct stat now;
  if (fstat(fd, &now) != 0) return fd;
  free(files[fd].path);
  files[fd] = (struct file){ strdup(path), now.st_dev, now.st_ino };
  int what = (existed ? 0 : CREATED) | (flags & O_TRUNC ? TRUNCATED : 0) | (S_ISDIR(now.st_mode) ? FOLDER : 0);
  record(OPEN, fd, what, shown(path), strlen(shown(path)));
  return fd;
}

#define OPEN_LIKE(name)                                                                                                     \
  int name(const char *path, int flags, ...) {                                                                              \
    REAL(name);                                                                                                             \
    mode_t mode = 0;                                                                                                        \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }  \
    if (!below(path)) return real(path, flags, mode);                                                                       \
    pthread_mutex_lock(&lock);                                                                                              \
    struct stat old;                                                                                                        \
    int existed = stat(path, &old) == 0;                                                                                    \
    int last = !existed && (flags & O_CREAT) ? fatal("create", path) : 0;                                                   \
    int fd;                                                                                                                 \
    if (!existed && (flags & O_CREAT) && (fault() == FULL)) fd = fails(ENOSPC);                                             \
    else fd = opened(real(path, flags, mode), path, flags, existed);                                                        \
    if (last) die();                                                                                                        \
    int error = errno;                                                                                                      \
    pthread_mutex_unlock(&lock);                                                                                            \
    errno = error;                                                                                                          \
    return fd;                                                                                                              \
  }
OPEN_LIKE(open)
OPEN_LIKE(open64)

/** What the sender is told: everything recorded before it must be durable now. */
static void reply(const struct iovec *parts, int count) {
  if (record_fd < 0) return;
  for (int i = 0; i < count; i++) {
    const char *octets = parts[i].iov_base;
    size_t length = parts[i].iov_len;
    for (size_t at = 0; octets && at + 47 <= length && at < 4096; at++) {
      if (memcmp(octets + at, "250 OK ", 7) != 0) continue;
      pthread_mutex_lock(&lock);
      record(REPLY, 0, 0, octets + at + 7, 40);
      pthread_mutex_unlock(&lock);
    }
  }
}

/** How much of a write the disk takes; below 0: nothing, errno is set. */
static ssize_t taken(size_t length) {
  switch (fault()) {
    case FULL: return fails(ENOSPC);
    case WRITE_FAILS: return chance() ? fails(EIO) : (ssize_t)length;
    case SHORT: return length > 1 && chance() ? (ssize_t)(length / 2) : (ssize_t)length;
    case SHORT_THEN_FULL: return chance() ? (length > 1 ? (ssize_t)(length / 2) : fails(ENOSPC)) : fails(ENOSPC);
    default: return (ssize_t)length;
  }
}

static ssize_t put(int fd, const char *path, const struct iovec *parts, int count, off_t at, int positioned) {
  pthread_mutex_lock(&lock);
  int last = fatal("write", path);
  size_t length = 0;
  for (int i = 0; i < count; i++) length += parts[i].iov_len;
  ssize_t result = taken(length);
  if (result >= 0) {
    char *octets = malloc(length ? length : 1);
    size_t used = 0;
    for (int i = 0; i < count; i++) { memcpy(octets + used, parts[i].iov_base, parts[i].iov_len); used += parts[i].iov_len; }
    struct stat now;
    if (!positioned) {
      int append = fcntl(fd, F_GETFL) & O_APPEND;
      at = append && fstat(fd, &now) == 0 ? now.st_size : lseek(fd, 0, SEEK_CUR);
    }
    result = positioned ? syscall(SYS_pwrite64, fd, octets, (size_t)result, at) : syscall(SYS_write, fd, octets, (size_t)result);
    if (result > 0) record(WRITE, fd, at, octets, result);
    free(octets);
  }
  if (last) die();
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

ssize_t write(int fd, const void *octets, size_t length) {
  struct iovec part = { (void *)octets, length };
  const char *path = path_of(fd);
  if (path) return put(fd, path, &part, 1, 0, 0);
  if (root) reply(&part, 1);
  REAL(write);
  return real(fd, octets, length);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  const char *path = path_of(fd);
  if (path) return put(fd, path, parts, count, 0, 0);
  if (root) reply(parts, count);
  REAL(writev);
  return real(fd, parts, count);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  if (root) reply(message->msg_iov, (int)message->msg_iovlen);
  REAL(sendmsg);
  return real(fd, message, flags);
}
ssize_t send(int fd, const void *octets, size_t length, int flags) {
  struct iovec part = { (void *)octets, length };
  if (root) reply(&part, 1);
  REAL(send);
  return real(fd, octets, length, flags);
}

#define PWRITE_LIKE(name)                                                                                                   \
  ssize_t name(int fd, const void *octets, size_t length, off_t at) {                                                       \
    struct iovec part = { (void *)octets, length };                                                                         \
    const char *path = path_of(fd);                                                                                         \
    return path ? put(fd, path, &part, 1, at, 1) : syscall(SYS_pwrite64, fd, octets, length, at);                           \
  }
PWRITE_LIKE(pwrite)
PWRITE_LIKE(pwrite64)
#define PWRITEV_LIKE(name)                                                                                                  \
  ssize_t name(int fd, const struct iovec *parts, int count, off_t at) {                                                    \
    const char *path = path_of(fd);                                                                                         \
    return path ? put(fd, path, parts, count, at, 1) : syscall(SYS_pwritev, fd, parts, count, at, 0);                       \
  }
PWRITEV_LIKE(pwritev)
PWRITEV_LIKE(pwritev64)

#define SYNC_LIKE(name)                                                                                                     \
  int name(int fd) {                                                                                                        \
    REAL(name);                                                                                                             \
    const char *path = path_of(fd);                                                                                         \
    if (!path) return real(fd);                                                                                             \
    pthread_mutex_lock(&lock);                                                                                              \
    int last = fatal("sync", path);                                                                                         \
    int result = fault() == SYNC_FAILS && chance() ? fails(EIO) : no_sync ? 0 : real(fd);                                   \
    if (result == 0) record(SYNC, fd, 0, "", 0);                                                                            \
    if (last) die();                                                                                                        \
    int error = errno;                                                                                                      \
    pthread_mutex_unlock(&lock);                                                                                            \
    errno = error;                                                                                                          \
    return result;                                                                                                          \
  }
SYNC_LIKE(fsync)
SYNC_LIKE(fdatasync)

#define TRUNCATE_LIKE(name)                                                                                                 \
  int name(int fd, off_t length) {                                                                                          \
    REAL(name);                                                                                                             \
    const char *path = path_of(fd);                                                                                         \
    if (!path) return real(fd, length);                                                                                     \
    pthread_mutex_lock(&lock);                                                                                              \
    int last = fatal("truncate", path);                                                                                     \
    int result = real(fd, length);                                                                                          \
    if (result == 0) record(TRUNCATE, fd, (uint64_t)length, "", 0);                                                         \
    if (last) die();                                                                                                        \
    int error = errno;                                                                                                      \
    pthread_mutex_unlock(&lock);                                                                                            \
    errno = error;                                                                                                          \
    return result;                                                                                                          \
  }
TRUNCATE_LIKE(ftruncate)
TRUNCATE_LIKE(ftruncate64)

static void record_pair(uint32_t kind, const char *from, const char *to) {
  char both[8192];
  int length = snprintf(both, sizeof both, "%s%c%s", shown(from), 0, shown(to));
  record(kind, 0, 0, both, (size_t)length);
}

#define PAIR_LIKE(name, kind, call)                                                                                         \
  int name(const char *from, const char *to) {                                                                              \
    REAL(name);                                                                                                             \
    if (!below(from) || !below(to)) return real(from, to);                                                                  \
    pthread_mutex_lock(&lock);                                                                                              \
    int last = fatal(call, to);                                                                                             \
    int result = fault() == FULL ? fails(ENOSPC) : real(from, to);                                                          \
    if (result == 0) record_pair(kind, from, to);                                                                           \
    if (last) die();                                                                                                        \
    int error = errno;                                                                                                      \
    pthread_mutex_unlock(&lock);                                                                                            \
    errno = error;                                                                                                          \
    return result;                                                                                                          \
  }
PAIR_LIKE(rename, RENAME, "rename")
PAIR_LIKE(link, LINK, "link")

int unlink(const char *path) {
  REAL(unlink);
  if (!below(path)) return real(path);
  pthread_mutex_lock(&lock);
  int last = fatal("unlink", path);
  int result = real(path);
  if (result == 0) record(UNLINK, 0, 0, shown(path), strlen(shown(path)));
  if (last) die();
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  if (!below(path)) return real(path, mode);
  pthread_mutex_lock(&lock);
  int last = fatal("mkdir", path);
  int result = fault() == FULL ? fails(ENOSPC) : real(path, mode);
  if (result == 0) record(MKDIR, 0, 0, shown(path), strlen(shown(path)));
  if (last) die();
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
