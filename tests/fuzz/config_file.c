/* Any text as a configuration file: it loads or is refused, and what loads can be printed and read again.
 *
 * `include` and `dir` would reach into the file system, so that inputs with them are passed over.  */
#include "config/config_private.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(struct bytes text, struct bytes word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (bytes_equal_ignore_case((struct bytes){text.data + i, word.len}, word)) {
            return true;
        }
    }
    return false;
}

static void read_again(struct config *config, const struct param *param)
{
    struct buffer line = BUFFER_EMPTY(MEM_SERVER), error = BUFFER_EMPTY(MEM_SERVER);
    bool is_done = buffer_append_format(&line, "%s ", param->name) && param_format(config, param, PARAM_FOR_FILE, &line);
    assert(is_done);
    is_done = config_load_text(config, "again", buffer_bytes(&line), &error);
    assert(is_done);
    buffer_release(&line);
    buffer_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {(const char *)data, size};
    if (contains(text, BYTES("include")) || contains(text, BYTES("dir"))) {
        return 0;
    }
    struct config *config = config_create();
    struct buffer error = BUFFER_EMPTY(MEM_SERVER);
    if (!config_load_text(config, "input", text, &error)) {
        assert(error.len > 0);
    }
    for (size_t i = 0; i < config_param_count; i++) {
        read_again(config, &config_params[i]);
    }
    buffer_release(&error);
    config_destroy(config);
    return 0;
}
