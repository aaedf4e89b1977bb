/* mapped.c - a file's bytes: see survey.h.  */
#include "survey/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *survey_map_file(const char *path, struct bytes *out)
{
    struct stat status;
    const char *fault = NULL;
    void *data = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return strerror(errno);
    }
    if (fstat(file, &status) != 0) {
        fault = strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
        fault = "this is no regular file";
    } else if (status.st_size > 0) {
        data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        fault = data == MAP_FAILED ? strerror(errno) : NULL;
    }
    if (fault == NULL) {
        *out = (struct bytes){data, (size_t)status.st_size};
        (void)madvise(data, out->len, MADV_SEQUENTIAL);
    }
    close(file);
    return fault;
}

void survey_unmap_file(struct bytes file)
{
    if (file.len > 0) {
        munmap((void *)(uintptr_t)file.data, file.len);
    }
}
