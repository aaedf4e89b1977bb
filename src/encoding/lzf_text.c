/* lzf_text.c - lengths checked around liblzf.  */
#include "encoding/lzf_text.h"

#include <limits.h>
#include <liblzf/lzf.h>

size_t lzf_text_compress(struct bytes text, char *out, size_t room)
{
    if (text.len == 0 || text.len > UINT_MAX) {
        return 0;
    }
    return lzf_compress(text.data, (unsigned)text.len, out, room > UINT_MAX ? UINT_MAX : (unsigned)room);
}

bool lzf_text_decompress(struct bytes compressed, char *out, size_t len)
{
    if (compressed.len == 0 || compressed.len > UINT_MAX || len == 0 || len > UINT_MAX) {
        return false;
    }
    return lzf_decompress(compressed.data, (unsigned)compressed.len, out, (unsigned)len) == len;
}
