/* files.c - the orders that a crash allows.
 *
 * Invariant  What a name on disk leads to is on disk before the name is.  */
#include "aof/files.h"

#include "mem/heap.h"

#include <errno.h>

int aof_files_create_log(const struct aof_files *files, const char *name, const struct aof_header *header)
{
    char bytes[AOF_HEADER_BYTES];
    aof_header_write(header, bytes);
    const int error = files->create(files->context, name, (struct bytes){bytes, sizeof bytes});
    return error != 0 ? error : files->sync(files->context, name);
}

static int replace(const struct aof_files *files, struct bytes text)
{
    void *const context = files->context;
    int error = files->sync_folder(context);
    error = error != 0 ? error : files->create(context, AOF_MANIFEST_TEMPORARY, text);
    error = error != 0 ? error : files->sync(context, AOF_MANIFEST_TEMPORARY);
    error = error != 0 ? error : files->rename(context, AOF_MANIFEST_TEMPORARY, AOF_MANIFEST_NAME);
    return error != 0 ? error : files->sync_folder(context);
}

int aof_files_replace_manifest(const struct aof_files *files, const struct aof_manifest *manifest)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    int error = aof_manifest_write(manifest, &text) ? 0 : ENOMEM;
    error = error == 0 && text.len > AOF_MANIFEST_BYTES_MAX ? E2BIG : error; /* nobody would read it */
    error = error != 0 ? error : replace(files, buffer_bytes(&text));
    buffer_release(&text);
    return error;
}

static int read_whole(const struct aof_source *source, struct buffer *out)
{
    if (source->bytes > AOF_MANIFEST_BYTES_MAX) {
        return EBADMSG;
    }
    if (source->bytes == 0) {
        return 0;
    }
    if (!buffer_reserve_exactly(out, source->bytes)) {
        return ENOMEM;
    }
    if (!source->read(source->context, 0, out->data, source->bytes)) {
        return errno;
    }
    out->len = source->bytes;
    return 0;
}

int aof_files_read_manifest(const struct aof_files *files, struct aof_manifest *out, const char **fault, uint32_t *line)
{
    struct aof_source source;
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    *fault = NULL;
    *line = 0;
    int error = files->open(files->context, AOF_MANIFEST_NAME, &source);
    if (error != 0) {
        return error;
    }
    error = read_whole(&source, &text);
    files->close(files->context, &source);
    if (error == 0) {
        *fault = aof_manifest_read(buffer_bytes(&text), out, line);
        error = *fault != NULL ? EBADMSG : 0;
    } else if (error == EBADMSG) {
        *fault = "the manifest is too long";
    }
    buffer_release(&text);
    return error;
}
