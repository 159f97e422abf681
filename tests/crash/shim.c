/* Counts what a process changes in some folders, over all its threads, and kills it, or lets a call fail, at the n-th.

   Loaded by LD_PRELOAD; idle until crash_arm() is called. Every call that it counts is written to a log, with its data
   where the log is a recording. A lock makes the order in the log the order in which the calls were carried out. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, TRUNCATE = 4, SYNC = 8, RENAME = 16, UNLINK = 32, MKDIR = 64, LINK = 128 };
enum { COUNT, KILL, FAIL_ONCE, FAIL_ON };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char folders[PATH_MAX];  /* separated by ':', no link in any of them */
static char ending[NAME_MAX];   /* of the paths that count */
static int armed, action, wanted_kinds, error_number, recording, log_file = -1;
static long number, at;

void crash_arm(const char *in_folders, const char *of_ending, int kinds, int what, long when, int error, int log, int record) {
    snprintf(folders, sizeof folders, "%s", in_folders);
    snprintf(ending, sizeof ending, "%s", of_ending);
    wanted_kinds = kinds, action = what, at = when, error_number = error, log_file = log, recording = record;
    number = 0;
    armed = 1;
}

/* ---- which path */

static void tidy(char *path) {  /* without "//", "." and ".." */
    char *parts[PATH_MAX / 2], *rest = NULL, copy[PATH_MAX];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        if (!strcmp(part, "..")) count -= count > 0;
        else if (strcmp(part, ".")) parts[count++] = part;
    }
    char *end = path;
    for (int part = 0; part < count; part++) end += sprintf(end, "/%s", parts[part]);
    if (!count) strcpy(path, "/");
}

