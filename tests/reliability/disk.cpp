// A disk that loses what was not synced, and fails when told to: preloaded into one process, for the files below DISK_ROOT.
//
// A sync that succeeds copies the file, as it is then, to the same name in DISK_SYNCED: what a power cut would leave. While
// the file DISK_FAULT holds a word, writes (ENOSPC, EIO, EROFS) or syncs (EIO_SYNC) fail with that error and do nothing.

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/types.h>
#include <unistd.h>

namespace {

template <typename Function> Function real(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string path_of(int file) {
    char link[64], path[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    return length > 0 ? std::string(path, length) : "";
}

bool watched(const std::string& path) {
    static const std::string root = variable("DISK_ROOT") + "/";
    return root.size() > 1 && path.compare(0, root.size(), root) == 0;
}

std::string fault() {
    static const std::string path = variable("DISK_FAULT");
    char word[16] = {};
    int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return "";
    ssize_t length = read(file, word, sizeof word - 1);
    close(file);
    return length > 0 ? std::string(word, length) : "";
}

// Returns the error that a write to this file is to fail with, 0 for none.
int write_error(int file) {
    std::string word = fault();
    if (word.empty() || !watched(path_of(file))) return 0;
    return word == "ENOSPC" ? ENOSPC : word == "EIO" ? EIO : word == "EROFS" ? EROFS : 0;
}

void keep(const std::string& path) {
    static const auto write_ = real<ssize_t (*)(int, const void*, size_t)>("write");
    std::string kept = variable("DISK_SYNCED") + path.substr(path.rfind('/')), partial = kept + ".partial";
    int from = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    int to = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static thread_local char block[1 << 16];
    for (ssize_t length; (length = read(from, block, sizeof block)) > 0;)
        if (write_(to, block, length) != length) std::abort();
    close(from);
    close(to);
    if (std::rename(partial.c_str(), kept.c_str()) != 0) std::abort();
}

int synced(int file, const char* name) {
    std::string path = path_of(file);
    if (watched(path) && fault() == "EIO_SYNC") {
        errno = EIO;
        return -1;
    }
    int outcome = real<int (*)(int)>(name)(file);
    if (outcome == 0 && watched(path)) keep(path);
    return outcome;
}

}  // namespace

extern "C" {

int fsync(int file) { return synced(file, "fsync"); }

int fdatasync(int file) { return synced(file, "fdatasync"); }

ssize_t write(int file, const void* content, size_t length) {
    static const auto write_ = real<ssize_t (*)(int, const void*, size_t)>("write");
    if (int error = write_error(file)) {
        errno = error;
        return -1;
    }
    return write_(file, content, length);
}

ssize_t pwrite64(int file, const void* content, size_t length, off64_t place) {
    static const auto pwrite_ = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
    if (int error = write_error(file)) {
        errno = error;
        return -1;
    }
    return pwrite_(file, content, length, place);
}

ssize_t pwrite(int file, const void* content, size_t length, off_t place) {
    return pwrite64(file, content, length, place);
}
}