static int path_of_file(int file, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static void whole_path(int folder, const char *given, char *path) {
    char base[PATH_MAX] = "";
    if (given[0] != '/' && (folder != AT_FDCWD || !getcwd(base, sizeof base))) path_of_file(folder, base);
    if (snprintf(path, PATH_MAX, "%s/%s", base, given) >= PATH_MAX) path[PATH_MAX - 1] = 0;
    tidy(path);
}

static int is_watched(const char *path) {
    for (const char *folder = folders; *folder;) {
        size_t length = strcspn(folder, ":");
        if (!strncmp(path, folder, length) && (path[length] == '/' || !path[length])) return 1;
        folder += length + (folder[length] == ':');
    }
    return 0;
}

static int counts(const char *path) {
    size_t length = strlen(path), end = strlen(ending);
    return length >= end && !strcmp(path + length - end, ending);
}

static int is_there(const char *path) {
    struct stat known;
    return !fstatat(AT_FDCWD, path, &known, AT_SYMLINK_NOFOLLOW);
}

/* ---- what happens */

struct call {
    int kind;
    const char *name;
    char path[PATH_MAX], other[PATH_MAX];
    long long inode, offset;
    const struct iovec *data;
    int pieces, halved, saved_errno;
};

static void note(const struct call *call, const char *how, long long result) {
    char head[2 * PATH_MAX + 256];
    struct iovec parts[66] = {{head, 0}};
    long long length = 0;
    int count = 1, pieces = recording && result > 0 ? call->pieces : 0;
    for (int piece = 0; piece < pieces && count < 65; piece++) {
        long long size = call->data[piece].iov_len;
        if (size > result - length) size = result - length;
        parts[count++] = (struct iovec){call->data[piece].iov_base, size};
        length += size;
    }
    parts[0].iov_len = snprintf(
        head, sizeof head, "%ld\t%d\t%s\t%s\t%lld\t%lld\t%lld\t%lld\t%s\t%s\n", number, (int)syscall(SYS_gettid), call->name,
        how, call->inode, call->offset, result, length, call->path, call->other);
    if (log_file >= 0) syscall(SYS_writev, log_file, parts, count);
}

static ssize_t size_of(const struct call *call) {
    ssize_t size = 0;
    for (int piece = 0; piece < call->pieces; piece++) size += call->data[piece].iov_len;
    return size;
}

/* 1 where the call isn't to be made; its result is in *result then. The lock is held until finished(). */
static int begun(struct call *call, long long *result) {
    call->saved_errno = errno;
    pthread_mutex_lock(&one_at_a_time);
    if (!(call->kind & wanted_kinds) || !counts(*call->other ? call->other : call->path)) return 0;
    number++;
    if (action == KILL && number == at) {
        note(call, "killed", 0);
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!(action == FAIL_ONCE && number == at) && !(action == FAIL_ON && number >= at)) return 0;
    /* A disk that fills up takes the first half of what is written at last. */
    call->halved = action == FAIL_ON && number == at && call->kind == WRITE && size_of(call) > 1;
    if (call->halved) return 0;
    errno = error_number;
    *result = -1;
    note(call, "failed", 0);
    return 1;
}

static long long finished(struct call *call, long long result) {
    int problem = errno;
    note(call, result < 0 ? "refused" : "done", result);
    pthread_mutex_unlock(&one_at_a_time);
    errno = result < 0 ? problem : call->saved_errno;
    return result;
}

static long long refused(void) {
    int problem = errno;
    pthread_mutex_unlock(&one_at_a_time);
    errno = problem;
    return -1;
}

#define CARRIED_OUT(call, expression) \
    long long result; \
    if (begun(&call, &result)) return refused(); \
    result = (expression); \
    return finished(&call, result)

static long long inode_of(int file) {
    struct stat known;
    return fstat(file, &known) ? 0 : (long long)known.st_ino;
}

static int about_file(struct call *call, int file) {
    if (!armed || !path_of_file(file, call->path) || !is_watched(call->path)) return 0;
    call->inode = inode_of(file);
    return 1;
}

static int about_path(struct call *call, int folder, const char *path) {
    if (!armed) return 0;
    whole_path(folder, path, call->path);
    return is_watched(call->path);
}

/* ---- files */

static int opened(int folder, const char *path, int flags, mode_t mode) {
    struct call call = {OPEN, "open"};
    if ((flags & O_ACCMODE) == O_RDONLY || !about_path(&call, folder, path))
        return syscall(SYS_openat, folder, path, flags, mode);
    long long result;
    if (begun(&call, &result)) return refused();
    call.offset = !is_there(call.path) ? 2 : flags & O_TRUNC ? 1 : 0;  /* new, emptied, as it was */
    result = syscall(SYS_openat, folder, path, flags, mode);
    if (result >= 0) call.inode = inode_of(result);
    return finished(&call, result);
}

#define MODE(flags) \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = (flags) & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more)

int open(const char *path, int flags, ...) { MODE(flags); return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags); return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags); return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags); return opened(folder, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t put(int file, const struct iovec *data, int pieces, long long where) {
    if (where < 0) return syscall(SYS_writev, file, data, pieces);
    return syscall(SYS_pwritev, file, data, pieces, (long)where, 0);
}

static ssize_t written(int file, const struct iovec *data, int pieces, long long where) {
    struct call call = {.kind = WRITE, .name = "write", .data = data, .pieces = pieces};
    int said = armed && recording && (file == 1 || file == 2);
    if (!said && !about_file(&call, file)) return put(file, data, pieces, where);
    if (said) call.kind = 0, call.name = "say";
    long long result;
    struct stat known;
    struct iovec half;
    if (begun(&call, &result)) return refused();
    if (!said) {
        int appends = syscall(SYS_fcntl, file, F_GETFL) & O_APPEND;
        call.offset = where >= 0 ? where : appends && !fstat(file, &known) ? known.st_size : lseek(file, 0, SEEK_CUR);
    }
    if (call.halved) {
        half = (struct iovec){data->iov_base, size_of(&call) / 2};
        if (half.iov_len > data->iov_len) half.iov_len = data->iov_len;
        call.data = data = &half, call.pieces = pieces = 1;
        call.name = "write half";
    }
    result = put(file, data, pieces, where);
    return finished(&call, result);
}

ssize_t write(int file, const void *data, size_t size) {
    struct iovec piece = {(void *)data, size};
    return written(file, &piece, 1, -1);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t where) {
    struct iovec piece = {(void *)data, size};
    return written(file, &piece, 1, where);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t where) {
    struct iovec piece = {(void *)data, size};
    return written(file, &piece, 1, where);
}
ssize_t writev(int file, const struct iovec *data, int pieces) { return written(file, data, pieces, -1); }
ssize_t pwritev(int file, const struct iovec *data, int pieces, off_t where) { return written(file, data, pieces, where); }
ssize_t pwritev64(int file, const struct iovec *data, int pieces, off64_t where) { return written(file, data, pieces, where); }

/* Copying inside the kernel isn't offered, so that whoever copies does it by read and write, which are seen. */
ssize_t sendfile(int to, int from, off_t *where, size_t size) {
    char path[PATH_MAX];
    if (armed && path_of_file(to, path) && is_watched(path)) return errno = EINVAL, -1;
    return syscall(SYS_sendfile, to, from, where, size);
}
ssize_t sendfile64(int to, int from, off64_t *where, size_t size) { return sendfile(to, from, (off_t *)where, size); }
ssize_t copy_file_range(int from, off64_t *begin, int to, off64_t *where, size_t size, unsigned flags) {
    char path[PATH_MAX];
    if (armed && path_of_file(to, path) && is_watched(path)) return errno = EXDEV, -1;
    return syscall(SYS_copy_file_range, from, begin, to, where, size, flags);
}

int ftruncate(int file, off_t size) {
    struct call call = {.kind = TRUNCATE, .name = "truncate", .offset = size};
    if (!about_file(&call, file)) return syscall(SYS_ftruncate, file, size);
    CARRIED_OUT(call, syscall(SYS_ftruncate, file, size));
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }
int truncate(const char *path, off_t size) {
    struct call call = {.kind = TRUNCATE, .name = "truncate", .offset = size};
    struct stat known;
    if (!about_path(&call, AT_FDCWD, path)) return syscall(SYS_truncate, path, size);
    call.inode = stat(path, &known) ? 0 : (long long)known.st_ino;
    CARRIED_OUT(call, syscall(SYS_truncate, path, size));
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

static int synced(int file, long how) {
    struct call call = {SYNC, "fsync"};
    if (!about_file(&call, file)) return syscall(how, file);
    (void)how;  /* no power is cut, and a disk takes its time */
    CARRIED_OUT(call, 0);
}
int fsync(int file) { return synced(file, SYS_fsync); }
int fdatasync(int file) { return synced(file, SYS_fdatasync); }

/* ---- names */

static int renamed(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    struct call call = {RENAME, "rename"};
    int watched = about_path(&call, from_folder, from);
    if (armed) whole_path(to_folder, to, call.other);
    if (!watched && !(armed && is_watched(call.other)))
        return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    CARRIED_OUT(call, syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renamed(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return renamed(from_folder, from, to_folder, to, flags);
}

static int removed(int folder, const char *path, int flags) {
    struct call call = {UNLINK, flags & AT_REMOVEDIR ? "rmdir" : "unlink"};
    if (!about_path(&call, folder, path) || !is_there(call.path)) return syscall(SYS_unlinkat, folder, path, flags);
    CARRIED_OUT(call, syscall(SYS_unlinkat, folder, path, flags));
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return removed(folder, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    struct call call = {MKDIR, "mkdir"};
    if (!about_path(&call, folder, path) || is_there(call.path)) return syscall(SYS_mkdirat, folder, path, mode);
    CARRIED_OUT(call, syscall(SYS_mkdirat, folder, path, mode));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    struct call call = {LINK, "link"};
    if (armed) whole_path(from_folder, from, call.other);
    if (!about_path(&call, to_folder, to)) return syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    CARRIED_OUT(call, syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int folder, const char *path) {
    struct call call = {LINK, "symlink"};
    if (!about_path(&call, folder, path)) return syscall(SYS_symlinkat, target, folder, path);
    snprintf(call.other, sizeof call.other, "%s", target);
    CARRIED_OUT(call, syscall(SYS_symlinkat, target, folder, path));
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
